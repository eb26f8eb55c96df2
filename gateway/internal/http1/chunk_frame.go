package http1

// ChunkRoom is how many bytes FrameChunk needs before the data of a chunk: up to seven digits, CR LF.
const ChunkRoom = 9

// LastChunk comes after the other chunks. The trailers and an empty line follow it.
const LastChunk = "0\r\n"

// FrameChunk makes a chunk of its data, which is frame[ChunkRoom:], not empty and shorter than 256 MiB. The chunk is a
// part of frame unless two more bytes exceed the capacity of that.
func FrameChunk(frame []byte) []byte {
	const digits = "0123456789abcdef"
	at := ChunkRoom - 2
	frame[at], frame[at+1] = '\r', '\n'
	for size := len(frame) - ChunkRoom; size > 0; size >>= 4 {
		at--
		frame[at] = digits[size&15]
	}
	return append(frame, "\r\n"...)[at:]
}
