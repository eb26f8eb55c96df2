package main

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"gatehouse/gateway"
)

// step is one command of the tour. Its name is stable; says is what it does, in words.
type step struct{ name, says, command string }

// tourScript is the way of an application through the whole system: commands that need only curl and sed, in blocks that
// are pasted one after another, more than once if one likes. It is what POSIX shells, bash, zsh and fish all understand, so
// that a variable is set by export. A block begins with its name, the routes it needs in brackets, and what it does, in
// words without quotes and backslashes.
//
//go:embed tour.sh
var tourScript string

var (
	tourTemplate = template.Must(template.New("tour.sh").Option("missingkey=error").Parse(tourScript))
	tourHeading  = regexp.MustCompile(`^# ([a-z-]+)(?: \[(.+)\])?: ([^'\\!]+)$`)
)

// tour fills in the tour for the demo, without the steps whose routes it does not have.
func tour(d demo) ([]step, error) {
	verifier, challenge := newPKCE()
	var script strings.Builder
	err := tourTemplate.Execute(&script, struct {
		demo
		Redirect, Scope, Verifier, Challenge string
	}{d, demoRedirect, strings.Join(d.Scopes, " "), verifier, challenge})
	if err != nil {
		return nil, err
	}
	var steps []step
	for block := range strings.SplitSeq(strings.TrimSpace(script.String()), "\n\n") {
		heading, command, _ := strings.Cut(block, "\n")
		parts := tourHeading.FindStringSubmatch(heading)
		if parts == nil || command == "" {
			return nil, fmt.Errorf("tour.sh: %q does not begin a step", heading)
		}
		if parts[2] == "" || hasRoutes(d.Routes, strings.Split(parts[2], ", ")) {
			steps = append(steps, step{name: parts[1], says: parts[3], command: command})
		}
	}
	return steps, nil
}

// hasRoutes tells whether each of the needed routes, such as "GET /balance", exists.
func hasRoutes(routes []gateway.Route, needed []string) bool {
	for _, need := range needed {
		method, path, _ := strings.Cut(need, " ")
		if !slices.ContainsFunc(routes, func(r gateway.Route) bool {
			return r.Path == path && slices.Contains(r.Methods, method)
		}) {
			return false
		}
	}
	return true
}

// newPKCE makes a code verifier and its S256 challenge (RFC 7636).
func newPKCE() (verifier, challenge string) {
	random := make([]byte, 32)
	rand.Read(random)
	verifier = base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}
