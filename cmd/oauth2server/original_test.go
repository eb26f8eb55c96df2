package oauth2server_test

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// With an oauth2server to ask, the tables are recorded again: its admin API is on its only port.
//
//	go test ./cmd/oauth2server -run TestRecord -original http://localhost:8081 -secret 12345
var (
	original = flag.String("original", "", "URL of an oauth2server, to record its answers")
	secret   = flag.String("secret", "12345", "its JWT_SECRET")
)

// changing are members whose values are different each time, and the text that is for people.
var changing = []string{"access_token", "refresh_token", "clientId", "clientSecret", "code", "#", "error_description"}

func TestRecord(t *testing.T) {
	if *original == "" {
		return // what is recorded is held by the other tests
	}
	for file, rows := range tables(t) {
		p := place{*original, *original, *secret}
		k := p.people(t)
		for i := range rows {
			rows[i].Answered = k.recorded(p.send(t, rows[i], k))
		}
		var out strings.Builder
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		require.NoError(t, encoder.Encode(rows))
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
	}
}

// recorded is an answer with placeholders for what is different each time.
func (k known) recorded(a answer) answer {
	a.Body = k.generalized("", a.Body)
	for name, value := range a.Parameters {
		a.Parameters[name] = k.generalized(name, value).(string)
	}
	return a
}

func (k known) generalized(name string, value any) any {
	switch value := value.(type) {
	case string:
		for placeholder, known := range k {
			if len(value) > 5 && value == known {
				return "{" + placeholder + "}"
			}
		}
		if slices.Contains(changing, name) && value != "" {
			return anything
		}
		return value
	case map[string]any:
		for name, member := range value {
			value[name] = k.generalized(name, member)
		}
		return value
	case []any: // without what other tables have made
		mine := []any{}
		for _, element := range value {
			general := k.generalized("", element)
			text, err := json.Marshal(general)
			if err == nil && placeholder.Match(text) {
				mine = append(mine, general)
			}
		}
		return mine
	default:
		return value
	}
}
