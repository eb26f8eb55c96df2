package admin

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
)

// unchangeable are fields that a client is created with and that a change of it cannot have. Unlike fields of oauth2server,
// they are never ignored: an operator who takes a scope away must not be told that it is gone.
var unchangeable = []string{"redirectUris", "scopes", "grantTypes"}

// readClient is endpoint.ReadJSON for a client. Where oauth2server's operators are served, fields that there are not are ignored, as
// oauth2server did, and the log says so; those that are refused are not.
func (a *API) readClient(w http.ResponseWriter, r *http.Request, target any, refused ...string) error {
	if !a.IgnoreUnknownFields {
		return endpoint.ReadJSON(w, r, target)
	}
	raw, err := endpoint.ReadJSONBody(w, r)
	if err != nil {
		return err
	}
	unknown := unknownFields(raw, target)
	for _, name := range unknown {
		if slices.ContainsFunc(refused, func(one string) bool { return strings.EqualFold(one, name) }) {
			return fosite.ErrInvalidRequest.WithHintf("The field '%s' of a client cannot be changed here, but on the command line.", name)
		}
	}
	if err := endpoint.DecodeJSON(raw, target, true); err != nil {
		return err
	}
	if len(unknown) > 0 {
		a.Failures.Log.WarnContext(r.Context(), "fields of a client were ignored", slog.String("method", r.Method),
			slog.String("client_id", r.PathValue("clientId")), slog.Any("fields", forLog(unknown)))
	}
	return nil
}

// forLog are so many names, and so much of each, as a line of the log has room for.
func forLog(names []string) []string {
	const most, longest = 20, 40
	short := slices.Clone(names[:min(len(names), most)])
	for i, name := range short {
		short[i] = name[:min(len(name), longest)]
	}
	return short
}

// unknownFields are the names in an object that the structure has no field for; none when it is no object.
func unknownFields(object []byte, structure any) (names []string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	kind := reflect.TypeOf(structure).Elem()
	for i := range kind.NumField() {
		for name := range members { // as the decoder compares them
			if strings.EqualFold(name, kind.Field(i).Tag.Get("json")) {
				delete(members, name)
			}
		}
	}
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
