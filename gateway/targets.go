package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/routing"
)

// targetOf is an entry of oauth2server's targets.json.
type targetOf struct {
	MatchRoute        string `json:"matchRoute"`
	Origin            string `json:"origin"`
	Description       string `json:"description"`
	Scope             string `json:"scope"`
	Method            string `json:"method"`
	AllowPublicAccess bool   `json:"allowPublicAccess"`
}

var targetFields = []string{"matchRoute", "origin", "description", "scope", "method", "allowPublicAccess"}

// ParseTargets reads oauth2server's targets.json. Its upstreams are lndhub.go, so every route has the credential lndhub.
// What oauth2server ignored is ignored here, too, and is in the notes for the operator, each about one target by its
// number. The error joins every value of a wrong kind. What the routes say is checked by New.
func ParseTargets(data []byte) (routes []Route, notes []string, err error) {
	var targets []json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&targets); err != nil {
		return nil, nil, fmt.Errorf("targets: %w", wrongKind(err, "want a list of targets"))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("targets: there is more after the list of targets")
	}
	var problems []error
	for i, raw := range targets {
		var t targetOf
		if err := json.Unmarshal(raw, &t); err != nil {
			problems = append(problems, fmt.Errorf("targets: target %d: %w", i+1, wrongKind(err, "want an object")))
			continue
		}
		routes = append(routes, t.route())
		notes = append(notes, t.notes(raw, i, routes)...)
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	return routes, notes, nil
}

// wrongKind says in the reader's terms what encoding/json says in Go's. It leaves out the value.
func wrongKind(err error, otherwise string) error {
	var kind *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &kind):
		return err
	case kind.Field == "":
		return errors.New(otherwise)
	case kind.Type.Kind().String() == "bool":
		return fmt.Errorf("%s: want true or false", kind.Field)
	default:
		return fmt.Errorf("%s: want a text", kind.Field)
	}
}

func (t *targetOf) route() Route {
	r := Route{
		Path:        routing.FromGorilla(t.MatchRoute),
		Origin:      t.Origin,
		Scope:       t.Scope,
		Description: t.Description,
		Credential:  credential.LNDHub,
		Public:      t.AllowPublicAccess,
		FromTargets: true,
	}
	if t.Method != "" {
		r.Methods = []string{strings.ToUpper(t.Method)}
		r.WebSocket = r.Methods[0] == routing.Get.String()
	}
	return r
}

// notes are about what is in the file and has no effect. routes are those up to this one.
func (t *targetOf) notes(raw json.RawMessage, index int, routes []Route) (notes []string) {
	about := fmt.Sprintf("target %d (%s)", index+1, strings.TrimPrefix(t.Method+" "+t.MatchRoute, " "))
	note := func(format string, args ...any) { notes = append(notes, about+" "+fmt.Sprintf(format, args...)) }
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // it was an object, or null
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.ContainsFunc(targetFields, func(known string) bool { return strings.EqualFold(known, name) }) {
			note("has the unknown field %q, which is ignored", name)
		}
	}
	if t.Method == "" {
		note("has no method: as in oauth2server, it serves no request, and users can still be asked for its scope %q", t.Scope)
		return notes
	}
	last := routes[index]
	segments, err := routing.ParseTemplate(last.Path)
	if err != nil {
		return notes
	}
	for i, before := range routes[:index] {
		earlier, err := routing.ParseTemplate(before.Path)
		if err == nil && slices.Equal(before.Methods, last.Methods) && earlier.Covers(segments) {
			note("gets no request: as in oauth2server, target %d (%s %s) comes first and takes them all",
				i+1, before.Methods[0], before.Path)
			break
		}
	}
	return notes
}
