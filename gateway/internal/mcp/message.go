package mcp

import (
	"encoding/json"
	"errors"
	"strings"

	"gatehouse/keys/strictjson"
)

// Unreadable is why it cannot be told what a request asks for: a sentence that quotes nothing, for whoever has sent it.
type Unreadable string

// Error implements error.
func (u Unreadable) Error() string { return string(u) }

// What is wrong with a message.
const (
	NotTyped    Unreadable = "The body has to have the type application/json, in UTF-8 and without a Content-Encoding."
	Batch       Unreadable = "The body is a batch. Each message has to be a request of its own."
	NotAMessage Unreadable = "The body is not one JSON object in UTF-8."
	Duplicate   Unreadable = "The JSON has two members of one name."
	TooDeep     Unreadable = "The JSON is nested too deeply."
	CaseDiffers Unreadable = "The JSON has a member whose name differs only in case from one that is read."
	BadMethod   Unreadable = "The method is no text of visible ASCII characters."
	BadParams   Unreadable = "The params are no object."
	BadName     Unreadable = "The name in the params is no text of visible ASCII characters."
	BadURI      Unreadable = "The uri in the params is no text."
)

// The methods whose messages name something.
const (
	CallTool     = "tools/call"
	getPrompt    = "prompts/get"
	readResource = "resources/read"
)

// Request is an HTTP request with a message.
type Request struct {
	Body []byte
	// ContentType is of the one field of that name, and empty unless there is just one. IsEncoded says that there is a
	// Content-Encoding.
	ContentType string
	IsEncoded   bool
	// Header returns the value of the field of that lower-case name, and how many there are.
	Header func(name string) (value string, times int)
}

// Message is what a request asks for. An answer to a question of the server's has no method.
type Message struct {
	Method string
	// Tool is the name of the one that is called; empty for every other method.
	Tool string
}

// Read returns the message of a request. The body says what it is; fields that repeat it (Mcp-Method, Mcp-Name) have to agree, and
// have to be there where the version of the protocol demands them. Every error is an Unreadable.
func Read(of *Request) (Message, error) {
	if of.IsEncoded || !strictjson.IsJSON(of.ContentType) {
		return Message{}, NotTyped
	}
	b, err := readBody(of.Body)
	if err != nil {
		return Message{}, err
	}
	if err := b.compare(of.Header); err != nil {
		return Message{}, err
	}
	m := Message{Method: b.method}
	if m.Method == CallTool {
		m.Tool = b.name
	}
	return m, nil
}

// body is what a message says of itself.
type body struct {
	method    string // empty: it is an answer
	isRequest bool   // and has an answer
	name      string // what it is about, where the method is one of those that name something
	version   string // of the protocol; empty where it does not say
}

func readBody(text []byte) (b body, err error) {
	message, err := strictjson.Parse(text)
	switch {
	case errors.Is(err, strictjson.ErrDuplicate):
		return b, Duplicate
	case errors.Is(err, strictjson.ErrTooDeep):
		return b, TooDeep
	case err != nil && strings.HasPrefix(strings.TrimLeft(string(text[:min(len(text), 64)]), " \t\r\n"), "["):
		return b, Batch
	case err != nil:
		return b, NotAMessage
	case !spelled(message, "method", "params", "id"):
		return b, CaseDiffers
	}
	_, b.isRequest = message["id"]
	method, isThere := message["method"]
	if !isThere {
		return b, nil
	}
	if b.method, isThere = visible(method); !isThere {
		return b, BadMethod
	}
	params, err := message.Object("params")
	if err != nil {
		return b, BadParams
	}
	if !spelled(params, "name", "uri", "_meta") {
		return b, CaseDiffers
	}
	if meta, err := params.Object("_meta"); err == nil {
		b.version, _ = meta.Text("io.modelcontextprotocol/protocolVersion")
	}
	switch b.method {
	case CallTool, getPrompt:
		if b.name, isThere = visible(params["name"]); !isThere {
			return b, BadName
		}
	case readResource:
		if b.name, err = params.Text("uri"); err != nil || b.name == "" {
			return b, BadURI
		}
	}
	return b, nil
}

// spelled reports whether no member could be taken for one of these names by a program that does not care about case.
func spelled(in strictjson.Object, names ...string) bool {
	for member := range in {
		for _, name := range names {
			if member != name && strings.EqualFold(member, name) {
				return false
			}
		}
	}
	return true
}

// visible is the text of a JSON string of visible ASCII characters, of which there is at least one.
func visible(value json.RawMessage) (text string, ok bool) {
	if json.Unmarshal(value, &text) != nil || text == "" {
		return "", false
	}
	return text, !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
