package keys

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// payload is the JSON form of Claims. Times are whole seconds since the epoch; a fraction is refused because no token
// of this issuer has one.
type payload struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope"`
	IssuedAt  date     `json:"iat"`
	ExpiresAt date     `json:"exp"`
	NotBefore date     `json:"nbf"`
	ID        string   `json:"jti"`
	GrantID   string   `json:"grant_id"`

	Confirmation confirmation `json:"cnf"`
}

// parsePayload reads a token's claims. Where a claim is one of known, it uses that string and makes no new one.
func parsePayload(body []byte, known ...string) (payload, error) {
	var scanned payload
	if scanned.scan(body, known...) {
		return scanned, nil
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil || !readsOneWay(body) {
		return payload{}, fmt.Errorf("%w: claims are not of the expected names and types", ErrMalformed)
	}
	return p, nil
}

func (p *payload) complete() bool {
	return p.Issuer != "" && p.Subject != "" && p.ClientID != "" && p.ID != "" &&
		len(p.Audience) > 0 && !slices.Contains(p.Audience, "") &&
		p.IssuedAt.isGood() && p.ExpiresAt.isGood() && (!p.NotBefore.given || p.NotBefore.isGood())
}

// claims returns the claims of a token that the key named kid has signed. Of what many tokens say alike one copy is kept.
func (v *Verifier) claims(p *payload, kid string) Claims {
	audience := []string(p.Audience)
	if len(audience) == 1 {
		audience = v.audiences.list(audience[0], func(one string) []string { return []string{one} })
	}
	return Claims{
		Issuer:    v.Issuer,
		Subject:   p.Subject,
		ClientID:  sharedText(p.ClientID),
		ID:        p.ID,
		GrantID:   p.GrantID,
		Audience:  audience,
		Scopes:    v.scopes.list(p.Scope, scopes),
		IssuedAt:  time.Unix(p.IssuedAt.seconds, 0).UTC(),
		ExpiresAt: time.Unix(p.ExpiresAt.seconds, 0).UTC(),
		KeyID:     kid,
		BoundTo:   p.Confirmation.thumbprint,
	}
}

// scopes takes a list apart as RFC 6749 section 3.3 writes it: at single spaces, and at no other white space.
func scopes(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, " ")
}

// audience accepts both forms of RFC 7519 section 4.1.3: one string, or an array of them.
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var one string
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}
