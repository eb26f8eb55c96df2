package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed contestants.yaml
var builtIn []byte

// Contestant is one program in one configuration. Command, Environment, Files, Ready and Target are templates over a
// site.
type Contestant struct {
	Name string `yaml:"name"`
	// Group names who is drawn in one colour.
	Group string `yaml:"group"`
	// About says what is special about it, in the report.
	About string `yaml:"about"`
	// Command runs in a new directory, in the foreground. A contestant whose program is not installed is left out.
	Command []string `yaml:"command"`
	// Version is a command that prints the program's version.
	Version []string `yaml:"version"`
	// Environment adds to that of the bench.
	Environment map[string]string `yaml:"environment"`
	// Files are written to the directory before the command is run.
	Files map[string]string `yaml:"files"`
	// Ready is a URL that answers with a status below 500 once requests can be served.
	Ready string `yaml:"ready"`
	// Target is the URL that is measured. It passes requests on to the upstream.
	Target string `yaml:"target"`
	Tokens Tokens `yaml:"tokens"`
	// Refuses are kinds of requests that have to be refused with 401 or 403 before anything is measured, so that all do the
	// same work: see forgeries.
	Refuses []string `yaml:"refuses"`
	// Plain says that it only passes requests on. Everybody is compared with the cheapest plain proxy of the run, too.
	Plain bool `yaml:"plain"`
	// AtMost are the goals.
	AtMost []Goal `yaml:"at_most"`
	// Beside names those with whom it is compared although no goal says how much it may cost.
	Beside []string `yaml:"beside"`
}

// Tokens says which tokens the requests carry.
type Tokens struct {
	// Algorithm is ES256, RS256, or empty for requests without a token.
	Algorithm string `yaml:"algorithm"`
	// Fresh tokens are used once each: every one is new to the contestant. Others come again and again, in turn.
	Fresh bool `yaml:"fresh"`
	// Bound tokens are bound to a key (RFC 9449): each request has a proof of its own, for proofURI.
	Bound bool `yaml:"bound"`
}

// Goal is how much processor time a request may cost, compared with another contestant.
type Goal struct {
	Times float64 `yaml:"times"`
	Of    string  `yaml:"of"`
}

// site is what a contestant's templates can name.
type site struct {
	Dir       string // the contestant's own directory
	Listen    string // host:port to serve on
	Admin     string // another one
	Upstream  string // host:port
	Redis     string // URL
	Database  string // URL of an empty database in Postgres, for an authorization server
	JWKS      string // URL
	Issuer    string // iss and aud of the tokens
	Scope     string // that the tokens carry and a contestant may require
	ES256     string // file with the public key in PEM
	RS256     string
	Gatehouse string // the server's binary
}

// readContestants reads the contestants that are built in and those of more files.
func readContestants(files []string) ([]Contestant, error) {
	all, err := parseContestants(builtIn)
	if err != nil {
		return nil, fmt.Errorf("contestants.yaml: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		more, err := parseContestants(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, more...)
	}
	return all, checkNames(all)
}

func parseContestants(data []byte) ([]Contestant, error) {
	var document struct {
		Contestants []Contestant `yaml:"contestants"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var problems []error
	for _, c := range document.Contestants {
		if err := c.check(); err != nil {
			problems = append(problems, fmt.Errorf("contestant %q: %w", c.Name, err))
		}
	}
	return document.Contestants, errors.Join(problems...)
}

func (c *Contestant) check() error {
	var problems []error
	missing := func(what string) { problems = append(problems, fmt.Errorf("%s is missing", what)) }
	if c.Name == "" {
		missing("name")
	}
	if strings.Contains(c.Name, ",") {
		problems = append(problems, errors.New("name has a comma, which separates names"))
	}
	if len(c.Command) == 0 {
		missing("command")
	}
	if c.Ready == "" {
		missing("ready")
	}
	if c.Target == "" {
		missing("target")
	}
	if !slices.Contains([]string{"", "ES256", "RS256"}, c.Tokens.Algorithm) {
		problems = append(problems, fmt.Errorf("tokens.algorithm is %q, want ES256, RS256 or nothing", c.Tokens.Algorithm))
	}
	if (c.Tokens.Fresh || c.Tokens.Bound) && c.Tokens.Algorithm == "" {
		problems = append(problems, errors.New("tokens.fresh and tokens.bound need tokens.algorithm"))
	}
	if c.Plain && len(c.Refuses) > 0 {
		problems = append(problems, errors.New("a plain proxy refuses nothing"))
	}
	for _, kind := range c.Refuses {
		if _, known := forgeries[kind]; !known {
			problems = append(problems, fmt.Errorf("refuses: there is no %q", kind))
		}
	}
	_, err := c.at(site{})
	return errors.Join(append(problems, err)...)
}

// checkNames refuses two of one name, and goals that name nobody.
func checkNames(all []Contestant) error {
	names := map[string]bool{}
	for _, c := range all {
		if names[c.Name] {
			return fmt.Errorf("two contestants are named %q", c.Name)
		}
		names[c.Name] = true
	}
	for _, c := range all {
		others := slices.Clone(c.Beside)
		for _, goal := range c.AtMost {
			others = append(others, goal.Of)
		}
		for _, other := range others {
			if !names[other] {
				return fmt.Errorf("contestant %q is to be compared with %q, which there is not", c.Name, other)
			}
		}
	}
	return nil
}

// at fills in the templates.
func (c *Contestant) at(s site) (Contestant, error) {
	filled := *c
	var problems []error
	fill := func(text string) string {
		out, err := render(text, s)
		if err != nil {
			problems = append(problems, err)
		}
		return out
	}
	filled.Command = make([]string, len(c.Command))
	for i, argument := range c.Command {
		filled.Command[i] = fill(argument)
	}
	filled.Environment, filled.Files = map[string]string{}, map[string]string{}
	for name, value := range c.Environment {
		filled.Environment[name] = fill(value)
	}
	for name, text := range c.Files {
		filled.Files[name] = fill(text)
	}
	filled.Ready, filled.Target = fill(c.Ready), fill(c.Target)
	return filled, errors.Join(problems...)
}

func render(text string, s site) (string, error) {
	parsed, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := parsed.Execute(&out, s); err != nil {
		return "", err
	}
	return out.String(), nil
}

// writeFiles writes the files of a filled-in contestant.
func (c *Contestant) writeFiles(dir string) error {
	for name, text := range c.Files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// named returns those of that name in whatever case, or, when there is none, those whose names begin so.
func named(all []Contestant, name string) []Contestant {
	begins := func(c Contestant) bool {
		return len(name) <= len(c.Name) && strings.EqualFold(c.Name[:len(name)], name)
	}
	var found []Contestant
	for _, c := range all {
		if strings.EqualFold(c.Name, name) {
			return []Contestant{c}
		}
		if begins(c) {
			found = append(found, c)
		}
	}
	return found
}

// isGatehouse tells whether it is the server that is built from the sources here.
func (c Contestant) isGatehouse() bool { return c.Command[0] == "{{.Gatehouse}}" }

func (c Contestant) needsProofs() bool { return c.Tokens.Bound }

func (c *Contestant) environ() []string {
	list := make([]string, 0, len(c.Environment))
	for name, value := range c.Environment {
		list = append(list, name+"="+value)
	}
	return list
}
