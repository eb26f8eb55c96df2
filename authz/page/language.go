package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"golang.org/x/text/language"
)

//go:embed messages/*.json
var messageFiles embed.FS

// Language is one that pages are written in.
type Language struct {
	tag      language.Tag
	messages map[string]wording
	pages    *template.Template
}

// Name is the language's tag: en, de, es or pt.
func (l *Language) Name() string { return l.tag.String() }

// English is what programs are told things in, and whoever reads none of the other languages.
var English = languages[0]

var (
	languages = []*Language{read(language.English), read(language.German), read(language.Spanish), read(language.Portuguese)}
	matcher   = language.NewMatcher(tags(languages))
)

// Languages are the names of all, English first.
func Languages() []string {
	names := make([]string, len(languages))
	for i, l := range languages {
		names[i] = l.Name()
	}
	return names
}

// maxWishes is how much is read of what somebody would like to read: far more than any browser sends.
const maxWishes = 512

// Choose finds the language that a reader understands best: by uiLocales, which an application asks for (OpenID Connect Core section
// 3.1.2.1), or else by acceptLanguage, which the browser does (RFC 9110 section 12.5.4), or else English. What is no language is
// passed over.
func Choose(uiLocales, acceptLanguage string) *Language {
	var wished []language.Tag
	for _, name := range strings.Fields(uiLocales[:min(len(uiLocales), maxWishes)]) {
		if tag, err := language.Parse(name); err == nil {
			wished = append(wished, tag)
		}
	}
	if _, at, confidence := matcher.Match(wished...); confidence > language.No {
		return languages[at]
	}
	if len(acceptLanguage) > maxWishes {
		acceptLanguage = acceptLanguage[:maxWishes]
		acceptLanguage = acceptLanguage[:max(0, strings.LastIndexByte(acceptLanguage, ','))]
	}
	accepted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return English
	}
	_, at, _ := matcher.Match(accepted...)
	return languages[at]
}

func tags(languages []*Language) []language.Tag {
	all := make([]language.Tag, len(languages))
	for i, l := range languages {
		all[i] = l.tag
	}
	return all
}

// read panics when a file of a language is not there or not well-formed: it is embedded, so it is right in every program or in none.
func read(tag language.Tag) *Language {
	l := &Language{tag: tag}
	content, err := messageFiles.ReadFile("messages/" + tag.String() + ".json")
	if err == nil {
		err = json.Unmarshal(content, &l.messages)
	}
	if err != nil {
		panic(fmt.Sprintf("messages in %s: %v", tag, err))
	}
	l.pages = template.Must(template.New("").Funcs(template.FuncMap{
		"text": func(key string, args ...any) string { return l.Text(Say(key, args...)) },
		"rich": func(key string, args ...any) (template.HTML, error) { return l.rich(Say(key, args...)) },
		"say":  l.Text,
	}).ParseFS(files, "*.html"))
	return l
}
