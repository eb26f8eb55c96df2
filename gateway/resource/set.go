package resource

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway/internal/routing"
)

// Settings are what an operator says about a resource.
type Settings struct {
	// URL is what clients know it by, and what is in the aud of tokens for it: where its routes are, as clients see it. It has no slash
	// at the end.
	URL string `yaml:"url" json:"url"`
	// Name is what users are told it is called.
	Name string `yaml:"name" json:"name"`
}

// Route is what a Set has to know of a route.
type Route struct {
	Path       string
	Methods    []string
	IsOrdered  bool // as routing.Tree.Add has it
	Scope      string
	MoreScopes []string // which some of its requests need besides
	Resource   string   // by its name in the configuration; empty: the issuer's own
	BoundOnly  bool     // it takes only tokens that are bound to a key (RFC 9449)
}

// Resource is what tokens can be for.
type Resource struct {
	URL  string // its identifier, and the audience of its tokens
	Name string // may be empty
	// MetadataURL is where its document is (RFC 9728 section 3).
	MetadataURL string
	IsIssuers   bool // what has no name in the configuration
}

// Set is the resources of a gateway. There is always the issuer's own, of which every route is that names no other. It does not change
// and is safe for concurrent use.
type Set struct {
	issuer *member
	named  map[string]*member
	all    []*member // the issuer's first, then by name
	places routing.Tree[place]
}

// member is a resource with what follows from the configuration.
type member struct {
	Resource
	at     identifier
	root   string // the URL without its path, as it is written
	base   string // the part of every path that a proxy in front takes away
	access access
}

// access is what a caller needs at one or more routes.
type access struct {
	scopes                []string // sorted, each once
	takesBound, takesBare bool     // some route takes only tokens that are bound to a key; some takes others, too
}

// isBoundOnly reports whether no token passes that is bound to no key.
func (a *access) isBoundOnly() bool { return a.takesBound && !a.takesBare }

func (a *access) add(p place) {
	for _, scope := range p.scopes {
		if scope != "" && !slices.Contains(a.scopes, scope) {
			a.scopes = append(a.scopes, scope)
			slices.Sort(a.scopes)
		}
	}
	a.takesBound = a.takesBound || p.boundOnly
	a.takesBare = a.takesBare || !p.boundOnly
}

// place is a route, seen from outside.
type place struct {
	owner     *member
	scopes    []string
	boundOnly bool
}

// New finds out which route belongs to which resource. The error joins every problem. issuer has no slash at the end.
func New(issuer, issuerName string, resources map[string]Settings, routes []Route) (*Set, error) {
	s := &Set{named: make(map[string]*member)}
	var err error
	if s.issuer, err = newMember(Settings{URL: issuer, Name: issuerName}); err != nil {
		return nil, fmt.Errorf("the issuer cannot be a resource: %w", err)
	}
	s.issuer.IsIssuers, s.issuer.base = true, s.issuer.at.path
	s.all = []*member{s.issuer}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		m, err := s.add(resources[name])
		if err != nil {
			problems = append(problems, fmt.Errorf("resource %q: %w", name, err))
			continue
		}
		s.named[name] = m
		s.all = append(s.all, m)
	}
	for i, route := range routes {
		_, isNamed := resources[route.Resource] // and has a problem of its own, if it is not known
		if err := s.addRoute(route); err != nil && !isNamed {
			problems = append(problems, fmt.Errorf("route %d (%s %s): %w", i+1, strings.Join(route.Methods, ","), route.Path, err))
		}
	}
	s.places.Finish(func(string) error { return routing.ErrNoRoute })
	for _, name := range slices.Sorted(maps.Keys(s.named)) {
		if err := s.check(name, routes); err != nil {
			problems = append(problems, fmt.Errorf("resource %q: %w", name, err))
		}
	}
	return s, errors.Join(problems...)
}

// add refuses a resource that clients would confuse with another, or not find.
func (s *Set) add(settings Settings) (*member, error) {
	m, err := newMember(settings)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its url cannot be used: %w", err)
	case m.at.String() != settings.URL:
		return nil, fmt.Errorf("its url has to be written as %s", m.at)
	case !strings.HasPrefix(settings.URL, "https:") && strings.HasPrefix(s.issuer.URL, "https:"):
		return nil, errors.New("its url is not https, as the issuer is")
	}
	for _, other := range s.all {
		if other.at == m.at {
			return nil, fmt.Errorf("%s is the url of another resource, or of the issuer", m.URL)
		}
	}
	if _, below := cutBase(m.at.path, s.issuer.at.path); below && m.at.origin == s.issuer.at.origin {
		m.base = s.issuer.at.path
	}
	return m, nil
}

