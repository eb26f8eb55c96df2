package page

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const hostile = `"'><b>&amp;<script>x</script>`

var filled int

// fill puts the text into every field, however deep.
func fill(v reflect.Value, text string) {
	switch v.Interface().(type) {
	case []ScopeGroup: // of which one spends
		groups := make([]ScopeGroup, 2)
		for i := range groups {
			fill(reflect.ValueOf(&groups[i]).Elem(), text)
			groups[i].Spends = i == 0
		}
		v.Set(reflect.ValueOf(groups))
		return
	case Message:
		v.Set(reflect.ValueOf(Say("applications.ended", "application", text)))
		return
	case time.Time:
		return
	case Scope: // of which no two on a page have one name
		filled++
		v.Set(reflect.ValueOf(Scope{Name: fmt.Sprint(text, filled), Description: Say("applications.ended", "application", text), Spends: true, Needed: true}))
		return
	}
	switch v.Kind() {
	case reflect.Int64:
		filled++
		v.SetInt(int64(time.Minute) + int64(filled))
		return
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
		if b, ok := v.Addr().Interface().(*Budget); ok { // of which no two on a page have one unit
			b.Unit = fmt.Sprint(text, filled)
		}
	default:
		panic(fmt.Sprint("no test for fields of kind ", v.Kind()))
	}
}

func views() []View {
	return []View{&SignIn{}, &Start{}, &Consent{}, &Failure{}, &Applications{}, &Disconnect{}, &ChangeBudget{}, &Payments{}}
}

func testLayout(t *testing.T, brand Brand) *Layout {
	t.Helper()
	l, err := NewLayout(brand, "/oauth/logo")
	require.NoError(t, err)
	return l
}

func written(t *testing.T, l *Language, v View) string {
	t.Helper()
	w := httptest.NewRecorder()
	require.NoError(t, testLayout(t, Brand{}).Write(w, 200, l, v))
	require.Equal(t, l.Name(), w.Header().Get("Content-Language"))
	require.Equal(t, "Accept-Language", w.Header().Get("Vary"))
	return w.Body.String()
}

func TestTextStaysTextInEveryField(t *testing.T) {
	for _, v := range views() {
		fill(reflect.ValueOf(v).Elem(), hostile)
		html := written(t, English, v)
		require.NotContains(t, html, "<b>", "%T", v)
		require.NotContains(t, html, "<script", "%T", v)
		require.NotContains(t, html, `"'`, "%T", v)
		require.Contains(t, html, "&lt;script&gt;", "%T", v)
		require.NotContains(t, html, "ZgotmplZ", "%T", v)

		fill(reflect.ValueOf(v).Elem(), "javascript:alert(1)")
		require.NotRegexp(t, `(href|action)="javascript`, written(t, English, v), "%T", v)
	}
}

var (
	label = regexp.MustCompile(`<label for="([^"]*)"`)
	ids   = regexp.MustCompile(` id="([^"]*)"`)
)

// Every page has one title, one heading, its language, labels for what is typed, and ids that occur once.
func TestEveryPageCanBeReadAloud(t *testing.T) {
	for _, v := range views() {
		for i, text := range []string{"", "x", "y", "z"} {
			l := languages[i]
			fill(reflect.ValueOf(v).Elem(), text)
			html := written(t, l, v)
			for what, want := range map[string]int{"<title>": 1, "<h1>": 1, `<html lang="` + l.Name() + `">`: 1, "<main>": 1, "</html>": 1} {
				require.Equal(t, want, strings.Count(html, what), "%T %s", v, what)
			}
			seen := map[string]bool{}
			for _, id := range ids.FindAllStringSubmatch(html, -1) {
				require.False(t, seen[id[1]], "%T %s", v, id[1])
				seen[id[1]] = true
			}
			for _, l := range label.FindAllStringSubmatch(html, -1) {
				require.True(t, seen[l[1]], "%T %s", v, l[1])
			}
			require.Equal(t, strings.Count(html, "<form"), strings.Count(html, `name="form_token"`), "%T: no form is without its token", v)
		}
	}
}
