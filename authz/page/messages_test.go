package page

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/feature/plural"
)

// placeholders are those of each form of the message, and whether it has markup.
func (w wording) shape() map[plural.Form][]string {
	shape := map[plural.Form][]string{}
	for form, p := range w {
		names := placeholder.FindAllString(p.text, -1)
		names = append(names, tag.FindAllString(p.text, -1)...)
		slices.Sort(names)
		shape[form] = slices.Compact(names)
	}
	return shape
}

var tag = regexp.MustCompile(`<[^>]*>`)

func TestEveryLanguageSaysTheSame(t *testing.T) {
	for _, l := range languages[1:] {
		require.ElementsMatch(t, slices.Collect(maps.Keys(English.messages)), slices.Collect(maps.Keys(l.messages)), l.Name())
		same := 0
		for key, wording := range English.messages {
			require.Equal(t, wording.shape(), l.messages[key].shape(), "%s %s: forms, placeholders and markup", l.Name(), key)
			if wording[plural.Other].text == l.messages[key][plural.Other].text && strings.Contains(wording[plural.Other].text, " ") {
				same++
				t.Log(l.Name(), key)
			}
		}
		require.LessOrEqual(t, same, 1, "%s: texts that are English still", l.Name())
	}
}

var saidInTemplate = regexp.MustCompile(`\b(?:text|rich) "([^"]+)"`)

// Every message is said somewhere, and every one that is said is there.
func TestTheProgramAndTheMessageFilesAgree(t *testing.T) {
	said := map[string]bool{}
	for _, path := range sources(t, "*.html") {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, found := range saidInTemplate.FindAllStringSubmatch(string(content), -1) {
			require.NotNil(t, English.messages[found[1]], "%s says %q", path, found[1])
			said[found[1]] = true
		}
	}
	for _, path := range slices.Concat(sources(t, "../*.go"), sources(t, "../*/*.go"), sources(t, "../*/*/*.go")) {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				said[strings.Trim(n.Value, `"`)] = true
			case *ast.CallExpr:
				if key := keyOf(n); key != "" {
					require.NotNil(t, English.messages[key], "%s says %q", path, key)
				}
			}
			return true
		})
	}
	for key := range English.messages {
		require.True(t, said[key] || strings.HasPrefix(key, "month."), "nothing says %q", key)
	}
}

func sources(t *testing.T, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

// keyOf is the literal key of a call of Say, page.Say or endpoint.Told; empty where it is computed, or another call.
func keyOf(call *ast.CallExpr) string {
	at := map[string]int{"Say": 0, "Told": 1}
	var name string
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	position, says := at[name]
	if !says || position >= len(call.Args) {
		return ""
	}
	literal, ok := call.Args[position].(*ast.BasicLit)
	if !ok {
		return ""
	}
	return strings.Trim(literal.Value, `"`)
}

func TestTheReaderIsAskedInTheLanguageThatIsUnderstood(t *testing.T) {
	for _, c := range []struct{ uiLocales, acceptLanguage, want string }{
		{"", "", "en"},
		{"", "de-AT,de;q=0.9,en;q=0.8", "de"},
		{"", "fr-FR,fr;q=0.9,es;q=0.5", "es"},
		{"", "fr, en;q=0.1", "en"},
		{"", "en;q=0.1, pt-BR;q=0.2", "pt"},
		{"", "de;q=0, es;q=0.1", "es"},
		{"", "ja", "en"},
		{"", "*", "en"},
		{"", "!!,,;;", "en"},
		{"pt", "de", "pt"},
		{"fr-CA es-MX", "de", "es"},
		{"en-GB de", "de", "en"},
		{"fr ja", "de", "de"},
		{"<script> x", "de", "de"},
		{strings.Repeat("x ", 10_000) + "es", "de", "de"},
		{"", "pt," + strings.Repeat("fr-Latn-FR,", 10_000), "pt"},
		{"", strings.Repeat("x", 10_000), "en"},
		{"", strings.Repeat("a-", 5_000), "en"},
	} {
		require.Equal(t, c.want, Choose(c.uiLocales, c.acceptLanguage).Name(), "%.60q %.60q", c.uiLocales, c.acceptLanguage)
	}
}

func TestMomentsAreSaidAsTheLanguageDoes(t *testing.T) {
	day := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ language, date, long, short string }{
		{"en", "1 March 2026", "1 hour 30 minutes", "1 second"},
		{"de", "1. März 2026", "1 Stunde 30 Minuten", "1 Sekunde"},
		{"es", "1 de marzo de 2026", "1 hora y 30 minutos", "1 segundo"},
		{"pt", "1 de março de 2026", "1 hora e 30 minutos", "1 segundo"},
	} {
		l := Choose(c.language, "")
		require.Equal(t, c.date, l.day(day))
		require.Equal(t, c.long, l.Duration(90*time.Minute+5*time.Second))
		require.Equal(t, c.short, l.Duration(time.Second))
	}
	require.Equal(t, "1 day", English.Duration(24*time.Hour+time.Minute), "a unit that is not there ends it")
}

func TestAmountsAreWrittenAsTheLanguageDoes(t *testing.T) {
	for name, want := range map[string]string{"en": "9,007,199,254,740,991 1,000 999 0", "de": "9.007.199.254.740.991 1.000 999 0"} {
		l := Choose(name, "")
		var said []string
		for _, n := range []int64{1<<53 - 1, 1000, 999, 0} {
			said = append(said, l.Text(Number(n)))
		}
		require.Equal(t, want, strings.Join(said, " "))
		require.Equal(t, want[1:2], l.Thousands())
	}
}
