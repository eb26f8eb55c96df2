package spend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxAmount is the largest amount: beyond it some programs no longer read JSON's numbers exactly.
const MaxAmount = 1<<53 - 1

// Unreadable is why something cannot be read: a sentence that quotes nothing, for whoever has sent it.
type Unreadable string

// Error implements error.
func (u Unreadable) Error() string { return string(u) }

// What is wrong with a Document, or at a Pointer.
const (
	NotJSON     Unreadable = "The body is not one JSON value in UTF-8."
	TooDeep     Unreadable = "The JSON is nested too deeply."
	Duplicate   Unreadable = "The JSON has two members of one name."
	CaseDiffers Unreadable = "The JSON has a member whose name differs only in case from one that is read."
	Missing     Unreadable = "The JSON lacks a member."
	NoAmount    Unreadable = "An amount is no whole number from 0 to 9007199254740991, in digits alone."
	NoText      Unreadable = "A member that has to be a text is none."
)

// Document is a JSON value in which no object has two members of one name.
type Document struct{ root any }

type (
	object []member
	array  []any
	member struct {
		name  string
		value any
	}
)

// maxDepth is more than any payment needs.
const maxDepth = 64

// Parse reads one JSON value in UTF-8, and nothing behind it.
func Parse(text []byte) (Document, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return Document{}, NotJSON
	}
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	root, err := parseValue(tokens, maxDepth)
	return Document{root}, err
}

func parseValue(tokens *json.Decoder, depth int) (any, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, NotJSON
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == 0 {
		return nil, TooDeep
	}
	var value any
	if opening == '{' {
		value, err = parseObject(tokens, depth-1)
	} else {
		value, err = parseArray(tokens, depth-1)
	}
	if err != nil {
		return nil, err
	}
	_, err = tokens.Token() // what closes it
	return value, err
}

func parseObject(tokens *json.Decoder, depth int) (object, error) {
	members, names := object{}, map[string]bool{}
	for tokens.More() {
		token, err := tokens.Token()
		name, ok := token.(string)
		switch {
		case err != nil || !ok:
			return nil, NotJSON
		case names[name]:
			return nil, Duplicate
		}
		names[name] = true
		value, err := parseValue(tokens, depth)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, value})
	}
	return members, nil
}

func parseArray(tokens *json.Decoder, depth int) (array, error) {
	var values array
	for tokens.More() {
		value, err := parseValue(tokens, depth)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// Amount is the number at a place: 0 to MaxAmount, written in digits alone.
func (d Document) Amount(at Pointer) (int64, error) {
	value, err := d.find(at)
	if err != nil {
		return 0, err
	}
	number, ok := value.(json.Number)
	if !ok || strings.Trim(string(number), "0123456789") != "" {
		return 0, NoAmount
	}
	amount, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || amount > MaxAmount {
		return 0, NoAmount
	}
	return amount, nil
}

// Text is the string at a place.
func (d Document) Text(at Pointer) (string, error) {
	value, err := d.find(at)
	if err != nil {
		return "", err
	}
	text, ok := value.(string)
	if !ok {
		return "", NoText
	}
	return text, nil
}

// Sum adds the amounts at several places.
func (d Document) Sum(of []Pointer) (int64, error) {
	sum := int64(0)
	for _, at := range of {
		amount, err := d.Amount(at)
		if err != nil {
			return 0, err
		}
		if sum += amount; sum > MaxAmount {
			return 0, NoAmount
		}
	}
	return sum, nil
}

// find follows a pointer. encoding/json, and whatever else does not care about case, would take one member for another: an
// object on the way must not have both.
func (d Document) find(at Pointer) (any, error) {
	value := d.root
	for _, name := range at {
		switch in := value.(type) {
		case object:
			found := false
			for _, m := range in {
				switch {
				case m.name == name:
					value, found = m.value, true
				case strings.EqualFold(m.name, name):
					return nil, CaseDiffers
				}
			}
			if !found {
				return nil, Missing
			}
		case array:
			index, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(index) != name || index < 0 || index >= len(in) {
				return nil, Missing
			}
			value = in[index]
		default:
			return nil, Missing
		}
	}
	return value, nil
}

// Pointer is a place in a Document (RFC 6901).
type Pointer []string

// ParsePointer reads one such as /payment/amount. One to the whole document is refused.
func ParsePointer(text string) (Pointer, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("%q is no JSON pointer, want one such as /amount", text)
	}
	names := strings.Split(text[1:], "/")
	for i, name := range names {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(name); strings.Contains(rest, "~") {
			return nil, fmt.Errorf("%q is no JSON pointer: behind ~ comes 0 or 1", text)
		}
		names[i] = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
	}
	return names, nil
}

// ParsePointers reads several.
func ParsePointers(texts []string) ([]Pointer, error) {
	list := make([]Pointer, 0, len(texts))
	for _, text := range texts {
		p, err := ParsePointer(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
