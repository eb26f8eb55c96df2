package gateway

// node is a place in the tree of routes, behind some segments of a path. The tree does not change once it was built.
type node struct {
	literals map[string]*node
	patterns []branch // in the order of the configuration
	param    *node
	rests    []branch // ends of paths of any length, likewise
	rules    [Methods]*rule
	// wrongMethod answers a method that the path does not have; nil where no path ends.
	wrongMethod *refusal
	// keepsPath says that no other route gets a request of this path, whatever its method.
	keepsPath bool
}

// branch is what follows where a pattern matches.
type branch struct {
	pattern *pattern
	node    *node
}

// add returns whose the method of that path is already, and nil when it was free.
func (n *node) add(path []segment, m Method, r *rule) (taken *rule) {
	for _, s := range path {
		next := n.child(s)
		if next == nil {
			next = &node{}
			switch s.kind {
			case literalSegment:
				if n.literals == nil {
					n.literals = make(map[string]*node)
				}
				n.literals[s.literal] = next
			case patternSegment:
				n.patterns = append(n.patterns, branch{s.pattern, next})
			case paramSegment:
				n.param = next
			case restOfPath:
				n.rests = append(n.rests, branch{s.pattern, next})
			}
		}
		n = next
	}
	if taken = n.rules[m]; taken != nil {
		return taken
	}
	n.rules[m] = r
	n.keepsPath = n.keepsPath || !r.fromTargets
	return nil
}

// child is the node behind a segment, nil when there is none.
func (n *node) child(s segment) *node {
	var branches []branch
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

// finish lets HEAD pass where GET does, and prepares what a wrong method is told.
func (n *node) finish() {
	if n.rules[methodHead] == nil {
		n.rules[methodHead] = n.rules[methodGet]
	}
	var has []string
	for m, r := range n.rules {
		if r != nil {
			has = append(has, Method(m).String())
		}
	}
	if has != nil {
		n.wrongMethod = methodRefusal(has)
	}
	for _, child := range n.literals {
		child.finish()
	}
	for _, b := range n.patterns {
		b.node.finish()
	}
	if n.param != nil {
		n.param.finish()
	}
	for _, b := range n.rests {
		b.node.finish()
	}
}

// match finds the rule of a request. The path alone selects the node, and only then the method counts: a route
// /invoices/incoming hides /invoices/{hash} from that path, for every method. Among routes of targets.json the first of the
// file wins that has the path and the method.
func (n *node) match(name []byte, t *target) (*rule, error) {
	m := MethodNamed(name)
	end := n.matchPath(t, m)
	if end == nil {
		return nil, errNotFound
	}
	r := end.rules[m]
	if r == nil {
		return nil, end.wrongMethod
	}
	for i := range r.earlier {
		if before := &r.earlier[i]; before.serves(m, t) {
			return before.rule, nil
		}
	}
	return r, nil
}

// matchPath finds the node of a path: one that has the method or keeps its path, or else any; nil when there is none.
func (n *node) matchPath(t *target, m Method) *node {
	if n.isOpen() && isReserved(t.segments[0]) {
		return nil
	}
	if end := n.find(t, 0, m); end != nil {
		return end
	}
	return n.find(t, 0, anyMethod)
}

// isOpen holds where a segment may be one that nobody has written into the configuration.
func (n *node) isOpen() bool { return n.param != nil || len(n.patterns) > 0 || len(n.rests) > 0 }

// find looks at literal segments first, then at patterns, then at parameters, and last at what takes the rest of a path.
func (n *node) find(t *target, at int, m Method) *node {
	if at == len(t.segments) {
		if n.wrongMethod == nil || !n.keepsPath && m != anyMethod && n.rules[m] == nil {
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
