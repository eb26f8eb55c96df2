package gateway

import (
	"errors"
	"fmt"
	"io"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/upstream"
)

var errRefusedCredential = errors.New("the upstream answered 401 to a credential that the gateway made")

// errRefusesEverybody is of a user who may be as good as the gateway's credential is bad.
var errRefusesEverybody = fmt.Errorf("%w, as to every user lately: its JWT_SECRET is not jwt_secret, or its database does not answer",
	errRefusedCredential)

// credentialRefused is what a 401 means for a credential that the gateway made.
func (g *Gateway) credentialRefused(r *request, to *rule, x upstream.Exchange) error {
	if to.hub == nil || !x.HasBody() {
		return errRefusedCredential
	}
	said, err := readLittle(x)
	if err != nil {
		return err
	}
	switch to.hub.Refuses(r.seen.Claims.Subject, said) {
	case credential.NotTheHubs:
		return errRefusedCredential
	case credential.OfEverybody:
		return errRefusesEverybody
	}
	if times, due := to.upstream.userRefused.Due(); due {
		g.log.Info("lndhub.go refuses a user: suspended, deleted or unknown there", "route", to.name, "times", times, r.logged())
	}
	return errUserRefused
}

// longestRefusal is more than a refusal of lndhub.go has, in bytes.
const longestRefusal = 1 << 10

// readLittle returns the body of an answer; nothing of one that is longer than longestRefusal.
func readLittle(x upstream.Exchange) (body []byte, err error) {
	for len(body) <= longestRefusal {
		part, err := x.Take()
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(part) == 0:
			if err := x.Await(); err != nil {
				return nil, err
			}
		}
		body = append(body, part...)
	}
	return nil, nil
}
