package client

import (
	"slices"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// mixable are scripts that one text may have together, as in Japanese, Chinese and Korean, whose letters nobody takes for Latin
// ones.
var mixable = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// mixesScripts reports whether the text is not "highly restrictive" (Unicode TR39 section 5.2): letters of several scripts, of which
// some could be taken for others. Digits, punctuation and emoji belong to every script.
//
// A character counts for the script of what it stands for, so that a letter of mathematics is a Latin one. Unicode's script
// extensions are not regarded: they would allow a little more.
func mixesScripts(text string) bool {
	var used []string
	for _, r := range text {
		if r == microSign { // which stands for a Greek letter, and looks like no Latin one
			continue
		}
		for _, stands := range norm.NFKC.String(string(r)) {
			if name := scriptOf(stands); name != "" && !slices.Contains(used, name) {
				used = append(used, name)
			}
		}
	}
	return len(used) > 1 && !slices.ContainsFunc(mixable, func(together []string) bool {
		return !slices.ContainsFunc(used, func(name string) bool { return !slices.Contains(together, name) })
	})
}

const microSign = '\u00B5'

// scriptOf names the script that the character belongs to; "" where that is every one.
func scriptOf(r rune) string {
	switch {
	case unicode.In(r, unicode.Common, unicode.Inherited):
		return ""
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	}
	for name, script := range unicode.Scripts {
		if unicode.Is(script, r) {
			return name
		}
	}
	return ""
}
