package client

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ShownName is the name by which users know the client: its ID where it has no name, or one that could deceive them. No client
// is registered with such a name any more, but some may have been before.
func ShownName(name, id string) string {
	if strings.TrimSpace(name) == "" || checkName(name) != nil {
		return id
	}
	return name
}

// Visible is a text without what cannot be seen, and without what turns the direction of what follows.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, text)
}

// checkName says what lets a name look like another one.
func checkName(name string) error {
	switch {
	case Visible(name) != name:
		return errors.New("it has characters that are invisible or change the direction of writing")
	case hasPileOfMarks(name):
		return errors.New("it has more than 4 marks over or under one letter")
	case mixesScripts(name):
		return errors.New("it mixes letters of different scripts, such as Latin and Cyrillic, which look alike")
	}
	return nil
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

// hasPileOfMarks holds for a letter with so many marks that they lie over the lines around it (Unicode TR39 section 5.4).
func hasPileOfMarks(name string) bool {
	pile := 0
	for _, r := range norm.NFD.String(name) {
		switch {
		case !unicode.In(r, unicode.Mn, unicode.Me):
			pile = 0
		case pile == 4:
			return true
		default:
			pile++
		}
	}
	return false
}
