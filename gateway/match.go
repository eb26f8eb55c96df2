package gateway

// node is a path segment in the tree of routes. The tree does not change once it was built.
type node struct {
	literals map[string]*node
	param    *node
	rules    [Methods]*rule
	// wrongMethod answers a method that the path does not have; nil where no path ends.
	wrongMethod *refusal
}

// add reports whether the method of that path was still free.
func (n *node) add(path []segment, m Method, r *rule) bool {
	for _, s := range path {
		next := n.param
		if !s.param {
			next = n.literals[s.literal]
		}
		if next == nil {
			next = &node{}
			if s.param {
				n.param = next
			} else {
				if n.literals == nil {
					n.literals = make(map[string]*node)
				}
				n.literals[s.literal] = next
			}
		}
		n = next
	}
	if n.rules[m] != nil {
		return false
	}
	n.rules[m] = r
	return true
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
	if n.param != nil {
		n.param.finish()
	}
}

// match finds the rule of a request. The path alone selects the node, and only then the method counts: a route
// /invoices/incoming hides /invoices/{hash} from that path, for every method.
func (n *node) match(name []byte, path [][]byte) (*rule, error) {
	if n.param != nil && isReserved(string(path[0])) {
		return nil, errNotFound
	}
	end := n.find(path)
	if end == nil {
		return nil, errNotFound
	}
	if r := end.rules[MethodNamed(name)]; r != nil {
		return r, nil
	}
	return nil, end.wrongMethod
}

func (n *node) find(path [][]byte) *node {
	if len(path) == 0 {
		if n.wrongMethod == nil {
			return nil
		}
		return n
	}
	if next := n.literals[string(path[0])]; next != nil {
		if end := next.find(path[1:]); end != nil {
			return end
		}
	}
	if n.param != nil && len(path[0]) > 0 {
		return n.param.find(path[1:])
	}
	return nil
}
