package gateway

import (
	"bytes"
	"cmp"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/keys"
	"gatehouse/keys/dpop"
)

// DPoP is how callers prove that they hold the key that their token is bound to (RFC 9449 section 7).
type DPoP struct {
	// Proofs checks their proofs, and uses each up for all gateways. Without it every token is refused that is bound to a key.
	Proofs *dpop.Checker
	// URLs are those under which callers know this gateway, without a slash at the end: a proof names one of them, and the path
	// of the request. What the request says about its own host does not count, because whoever got hold of a proof for another
	// host could say that.
	URLs []string
}

// DPoPRequired is what Route.DPoP can be: only tokens pass that are bound to a key.
const DPoPRequired = "required"

const (
	dpopScheme      = "dpop"
	proofField      = "dpop" // in lower case
	dpopNonceHeader = "DPoP-Nonce"
)

// checkSender holds a token that is bound to a key to a proof of whoever sends the request. It comes after everything else that
// could refuse the request and costs less.
func (g *Gateway) checkSender(r *request, token []byte, claims *keys.Claims, to *rule) error {
	isBound := claims.BoundTo != ""
	switch {
	case isBound && !r.isDPoP:
		return errBoundAsBearer
	case !isBound && r.isDPoP:
		return errNotBound
	case !isBound && to.boundOnly:
		return errOnlyBound
	case !isBound:
		if _, has := r.fields.Get(proofField); has {
			return errProofOfBearer
		}
		return nil
	case g.dpop.Proofs == nil:
		return errUncheckable
	}
	proof, times := r.fields.Count(proofField)
	switch {
	case times == 0:
		return errNoProof
	case times > 1:
		return errTwoProofs
	}
	_, err := g.dpop.Proofs.Check(g.running, string(proof), g.dpop.request(r, token, claims))
	if err == nil {
		return nil
	}
	if errors.Is(err, dpop.ErrUsesUnknown) || errors.Is(err, dpop.ErrNonceUnavailable) {
		if times, due := g.proofUnknown.Due(); due {
			g.log.Warn("refused: cannot tell whether a DPoP proof is good", "route", to.name, "error", err, "times", times, r.logged())
		}
	}
	return proofRefused(err)
}

func (d *DPoP) request(r *request, token []byte, claims *keys.Claims) dpop.Request {
	path, _, _ := bytes.Cut(r.sent, []byte{'?'})
	wanted := dpop.Request{
		Method: string(r.method), AccessToken: string(token), Thumbprint: claims.BoundTo, Holder: cmp.Or(claims.Subject, claims.ClientID),
	}
	for i, base := range d.URLs {
		if i == 0 {
			wanted.URI = base + string(path)
		} else {
			wanted.Also = append(wanted.Also, base+string(path))
		}
	}
	return wanted
}

// tellSender completes an answer to a caller that has sent its token with a proof: a refusal is one of that scheme, and the nonce
// of now comes before the old one is too old.
func (g *Gateway) tellSender(ctx *fasthttp.RequestCtx, r *request) {
	header := &ctx.Response.Header
	if r.seen.Refused {
		if parameters, ok := bytes.CutPrefix(header.Peek(fiber.HeaderWWWAuthenticate), []byte("Bearer ")); ok {
			header.Set(fiber.HeaderWWWAuthenticate, "DPoP "+string(parameters)+", "+algorithmsParameter)
		}
	}
	if g.dpop.Proofs == nil {
		return
	}
	if nonce := g.dpop.Proofs.Nonce(); nonce != "" {
		header.Set(dpopNonceHeader, nonce)
	}
}

var algorithmsParameter = `algs="` + strings.Join(dpop.Algorithms(), " ") + `"`
