package oauth2server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// row is one request and what is answered to it. The rows of a file are sent in order, and later ones use what earlier ones
// kept.
type row struct {
	Name string  `json:"name"`
	Send request `json:"send"`
	// Keep gives names to members of the answer, or parameters of its redirect.
	Keep map[string]string `json:"keep,omitempty"`
	// Answered is what oauth2server answered, as it was recorded.
	Answered answer `json:"answered"`
	// Differs is what is answered here instead.
	Differs *difference `json:"differs,omitempty"`
}

// request is what is sent. A text in braces, such as {user} or one that was kept, stands for its value.
type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   map[string]string `json:"query,omitempty"`
	Form    map[string]string `json:"form,omitempty"`
	JSON    json.RawMessage   `json:"json,omitempty"`
	Body    string            `json:"body,omitempty"`
	Basic   []string          `json:"basic,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// answer is what is compared of an answer. Members that are not in Body are allowed, as are parameters that are not in
// Parameters.
type answer struct {
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"` // media type
	Body   any    `json:"body,omitempty"`
	// Redirect is where the answer sends the user, Parameters what it says there.
	Redirect   string            `json:"redirect,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// difference is an answer that is not oauth2server's, by decision.
type difference struct {
	Because string `json:"because"`
	answer
}

// want is what Gatehouse has to answer to the row.
func (r row) want() answer {
	if r.Differs != nil {
		return r.Differs.answer
	}
	return r.Answered
}

// tables are the rows of each file in testdata.
func tables(t *testing.T) map[string][]row {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string][]row{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var rows []row
		decoder := json.NewDecoder(strings.NewReader(string(data)))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&rows), file)
		all[file] = rows
	}
	return all
}

// anything stands for a text that is different each time.
const anything = "{any}"

var placeholder = regexp.MustCompile(`\{[a-z]\w*\}`)

// known are the values of placeholders.
type known map[string]string

func (k known) fill(t *testing.T, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := k[strings.Trim(name, "{}")]
		if !ok {
			return name
		}
		return value
	})
}

// requireHeld requires that have says at least what want does.
func (k known) requireHeld(t *testing.T, want, have answer) {
	t.Helper()
	require.Equal(t, want.Status, have.Status, "status of %+v", have)
	if want.Type != "" {
		require.Equal(t, want.Type, have.Type, "media type of %+v", have)
	}
	require.Equal(t, k.fill(t, want.Redirect), have.Redirect, "redirect of %+v", have)
	for name, value := range want.Parameters {
		require.True(t, k.holds(t, value, have.Parameters[name]), "parameter %s of the redirect is %q, not %q", name, have.Parameters[name], value)
	}
	require.True(t, k.holds(t, want.Body, have.Body), "body\n%v\ndoes not hold\n%v", have.Body, want.Body)
}

// holds reports whether what was answered has all that is wanted: the members of an object, elements like those of a list.
func (k known) holds(t *testing.T, want, have any) bool {
	t.Helper()
	switch want := want.(type) {
	case nil:
		return true
	case map[string]any:
		have, ok := have.(map[string]any)
		for name, value := range want {
			member, exists := have[name]
			ok = ok && exists && k.holds(t, value, member)
		}
		return ok
	case []any:
		have, ok := have.([]any)
		for _, element := range want {
			found := false
			for _, candidate := range have {
				found = found || k.holds(t, element, candidate)
			}
			ok = ok && found
		}
		return ok
	case string:
		have, ok := have.(string)
		return ok && (want == anything && have != "" || k.fill(t, want) == have)
	default:
		return want == have
	}
}
