package endpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/ory/fosite"
)

// ReadJSON decodes a body of one JSON object into target, which names every field that there may be. The error is one that
// the caller may see.
func ReadJSON(w http.ResponseWriter, r *http.Request, target any) error {
	raw, err := ReadJSONBody(w, r)
	if err != nil {
		return err
	}
	return DecodeJSON(raw, target, false)
}

// ReadJSONBody reads a body whole, at most 64 KiB. The error is one that the caller may see.
func ReadJSONBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	return raw, bodyError(err)
}

// DecodeJSON decodes one object, with fields that target does not have or without. The error is one that the caller may see.
func DecodeJSON(raw []byte, target any, allowUnknown bool) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if !allowUnknown {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(target); err != nil {
		return bodyError(err)
	}
	if _, more := decoder.Token(); more != io.EOF {
		return bodyError(errors.New("there is something after the object"))
	}
	return nil
}

// bodyError is what the caller is told of a body that could not be read or decoded.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLarge):
		return ErrTooLarge
	case errors.As(err, &wrongType): // its own text names the types of this program
		return fosite.ErrInvalidRequest.WithHintf("The body is not the expected JSON object: %s has the wrong type, %s.",
			cmp.Or(wrongType.Field, "it"), wrongType.Value)
	case err != nil:
		return fosite.ErrInvalidRequest.WithHintf("The body is not the expected JSON object: %s.", err)
	}
	return nil
}
