package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// Load reads the configuration of a role: the defaults, changed by the file at path ("" for none), changed by environ,
// which is as os.Environ returns it. Its error joins every problem. The configuration beside an error is what could be
// understood of it, and must not be served.
func Load(path string, role Role, environ []string) (Config, error) {
	cfg := Default()
	problems, isRead := cfg.read(path, environ)
	if isRead {
		problems = append(problems, readTargets(&cfg)...)
		problems = append(problems, cfg.problems(role)...)
	}
	return cfg, errors.Join(problems...)
}

// read changes c by the file and by the environment. isRead is false for a file that could not be read at all: what it
// should have said is then not reported as missing.
func (c *Config) read(path string, environ []string) (problems []error, isRead bool) {
	isRead = true
	c.adoptDefaults(environ)
	if path != "" {
		problems, isRead = readFile(c, path)
	}
	problems = append(problems, applyEnvironment(c, environ)...)
	c.noteOAuth2server(environ)
	return problems, isRead
}

func readFile(cfg *Config, path string) (problems []error, isRead bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return []error{fmt.Errorf("configuration file: %w", err)}, false
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	err = decoder.Decode(cfg)
	if err == nil && !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		return []error{fmt.Errorf("%s: there is a second document, which would be ignored", path)}, true
	}
	var several *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF): // an empty file changes nothing
		return nil, true
	case errors.As(err, &several):
		for _, text := range several.Errors {
			problems = append(problems, fmt.Errorf("%s: %s", path, plain(text)))
		}
	case err != nil:
		return []error{fmt.Errorf("%s: %w", path, err)}, false
	}
	for _, fraction := range fractions(data) {
		problems = append(problems, fmt.Errorf("%s: %w", path, fraction))
	}
	return problems, true
}

var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType    = regexp.MustCompile(`cannot unmarshal .* into (\S+)`)
)

// wanted says in the reader's terms what a key of each Go type wants.
var wanted = map[string]string{
	"time.Duration": "want a duration such as 2h or 10s", "int": "want a whole number", "int64": "want a whole number", "bool": "want true or false",
	"string": "want a text", "[]string": "want a list of texts",
}

// plain turns a message of the YAML package, which speaks of Go's types, into the reader's terms. It leaves out the value,
// which may be a secret that was written in the wrong place.
func plain(text string) string {
	if found := wrongType.FindStringSubmatch(text); found != nil {
		return wrongType.ReplaceAllLiteralString(text, cmp.Or(wanted[found[1]], "there is a value of another kind than this key has"))
	}
	return unknownField.ReplaceAllString(text, "unknown key $1")
}

func readTargets(cfg *Config) []error {
	if cfg.TargetsFile == "" {
		return nil
	}
	data, err := os.ReadFile(cfg.TargetsFile)
	if err != nil {
		return []error{fmt.Errorf("targets_file: %w", err)}
	}
	routes, notes, err := gateway.ParseTargets(data)
	if err != nil {
		return []error{fmt.Errorf("targets_file %s: %w", cfg.TargetsFile, err)}
	}
	for _, note := range notes {
		cfg.TargetsNotes = append(cfg.TargetsNotes, fmt.Sprintf("targets_file %s: %s", cfg.TargetsFile, note))
	}
	for _, route := range routes {
		if !slices.ContainsFunc(cfg.Routes, func(own gateway.Route) bool { return takesPlaceOf(own, route) }) {
			cfg.Routes = append(cfg.Routes, route)
		}
	}
	return nil
}

// takesPlaceOf holds for a route of the targets file that the configuration has, too. The file can so be kept as it is
// while its routes move to the configuration one by one.
func takesPlaceOf(own, target gateway.Route) bool {
	return own.Path == target.Path && !slices.ContainsFunc(target.Methods, func(method string) bool {
		return !slices.Contains(own.Methods, method)
	})
}
