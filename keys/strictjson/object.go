package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What is wrong with a text. None quotes it.
var (
	ErrNotObject = errors.New("it is not one JSON object in UTF-8")
	ErrTooDeep   = errors.New("its JSON is nested too deeply")
	ErrDuplicate = errors.New("its JSON has two members of one name")
)

// Object is a JSON object: its members, each as it was written.
type Object map[string]json.RawMessage

// maxDepth is more than anything needs that is read here.
const maxDepth = 32

// Parse reads one JSON object in UTF-8, in which no object, however deep, has two members of one name. How large the text may
// be is for the caller to say.
func Parse(text []byte) (Object, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, ErrNotObject
	}
	if err := checkNames(text); err != nil {
		return nil, err
	}
	var o Object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return nil, ErrNotObject
	}
	return o, nil
}

// Has reports whether the object has the member, and not as null.
func (o Object) Has(name string) bool {
	value, ok := o[name]
	return ok && string(value) != "null"
}

// Text is a member that is a string: "" when there is none.
func (o Object) Text(name string) (string, error) { return read[string](o, name, "text") }

// Texts is a member that is a list of strings: nil when there is none.
func (o Object) Texts(name string) ([]string, error) {
	values, err := read[[]*string](o, name, "list of texts")
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, value := range values {
		if value == nil {
			return nil, fmt.Errorf("%s is no list of texts", name)
		}
		texts = append(texts, *value)
	}
	return texts, nil
}

// Number is a member that is a number: 0 when there is none.
func (o Object) Number(name string) (float64, error) { return read[float64](o, name, "number") }

// Flag is a member that is true or false: false when there is none.
func (o Object) Flag(name string) (bool, error) { return read[bool](o, name, "true or false") }

// Object is a member that is an object: nil when there is none.
func (o Object) Object(name string) (Object, error) { return read[Object](o, name, "object") }

// Objects is a member that is a list of objects: nil when there is none.
func (o Object) Objects(name string) ([]Object, error) {
	list, err := read[[]Object](o, name, "list of objects")
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one == nil {
			return nil, fmt.Errorf("%s is no list of objects", name)
		}
	}
	return list, nil
}

func read[T any](o Object, name, kind string) (value T, err error) {
	if !o.Has(name) {
		return value, nil
	}
	if err := json.Unmarshal(o[name], &value); err != nil {
		var none T
		return none, fmt.Errorf("%s is no %s", name, kind)
	}
	return value, nil
}

// checkNames looks through valid JSON.
func checkNames(text []byte) error {
	var open []map[string]struct{} // the names of each object around a place; nil is a list
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open = append(open, make(map[string]struct{}))
		case '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			literal := text[i : i+stringLength(text[i:])]
			i += len(literal) - 1
			if !isName(text[i+1:]) {
				continue
			}
			names := open[len(open)-1]
			name := unquote(literal)
			if _, again := names[name]; again {
				return ErrDuplicate
			}
			names[name] = struct{}{}
		}
		if len(open) > maxDepth {
			return ErrTooDeep
		}
	}
	return nil
}

// stringLength is that of the string that a text begins with, quotation marks included.
func stringLength(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// isName tells from what follows a string whether it is the name of a member.
func isName(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// unquote is what a string says, however it is spelled.
func unquote(literal []byte) string {
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1])
	}
	var text string
	_ = json.Unmarshal(literal, &text) // it is valid
	return text
}
