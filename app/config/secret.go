package config

import (
	"log/slog"
	"net/url"
	"strings"
)

const hidden = "<hidden>"

// Secret is a value that must not be shown. Logs, errors and printed configurations show a placeholder in its place;
// Reveal is the only way to the value.
type Secret string

var _ slog.LogValuer = Secret("")

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String hides the value, for fmt.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the value, for fmt's %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SecretURL is a URL that may hold a password. It prints without the password.
type SecretURL string

var _ slog.LogValuer = SecretURL("")

// Reveal returns the whole URL.
func (u SecretURL) Reveal() string { return string(u) }

// String is the URL with its password hidden, in the query too, where Postgres allows one; one that cannot be parsed is hidden altogether.
func (u SecretURL) String() string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(string(u))
	if err != nil {
		return hidden
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil { // what cannot be read may be a password with a ; or a % in it
		parsed.RawQuery, query = "xxxxx", nil
	}
	for name, values := range query {
		if strings.Contains(strings.ToLower(name), "password") && len(values) > 0 {
			query[name] = []string{"xxxxx"} // as Redacted writes it
			parsed.RawQuery = query.Encode()
		}
	}
	return parsed.Redacted()
}

// GoString hides the password, for fmt's %#v.
func (u SecretURL) GoString() string { return u.String() }

// LogValue hides the password, for slog.
func (u SecretURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText hides the password, for JSON and YAML.
func (u SecretURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
