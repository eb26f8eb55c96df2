package document

// IsPublic is what is asked of each address before it is dialled.
var IsPublic = isPublic

// Remembered is how much memory a Source counts.
func Remembered(s *Source) uint64 {
	s.known.CleanUp()
	return s.known.WeightedSize()
}
