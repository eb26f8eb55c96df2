package routing

import "slices"

// keepOrder gives each route that is ordered those before it that are less specific and take some of its requests. It costs a
// request something only where there are such.
func (t *Tree[R]) keepOrder() {
	for i, later := range t.ordered {
		for _, earlier := range t.ordered[:i] {
			if sharesMethod(earlier, later) && mayOverlap(earlier.template, later.template) &&
				!t.root.triesFirst(earlier.template, later.template) {
				later.earlier = append(later.earlier, earlier)
			}
		}
	}
}

func sharesMethod[R any](a, b *route[R]) bool {
	for m := range a.methods {
		if a.methods[m] && b.methods[m] {
			return true
		}
	}
	return false
}

// matches is what find does, for one route.
func (template Template) matches(t *Target) bool {
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
func mayOverlap(a, b Template) bool {
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
func (n *node[R]) triesFirst(first, second Template) bool {
	for i, s := range first {
		if !s.is(second[i]) {
			return n.turn(s) < n.turn(second[i])
		}
		n = n.child(s)
	}
	return true
}

// turn is when find looks at a segment of a template that is in the tree.
func (n *node[R]) turn(s segment) int {
	isOf := func(b branch[R]) bool { return b.pattern.is(s.pattern) }
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

// Covers holds only when every path that the other template matches is one of this one.
func (template Template) Covers(other Template) bool {
	for i, s := range template {
		switch {
		case i >= len(other):
			return false
		case s.kind == restOfPath:
			return s.is(other[i]) || s.pattern.run.isAll() && (s.pattern.run.least == 0 || !canBeEmpty(other[i:]))
		case s.is(other[i]):
		case other[i].kind == literalSegment && s.matches([]byte(other[i].literal)):
		case s.kind == paramSegment && other[i].kind == patternSegment && !canBeEmpty(other[i:i+1]):
		default:
			return false
		}
	}
	return len(template) == len(other)
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
