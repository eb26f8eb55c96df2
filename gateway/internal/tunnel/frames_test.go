package tunnel

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// encoded is a frame with a payload of that size, and with the length in a form that may be longer than it needs to be.
func encoded(opcode byte, size, form int, masked bool) []byte {
	frame := []byte{opcode, 0}
	switch {
	case form == 2 || size > 0xffff:
		frame[1] = 127
		frame = binary.BigEndian.AppendUint64(frame, uint64(size))
	case form == 1 || size > 125:
		frame[1] = 126
		frame = binary.BigEndian.AppendUint16(frame, uint16(size))
	default:
		frame[1] = byte(size)
	}
	if masked {
		frame[1] |= maskedFrame
		frame = append(frame, 1, 2, 3, 4)
	}
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = finalFrame | closeOpcode // what a header could begin with
	}
	return append(frame, payload...)
}

// However a stream is cut into pieces, the boundaries of its frames are where they were put.
func TestFramesAreFollowed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var stream []byte
		boundaries := map[int]bool{0: true}
		for range 1 + random.IntN(10) {
			sizes := []int{0, 1, 125, 126, 127, 200, 0xffff, 0x10000, random.IntN(1000)}
			stream = append(stream, encoded(byte(random.IntN(8)), sizes[random.IntN(len(sizes))], random.IntN(3), random.IntN(2) == 0)...)
			boundaries[len(stream)] = true
		}
		var f frames
		for at := 0; at < len(stream); {
			if f.atBoundary() != boundaries[at] {
				t.Fatalf("at %d: boundary %t", at, f.atBoundary())
			}
			piece := stream[at:min(len(stream), at+1+random.IntN([]int{1, 5, 5000}[random.IntN(3)]))]
			if random.IntN(2) == 0 {
				f.follow(piece)
				at += len(piece)
				continue
			}
			n := f.next(piece)
			for inside := at + 1; inside < at+n; inside++ {
				if boundaries[inside] {
					t.Fatalf("from %d to %d it goes further than its frame", at, at+n)
				}
			}
			at += n
		}
		require.True(t, f.atBoundary())
		require.False(t, f.closed)
		f.follow(encoded(finalFrame|closeOpcode, 2, 0, true))
		require.True(t, f.closed)
	}
}

// A length that no frame can have must not wrap around.
func TestAFrameWithoutEndHasNone(t *testing.T) {
	var f frames
	f.follow(append([]byte{0x82, 127}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.follow(make([]byte, 1<<20))
	require.False(t, f.atBoundary())
}