func newMember(settings Settings) (*member, error) {
	at, err := parseIdentifier(settings.URL)
	if err != nil {
		return nil, err
	}
	m := &member{Resource: Resource{URL: settings.URL, Name: settings.Name}, at: at}
	m.root = at.origin
	if strings.HasSuffix(settings.URL, at.path) {
		m.root = strings.TrimSuffix(settings.URL, at.path)
	}
	m.MetadataURL = m.root + WellKnown + at.path
	return m, nil
}

func (s *Set) addRoute(route Route) error {
	owner := s.issuer
	if route.Resource != "" {
		if owner = s.named[route.Resource]; owner == nil {
			return fmt.Errorf("there is no resource %q", route.Resource)
		}
	}
	at := place{owner, append([]string{route.Scope}, route.MoreScopes...), route.BoundOnly}
	owner.access.add(at)
	template, err := routing.ParseTemplate(route.Path)
	if err != nil {
		return nil // the gateway reports it, as it does a method that there is not
	}
	var methods []routing.Method
	for _, name := range route.Methods {
		if m := routing.MethodNamed(name); m != routing.OtherMethod {
			methods = append(methods, m)
		}
	}
	s.places.Add(template, methods, at, route.IsOrdered)
	return nil
}

// check holds a resource to its routes: clients send its tokens to what is below its URL, and nowhere else.
func (s *Set) check(name string, routes []Route) error {
	m := s.named[name]
	local := strings.TrimPrefix(m.at.path, m.base)
	has := false
	for _, route := range routes {
		if route.Resource != name {
			continue
		}
		has = true
		if _, below := cutBase(route.Path, local); !below {
			return fmt.Errorf("its route %s is not below the path of its url", route.Path)
		}
	}
	if !has {
		return errors.New("no route belongs to it")
	}
	if found := s.placesAt(local); found != nil && found[0].owner != m {
		return fmt.Errorf("the route at its url, %s, belongs to another", cmp.Or(local, "/"))
	}
	return nil
}

// Of is the resource with that name in the configuration, the issuer's own for none; false where there is none.
func (s *Set) Of(name string) (Resource, bool) {
	if name == "" {
		return s.issuer.Resource, true
	}
	m := s.named[name]
	if m == nil {
		return Resource{}, false
	}
	return m.Resource, true
}

// Find is the resource that an indicator means (RFC 8707 section 2): its URL, or that of one of its routes.
func (s *Set) Find(indicator string) (Resource, bool) {
	wanted, err := parseIdentifier(indicator)
	if err != nil {
		return Resource{}, false
	}
	for _, m := range s.all {
		if m.at == wanted {
			return m.Resource, true
		}
	}
	if owner, _ := s.ownerAt(wanted.path); owner != nil && owner.at.origin == wanted.origin {
		return owner.Resource, true
	}
	return Resource{}, false
}

// All are the resources, the issuer's own first.
func (s *Set) All() []Resource {
	all := make([]Resource, len(s.all))
	for i, m := range s.all {
		all[i] = m.Resource
	}
	return all
}

// Prefixes are what the paths of requests begin with, as clients see them: the issuer's first, each once.
func (s *Set) Prefixes() (prefixes []string) {
	for _, m := range s.all {
		if prefix := m.root + m.base; !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// ownerAt is whose routes are at a path, as clients see it, with what they need; nil where there are none, or of several resources.
func (s *Set) ownerAt(path string) (owner *member, needed access) {
	for _, base := range slices.Compact([]string{s.issuer.base, ""}) {
		local, below := cutBase(path, base)
		if !below {
			continue
		}
		found := s.placesAt(local)
		if len(found) == 0 || found[0].owner.base != base ||
			slices.ContainsFunc(found, func(p place) bool { return p.owner != found[0].owner }) {
			continue
		}
		for _, p := range found {
			needed.add(p)
		}
		return found[0].owner, needed
	}
	return nil, access{}
}

// placesAt are the routes at a path, as the gateway sees it, one for each method that it has.
func (s *Set) placesAt(path string) (found []place) {
	var target routing.Target
	if err := target.ParsePath([]byte(cmp.Or(path, "/"))); err != nil {
		return nil
	}
	for _, method := range routing.MethodNames() {
		if p, err := s.places.Match([]byte(method), &target); err == nil {
			found = append(found, p)
		}
	}
	return found
}
