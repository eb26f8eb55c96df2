package routing

import (
	"errors"
	"strings"
)

// ErrNoRoute says that there is no route at a path.
var ErrNoRoute = errors.New("there is no such route")

// Tree finds the route of a request, by its method and path. It has whatever is to be found as an R. After Finish it does not
// change and is safe for concurrent use.
type Tree[R any] struct {
	root    node[R]
	ordered []*route[R]
}

// route is what was added at once.
type route[R any] struct {
	value     R
	template  Template
	methods   [Methods]bool
	isOrdered bool
	earlier   []*route[R] // that win over it
}

// node is a place in the tree, behind some segments of a path.
type node[R any] struct {
	literals map[string]*node[R]
	patterns []branch[R] // in the order in which they were added
	param    *node[R]
	rests    []branch[R] // ends of paths of any length, likewise
	routes   [Methods]*route[R]
	// allow are the methods of a path that ends here, as the field Allow has them; empty where none does.
	allow string
	// wrongMethod answers any other.
	wrongMethod error
	// keepsPath says that no other route gets a request of this path, whatever its method.
	keepsPath bool
}

// branch is what follows where a pattern matches.
type branch[R any] struct {
	pattern *pattern
	node    *node[R]
}

// Add gives value the requests of a path and some methods, and returns those of the methods that another has there already,
// which keeps them. Of routes that are ordered, the first that was added has what several of them match; another's path
// hides theirs.
func (t *Tree[R]) Add(template Template, methods []Method, value R, isOrdered bool) (taken []Method) {
	r := &route[R]{value: value, template: template, isOrdered: isOrdered}
	end := t.root.at(template)
	for _, m := range methods {
		switch before := end.routes[m]; {
		case before == nil:
			end.routes[m] = r
			end.keepsPath = end.keepsPath || !isOrdered
		case !before.isOrdered || !isOrdered:
			taken = append(taken, m)
			continue
		}
		r.methods[m] = true
	}
	r.methods[Head] = r.methods[Head] || r.methods[Get]
	if isOrdered {
		t.ordered = append(t.ordered, r)
	}
	return taken
}

// at is the node of a template. It is made where there was none.
func (n *node[R]) at(template Template) *node[R] {
	for _, s := range template {
		next := n.child(s)
		if next == nil {
			next = &node[R]{}
			switch s.kind {
			case literalSegment:
				if n.literals == nil {
					n.literals = make(map[string]*node[R])
				}
				n.literals[s.literal] = next
			case patternSegment:
				n.patterns = append(n.patterns, branch[R]{s.pattern, next})
			case paramSegment:
				n.param = next
			case restOfPath:
				n.rests = append(n.rests, branch[R]{s.pattern, next})
			}
		}
		n = next
	}
	return n
}

// child is the node behind a segment, nil when there is none.
func (n *node[R]) child(s segment) *node[R] {
	var branches []branch[R]
	switch s.kind {
	case literalSegment:
		return n.literals[s.literal]
	case paramSegment:
		return n.param
	case patternSegment:
		branches = n.patterns
	case restOfPath:
		branches = n.rests
	}
	for _, b := range branches {
		if b.pattern.is(s.pattern) {
			return b.node
		}
	}
	return nil
}

// Finish lets HEAD pass where GET does. wrongMethod makes the error for a path without the request's method, of those that it
// has, as the field Allow lists them.
func (t *Tree[R]) Finish(wrongMethod func(allow string) error) {
	t.root.finish(wrongMethod)
	t.keepOrder()
}

func (n *node[R]) finish(wrongMethod func(allow string) error) {
	if n.routes[Head] == nil {
		n.routes[Head] = n.routes[Get]
	}
	var has []string
	for m, r := range n.routes {
		if r != nil {
			has = append(has, Method(m).String())
		}
	}
	if has != nil {
		n.allow = strings.Join(has, ", ")
		n.wrongMethod = wrongMethod(n.allow)
	}
	for _, child := range n.literals {
		child.finish(wrongMethod)
	}
	for _, b := range n.patterns {
		b.node.finish(wrongMethod)
	}
	if n.param != nil {
		n.param.finish(wrongMethod)
	}
	for _, b := range n.rests {
		b.node.finish(wrongMethod)
	}
}

// Match finds the route of a request. The path alone selects the node, and only then the method counts: a route
// /invoices/incoming hides /invoices/{hash} from that path, for every method. Among ordered routes the first wins that has
// the path and the method. The error is ErrNoRoute, or what Finish was given for a wrong method. Match allocates nothing.
func (t *Tree[R]) Match(method []byte, target *Target) (found R, err error) {
	m := MethodNamed(method)
	end := t.find(target, m)
	if end == nil {
		return found, ErrNoRoute
	}
	r := end.routes[m]
	if r == nil {
		return found, end.wrongMethod
	}
	for _, before := range r.earlier {
		if before.methods[m] && before.template.matches(target) {
			return before.value, nil
		}
	}
	return r.value, nil
}

// Allow lists the methods of the path, as the field of that name does. It is empty where there is no route. wanted is the
// method for which the caller asks.
func (t *Tree[R]) Allow(target *Target, wanted []byte) string {
	if end := t.find(target, MethodNamed(wanted)); end != nil {
		return end.allow
	}
	return ""
}

// find finds the node of a path: one that has the method or keeps its path, or else any; nil when there is none.
func (t *Tree[R]) find(target *Target, m Method) *node[R] {
	if t.root.isOpen() && IsReserved(target.segments[0]) {
		return nil
	}
	if end := t.root.find(target, 0, m); end != nil {
		return end
	}
	return t.root.find(target, 0, anyMethod)
}

// isOpen holds where a segment may be one that nobody has written into the configuration.
func (n *node[R]) isOpen() bool { return n.param != nil || len(n.patterns) > 0 || len(n.rests) > 0 }

// find looks at literal segments first, then at patterns, then at parameters, and last at what takes the rest of a path.
func (n *node[R]) find(t *Target, at int, m Method) *node[R] {
	if at == len(t.segments) {
		if n.allow == "" || !n.keepsPath && m != anyMethod && n.routes[m] == nil {
			return nil
		}
		return n
	}
	segment := t.segments[at]
	if next := n.literals[string(segment)]; next != nil {
		if end := next.find(t, at+1, m); end != nil {
			return end
		}
	}
	for i := range n.patterns {
		if b := &n.patterns[i]; b.pattern.matches(segment) {
			if end := b.node.find(t, at+1, m); end != nil {
				return end
			}
		}
	}
	if n.param != nil && len(segment) > 0 {
		if end := n.param.find(t, at+1, m); end != nil {
			return end
		}
	}
	for i := range n.rests {
		if b := &n.rests[i]; b.pattern.matches(t.from(at)) {
			if end := b.node.find(t, len(t.segments), m); end != nil {
				return end
			}
		}
	}
	return nil
}
