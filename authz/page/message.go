package page

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Message is a text of the message files, and what it is about. It gets its words in the reader's language when a page is
// written. The zero Message has none.
type Message struct {
	key  string
	args []any
	// verbatim is what a Verbatim says in each language, and in "" in those that it has no other words for.
	verbatim map[string]string
}

// Say makes a message of a key of the message files. args are its placeholders and their values in turn. A value is a
// string, an int, an int64, which is an amount, a time.Duration or a time.Time of which the day is meant; each is written as the language does. The int that is called
// count chooses between singular and plural.
func Say(key string, args ...any) Message { return Message{key: key, args: args} }

// IsNothing reports whether it is the zero Message.
func (m Message) IsNothing() bool { return m.key == "" && m.verbatim == nil }

// Verbatim is what no message file has: a name, or what the operator wrote. inLanguages are the words that it has in some languages, by
// their names; nil: none.
func Verbatim(text string, inLanguages map[string]string) Message {
	words := map[string]string{"": text}
	maps.Copy(words, inLanguages)
	return Message{verbatim: words}
}

// wording is a message in one language, in each of its forms.
type wording map[plural.Form]phrase

// phrase is one form of a message. Where it has markup, rich writes it.
type phrase struct {
	text string
	rich *template.Template
}

var (
	placeholder = regexp.MustCompile(`\{(\w+)\}`)
	forms       = map[string]plural.Form{"one": plural.One, "other": plural.Other}
)

// UnmarshalJSON takes a text, or an object with a text for each grammatical number: {"one": …, "other": …}.
func (w *wording) UnmarshalJSON(data []byte) error {
	texts := map[string]string{}
	var single string
	if err := json.Unmarshal(data, &single); err == nil {
		texts["other"] = single
	} else if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	*w = make(wording, len(texts))
	for name, text := range texts {
		form, known := forms[name]
		if !known {
			return fmt.Errorf("there is no form %q of a message, but one and other", name)
		}
		p := phrase{text: text}
		if strings.Contains(text, "<") {
			var err error
			if p.rich, err = template.New("").Option("missingkey=error").Parse(placeholder.ReplaceAllString(text, "{{.$1}}")); err != nil {
				return err
			}
		}
		(*w)[form] = p
	}
	return nil
}

// form is the phrase for as many as the argument count says.
func (w wording) form(tag language.Tag, args map[string]any) phrase {
	if n, counts := args["count"].(int); counts {
		if p, ok := w[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]; ok {
			return p
		}
	}
	return w[plural.Other]
}

// Text is the message in this language, without markup. It panics when the message files have no such key, or the arguments are
// not in pairs: that is a mistake in the program.
func (l *Language) Text(m Message) string {
	if m.key == "" {
		return cmp.Or(m.verbatim[l.Name()], m.verbatim[""])
	}
	args := pairs(m.args)
	return placeholder.ReplaceAllStringFunc(l.wording(m.key).form(l.tag, args).text, func(found string) string {
		return l.value(args, strings.Trim(found, "{}"))
	})
}

// rich is a message that has markup of its own. What it is about stays text.
func (l *Language) rich(m Message) (template.HTML, error) {
	args := pairs(m.args)
	p := l.wording(m.key).form(l.tag, args)
	if p.rich == nil {
		return "", fmt.Errorf("message %q has no markup", m.key)
	}
	values := make(map[string]string, len(args))
	for name := range args {
		values[name] = l.value(args, name)
	}
	var out bytes.Buffer
	err := p.rich.Execute(&out, values)
	return template.HTML(out.String()), err // a template wrote it, which escapes
}

func (l *Language) wording(key string) wording {
	found, ok := l.messages[key]
	if !ok {
		panic(fmt.Sprintf("there is no message %q", key))
	}
	return found
}

// value is an argument in words.
func (l *Language) value(args map[string]any, name string) string {
	switch v := args[name].(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return l.number(v)
	case time.Duration:
		return l.Duration(v)
	case time.Time:
		return l.day(v)
	case Message:
		return l.Text(v)
	default:
		panic(fmt.Sprintf("argument %q of a message is a %T", name, v))
	}
}

func pairs(args []any) map[string]any {
	named := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		named[args[i].(string)] = args[i+1]
	}
	return named
}
