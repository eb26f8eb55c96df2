package http1

// ByteSet says of each byte whether it is a member. It is not changed after it was made, and then safe for concurrent use.
type ByteSet [256]bool

// NewByteSet returns the set of the bytes in members.
func NewByteSet(members string) *ByteSet {
	var set ByteSet
	for i := range len(members) {
		set[members[i]] = true
	}
	return &set
}

// HoldsAll reports whether every byte of text is a member; it holds for no text.
func (s *ByteSet) HoldsAll(text []byte) bool {
	for _, b := range text {
		if !s[b] {
			return false
		}
	}
	return true
}
