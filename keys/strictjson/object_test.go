package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/strictjson"
)

func TestOnlyWhatEverybodyReadsAlikeIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"an object":             {` {"a":{"a":[{"b":1},{"b":1}]},"A":"\"a\":"} `, nil},
		"empty":                 {"{}", nil},
		"nothing":               {"", strictjson.ErrNotObject},
		"null":                  {"null", strictjson.ErrNotObject},
		"a list":                {"[]", strictjson.ErrNotObject},
		"two objects":           {"{}{}", strictjson.ErrNotObject},
		"a comment":             {"{}//", strictjson.ErrNotObject},
		"a byte order mark":     {"\ufeff{}", strictjson.ErrNotObject},
		"not UTF-8":             {"{\"a\":\"\xff\"}", strictjson.ErrNotObject},
		"a name twice":          {`{"a":1,"b":2,"a":1}`, strictjson.ErrDuplicate},
		"a name twice, deep":    {`{"x":[{"y":{"a":1,"a":2}}]}`, strictjson.ErrDuplicate},
		"a name spelled anew":   {`{"a":1,"\u0061":2}`, strictjson.ErrDuplicate},
		"a name twice, spaced":  {"{\"a\":1,\"a\"\n\t :2}", strictjson.ErrDuplicate},
		"as deep as it may be":  {`{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + "}", nil},
		"deeper than it may be": {`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", strictjson.ErrTooDeep},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := strictjson.Parse([]byte(test.text))
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestMembersAreOfTheirKindOrMissing(t *testing.T) {
	o, err := strictjson.Parse([]byte(`{"t":"x","n":1.5,"l":["a","b"],"o":{"i":"j"},"os":[{"i":1}],"f":true,"null":null,"holes":["a",null],"gaps":[null]}`))
	require.NoError(t, err)

	text, err := o.Text("t")
	require.NoError(t, err)
	require.Equal(t, "x", text)
	list, err := o.Texts("l")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, list)
	inner, err := o.Object("o")
	require.NoError(t, err)
	require.True(t, inner.Has("i"))

	text, err = o.Text("T")
	require.NoError(t, err)
	require.Empty(t, text, "case counts")
	require.False(t, o.Has("null"))
	text, err = o.Text("null")
	require.NoError(t, err)
	require.Empty(t, text)

	for name, read := range map[string]func() error{
		"text":    func() error { _, err := o.Text("n"); return err },
		"number":  func() error { _, err := o.Number("t"); return err },
		"texts":   func() error { _, err := o.Texts("t"); return err },
		"holes":   func() error { _, err := o.Texts("holes"); return err },
		"flag":    func() error { _, err := o.Flag("t"); return err },
		"object":  func() error { _, err := o.Object("l"); return err },
		"objects": func() error { _, err := o.Objects("l"); return err },
		"gaps":    func() error { _, err := o.Objects("gaps"); return err },
	} {
		require.Error(t, read(), name)
	}
}

func TestMembersAreReadFirstAndJudgedThen(t *testing.T) {
	o, err := strictjson.Parse([]byte(`{"t":"x","l":["a"],"o":{"i":"j"},"f":true}`))
	require.NoError(t, err)
	m := strictjson.Members{Object: o}
	require.Equal(t, "x", m.Text("t"))
	require.Equal(t, []string{"a"}, m.Texts("l"))
	require.True(t, m.Flag("f"))
	require.True(t, m.Inner("o").Has("i"))
	require.Empty(t, m.Text("none"))
	require.NoError(t, m.Err)
	require.Empty(t, m.Text("f"))
	require.Empty(t, m.Texts("t"))
	require.False(t, m.Flag("t"))
	require.Empty(t, m.Text("none"))
	for _, name := range []string{"f is no text", "t is no list of texts", "t is no true or false"} {
		require.ErrorContains(t, m.Err, name)
	}
}

// FuzzParse: what is read has in every object as many members as encoding/json counts names.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"a":2}`, `{"a":"\"","b":[{"a":{}}]}`, `{"\\":1,"\u005c":2}`, `{"a":[1,"b",{"c":"d:"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := strictjson.Parse(text)
		if err != nil {
			return
		}
		require.Equal(t, countNames(t, text), countMembers(o))
	})
}

func countNames(t *testing.T, text []byte) (names int) {
	tokens := json.NewDecoder(strings.NewReader(string(text)))
	type place struct{ isObject, isName bool }
	var open []place
	for tokens.InputOffset() < int64(len(strings.TrimRight(string(text), " \t\r\n"))) {
		token, err := tokens.Token()
		require.NoError(t, err)
		last := len(open) - 1
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:last]
			continue
		}
		if last >= 0 && open[last].isObject {
			if open[last].isName {
				names++
			}
			open[last].isName = !open[last].isName
		}
		if delim, ok := token.(json.Delim); ok {
			open = append(open, place{delim == '{', true})
		}
	}
	return names
}

func countMembers(value any) (members int) {
	switch value := value.(type) {
	case strictjson.Object:
		for _, inner := range value {
			var parsed any
			_ = json.Unmarshal(inner, &parsed)
			members += 1 + countMembers(parsed)
		}
	case map[string]any:
		for _, inner := range value {
			members += 1 + countMembers(inner)
		}
	case []any:
		for _, inner := range value {
			members += countMembers(inner)
		}
	}
	return members
}
