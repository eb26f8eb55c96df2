package endpoint

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/text"
)

// maxBody is far more than any OAuth request needs.
const maxBody = 64 << 10

const formType = "application/x-www-form-urlencoded"

// Parameters are those of one OAuth request, by where they were sent. Each name but resource occurs once, in one of the two, and has
// a value: a parameter without one counts as omitted (RFC 6749 section 3.1).
type Parameters struct {
	Query url.Values
	Body  url.Values
}

// mayRepeat is the one parameter that may have several values (RFC 8707 section 2).
const mayRepeat = "resource"

// ReadParameters refuses what two readers of the same request could understand differently: a name that occurs twice,
// bytes that are no text, a body in another format.
func ReadParameters(w http.ResponseWriter, r *http.Request) (Parameters, error) {
	raw, err := readBody(w, r)
	if err != nil {
		return Parameters{}, err
	}
	if len(raw) > 0 {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != formType {
			return Parameters{}, fosite.ErrInvalidRequest.WithHint("The body must be " + formType + ".")
		}
	}
	body, err := url.ParseQuery(string(raw))
	if err != nil {
		return Parameters{}, fosite.ErrInvalidRequest.WithHint("The body is not a well-formed form.")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Parameters{}, fosite.ErrInvalidRequest.WithHint("The query is not a well-formed form.")
	}
	for name := range body {
		if query.Has(name) {
			return Parameters{}, errTwice(name)
		}
	}
	p := Parameters{Query: query, Body: body}
	return p, errors.Join(tidy(query), tidy(body))
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fosite.ErrInvalidRequest.WithHint("The body could not be read.").WithWrap(err)
	}
	return raw, nil
}

func errTwice(name string) error {
	return Told(fosite.ErrInvalidRequest.WithHintf("Parameter '%s' occurs twice.", name), "failure.parameter_twice", "parameter", name)
}

func tidy(values url.Values) error {
	for name, all := range values {
		switch {
		case !text.IsStorable(name):
			return fosite.ErrInvalidRequest.WithHint("The name of a parameter is not text.")
		case len(all) > 1 && name != mayRepeat:
			return errTwice(name)
		case slices.ContainsFunc(all, func(value string) bool { return !text.IsStorable(value) }):
			return fosite.ErrInvalidRequest.WithHintf("The value of parameter '%s' is not text.", name)
		}
		if values[name] = slices.DeleteFunc(all, func(value string) bool { return value == "" }); len(values[name]) == 0 {
			delete(values, name)
		}
	}
	return nil
}

// All are the parameters wherever they were sent.
func (p Parameters) All() url.Values {
	merged := make(url.Values, len(p.Query)+len(p.Body))
	for _, from := range []url.Values{p.Query, p.Body} {
		for name, value := range from {
			merged[name] = value
		}
	}
	return merged
}
