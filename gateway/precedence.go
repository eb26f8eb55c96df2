package gateway

import "slices"

// earlierTarget is a route that stands before another in targets.json and is less specific. oauth2server gives it the
// requests that both match.
type earlierTarget struct {
	segments []segment
	methods  [Methods]bool
	rule     *rule
}

func (e *earlierTarget) serves(m Method, t *target) bool {
	return e.methods[m] && matches(e.segments, t)
}

// keepOrder is given the routes of targets.json in their order, when the tree under n has all of them. It costs a request
// something only where the file has a route behind one that takes some of its requests.
func (n *node) keepOrder(targets []earlierTarget) {
	for i, later := range targets {
		for _, earlier := range targets[:i] {
			if sharesMethod(&earlier, &later) && mayOverlap(earlier.segments, later.segments) &&
				!n.triesFirst(earlier.segments, later.segments) {
				later.rule.earlier = append(later.rule.earlier, earlier)
			}
		}
	}
}

func sharesMethod(a, b *earlierTarget) bool {
	for m := range a.methods {
		if a.methods[m] && b.methods[m] {
			return true
		}
	}
	return false
}

// matches is what find does, for one route.
func matches(template []segment, t *target) bool {
	for i, s := range template {
		if i >= len(t.segments) {
			return false
		}
		if s.kind == restOfPath {
			return s.pattern.matches(t.from(i))
		}
		if !s.matches(t.segments[i]) {
			return false
		}
	}
	return len(template) == len(t.segments)
}

func (s segment) matches(value []byte) bool {
	switch s.kind {
	case literalSegment:
		return string(value) == s.literal
	case patternSegment:
		return s.pattern.matches(value)
	default:
		return len(value) > 0
	}
}

// mayOverlap is false only when no path matches both templates.
func mayOverlap(a, b []segment) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		switch {
		case x.kind == restOfPath || y.kind == restOfPath:
			return true
		case x.kind == literalSegment && !y.matches([]byte(x.literal)), y.kind == literalSegment && !x.matches([]byte(y.literal)):
			return false
		}
	}
	return len(a) == len(b)
}

// triesFirst holds when find comes to the first template before it comes to the second, on every path that both match.
func (n *node) triesFirst(first, second []segment) bool {
	for i, s := range first {
		if !s.is(second[i]) {
			return n.turn(s) < n.turn(second[i])
		}
		n = n.child(s)
	}
	return true
}

// turn is when find looks at a segment of a template that is in the tree.
func (n *node) turn(s segment) int {
	isOf := func(b branch) bool { return b.pattern.is(s.pattern) }
	switch s.kind {
	case patternSegment:
		return 1 + slices.IndexFunc(n.patterns, isOf)
	case paramSegment:
		return 1 + len(n.patterns)
	case restOfPath:
		return 2 + len(n.patterns) + slices.IndexFunc(n.rests, isOf)
	default:
		return 0
	}
}

// covers holds only when every path that the second template matches is one of the first.
func covers(first, second []segment) bool {
	for i, s := range first {
		switch {
		case i >= len(second):
			return false
		case s.kind == restOfPath:
			return s.is(second[i]) || s.pattern.run.isAll() && (s.pattern.run.least == 0 || !canBeEmpty(second[i:]))
		case s.is(second[i]):
		case second[i].kind == literalSegment && s.matches([]byte(second[i].literal)):
		case s.kind == paramSegment && second[i].kind == patternSegment && !canBeEmpty(second[i:i+1]):
		default:
			return false
		}
	}
	return len(first) == len(second)
}

// canBeEmpty is about the text that segments match, without the slash before it.
func canBeEmpty(segments []segment) bool {
	if len(segments) > 1 {
		return false
	}
	switch s := segments[0]; s.kind {
	case literalSegment:
		return s.literal == ""
	case paramSegment:
		return false
	default:
		return s.pattern.matches(nil)
	}
}
