package routing

import (
	"math"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway/internal/http1"
)

// run is a pattern that is one class of characters, some times: [0-9a-f]{64}, \d+, .*. Most are, and a loop over bytes takes a
// small part of the time that an expression does.
type run struct {
	class       http1.ByteSet
	least, most int // bytes
}

// runOf returns nil for every other expression. Text is valid UTF-8, so that the bytes of characters beyond ASCII can be told
// from others, but not counted.
func runOf(expression *syntax.Regexp) *run {
	r := &run{least: 1, most: 1}
	chars := expression
	switch expression.Op {
	case syntax.OpStar:
		r.least, r.most = 0, math.MaxInt
	case syntax.OpPlus:
		r.most = math.MaxInt
	case syntax.OpQuest:
		r.least = 0
	case syntax.OpRepeat:
		if r.least, r.most = expression.Min, expression.Max; r.most < 0 {
			r.most = math.MaxInt
		}
	}
	if len(expression.Sub) == 1 && expression.Op != syntax.OpCapture {
		chars = expression.Sub[0]
	}
	ranges := chars.Rune
	switch chars.Op {
	case syntax.OpCharClass:
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL: // there are no line breaks in a path
		ranges = []rune{0, unicode.MaxRune}
	default:
		return nil
	}
	for i := 0; i < len(ranges); i += 2 {
		from, to := ranges[i], ranges[i+1]
		for b := from; b <= min(to, unicode.MaxASCII); b++ {
			r.class[b] = true
		}
		if to < utf8.RuneSelf {
			continue
		}
		if from > utf8.RuneSelf || to < unicode.MaxRune || r.least > 1 || r.most < math.MaxInt {
			return nil
		}
		for b := utf8.RuneSelf; b < len(r.class); b++ {
			r.class[b] = true
		}
	}
	return r
}

func (r *run) matches(text []byte) bool {
	return r.least <= len(text) && len(text) <= r.most && r.class.HoldsAll(text)
}

// isAll holds for .* and .+.
func (r *run) isAll() bool {
	return r != nil && r.least <= 1 && r.most == math.MaxInt && !slices.Contains(r.class[:], false)
}
