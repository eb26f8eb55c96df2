package client

import (
	"strings"
	"unicode"
)

// ShownName is a client's name without what would let it look like another one: characters that cannot be seen, or that
// turn the direction of what follows. No client is registered with such a name any more, but some may have been before.
func ShownName(name string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, name)
}

const (
	emojiPresentation = '\uFE0F' // says only that the character before is an emoji
	blankBraille      = '\u2800'
)

// isInvisible holds for controls and formats (bidirectional ones among them), for what Unicode lets programs ignore, and
// for what it leaves undefined.
func isInvisible(r rune) bool {
	switch {
	case r == emojiPresentation:
		return false
	case r == blankBraille, !unicode.IsGraphic(r):
		return true
	default:
		return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	}
}
