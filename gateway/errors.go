package gateway

import (
	"errors"
	"log/slog"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/handshake"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/listener"
)

// refusal is an answer that the gateway gives itself, and an error until then. It is immutable: every refusal is made at
// start-up, so that refusing costs nothing.
type refusal struct {
	status      int
	code        string
	description string
	verdict     Verdict // Unjudged leaves the one that was reached before

	challenge  string // WWW-Authenticate, RFC 6750 section 3
	allow      string
	retryAfter string
	webSocket  string // the version that is spoken here
	body       []byte // for a request of which nothing was sent
	sentBody   []byte
}

const statusCallerGone = 499

const realm = `Bearer realm="gatehouse"`

// The vocabulary of everything that can go wrong. The refusals of one route (its scope, its methods) are made with it.
var (
	errMalformedRequest  = newRefusal(fiber.StatusBadRequest, "invalid_request", "The request is malformed.")
	errAmbiguousPath     = newRefusal(fiber.StatusBadRequest, "invalid_request", "The path can be read in more than one way.")
	errAmbiguousQuery    = newRefusal(fiber.StatusBadRequest, "invalid_request", "The query can be read in more than one way.")
	errTwoAuthorizations = newRefusal(fiber.StatusBadRequest, "invalid_request", "The request has more than one Authorization header.")
	errTwoTokens         = newRefusal(fiber.StatusBadRequest, "invalid_request", "The request has more than one access token.")
	errTokenInQuery      = newRefusal(fiber.StatusBadRequest, "invalid_request", "Only a WebSocket may have its access token in the query.")
	errBadHandshake      = newRefusal(fiber.StatusBadRequest, "invalid_request", "The WebSocket handshake is malformed.")
	errWebSocketVersion  = newRefusal(fiber.StatusUpgradeRequired, "invalid_request", "The version of the WebSocket protocol has to be 13.").
				upgrading("13")

	errMissingToken = newRefusal(fiber.StatusUnauthorized, "invalid_token", "The request has no access token.").
			challenged(realm).judged(Missing)
	errInvalidToken = tokenRefusal("The access token is not valid.").judged(Malformed)
	errExpiredToken = tokenRefusal("The access token has expired.").judged(Expired)
	errRevokedToken = tokenRefusal("The access token was revoked.").judged(Revoked)
	errWithdrawnKey = errInvalidToken.judged(UnknownKey)

	// errNoUser answers a token that is good but speaks for no user, where the upstream's credential is a user's.
	errNoUser = newRefusal(fiber.StatusForbidden, "insufficient_scope", "This needs the access token of a user.").
			challenged(realm + `, error="insufficient_scope"`).judged(Insufficient)

	// errUserRefused answers a good token whose user lndhub.go does not let in. It says the same of a user who is suspended and while
	// its database does not answer.
	errUserRefused = newRefusal(fiber.StatusForbidden, "access_denied",
		"The wallet does not let this user in. Try again later; if it stays so, the account may have been suspended, and its support can tell.").
		judged(UserRefused).ofTheUpstream()

	errForeignOrigin    = newRefusal(fiber.StatusForbidden, "forbidden_origin", "Pages of this origin may not open this WebSocket.")
	errOriginNotAllowed = newRefusal(fiber.StatusForbidden, "forbidden_origin", "Pages of this origin may not use the API.")

	errNotFound           = newRefusal(fiber.StatusNotFound, "not_found", "There is no such route.")
	errMethodNotAllowed   = newRefusal(fiber.StatusMethodNotAllowed, "method_not_allowed", "The route does not have this method.")
	errRequestTimeout     = newRefusal(fiber.StatusRequestTimeout, "invalid_request", "The request did not arrive in time.")
	errUnknownExpectation = newRefusal(fiber.StatusExpectationFailed, "invalid_request", "The request expects what is not known here.")
	errBodyTooLarge       = newRefusal(fiber.StatusRequestEntityTooLarge, "invalid_request", "The request body is too large.")
	errHeaderTooLarge     = newRefusal(fiber.StatusRequestHeaderFieldsTooLarge, "invalid_request", "The request header is too large.")

	errInternal = newRefusal(fiber.StatusInternalServerError, "server_error", "Something went wrong.")

	errKeysUnavailable = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"Access tokens cannot be verified yet.").retry("1").judged(NoKeys)
	errRevocationUnknown = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"It cannot be told right now whether the access token was revoked.").retry("1").judged(RevocationUnknown)
	errTokenUnknown = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"It cannot be told right now what the access token is good for.").retry("1").judged(RevocationUnknown)
	errStopping = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"The server is stopping. The WebSocket was not opened.").retry("1")
	errOverShare = newRefusal(fiber.StatusTooManyRequests, "too_many_requests",
		"Too many requests of this user are under way. This one was not forwarded.").retry("1")
	errUpstreamBusy = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"The upstream is busy. The request was not forwarded.").retry("1")
	errUpstreamBroken = newRefusal(fiber.StatusBadGateway, "bad_gateway", "The upstream could not be reached or broke off.")
	// errCredentialRefused takes the place of an upstream's 401, on which clients would throw their good tokens away.
	errCredentialRefused = newRefusal(fiber.StatusBadGateway, "bad_gateway", "The upstream refused the gateway's credential.")
	// errCallerGone is only ever seen by a log; nginx has made its status known.
	errCallerGone = newRefusal(statusCallerGone, "invalid_request", "The caller went away.")
	// errLoop is a request that a configuration sends in a circle.
	errLoop            = newRefusal(fiber.StatusLoopDetected, "loop_detected", "The request has come through this gateway too often.")
	errUpstreamTooSlow = newRefusal(fiber.StatusGatewayTimeout, "gateway_timeout", "The upstream did not answer in time.")
)

// AnswerRefusal answers an error that is or wraps one of the gateway's own or of its listener's, and reports whether it was.
func AnswerRefusal(ctx *fasthttp.RequestCtx, err error) bool {
	known := knownRefusal(err)
	if known == nil {
		return false
	}
	answer(ctx, known)
	return true
}

// knownRefusal is the refusal that an error is or stands for, or nil. The listener finds out what is wrong with a request
// before the gateway gets to see it.
func knownRefusal(err error) *refusal {
	var own *refusal
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, listener.ErrMalformedRequest), errors.Is(err, routing.ErrMalformed), errors.Is(err, header.ErrMalformed):
		return errMalformedRequest
	case errors.Is(err, handshake.ErrMalformed):
		return errBadHandshake
	case errors.Is(err, handshake.ErrVersion):
		return errWebSocketVersion
	case errors.Is(err, handshake.ErrForeignOrigin):
		return errForeignOrigin
	case errors.Is(err, routing.ErrAmbiguous):
		return errAmbiguousPath
	case errors.Is(err, credential.ErrAmbiguousQuery):
		return errAmbiguousQuery
	case errors.Is(err, credential.ErrNoUser):
		return errNoUser
	case errors.Is(err, header.ErrTwoAuthorizations):
		return errTwoAuthorizations
	case errors.Is(err, header.ErrUnknownExpectation):
		return errUnknownExpectation
	case errors.Is(err, header.ErrLoop):
		return errLoop
	case errors.Is(err, routing.ErrNoRoute):
		return errNotFound
	case errors.Is(err, listener.ErrHeaderTooLarge):
		return errHeaderTooLarge
	}
	return nil
}

func newRefusal(status int, code, description string) *refusal {
	return &refusal{
		status: status, code: code, description: description,
		body:     refusalBody{Status: status, Error: code, Description: description}.encode(),
		sentBody: refusalBody{status, code, description + unknownOutcome, true, OutcomeUnknown}.encode(),
	}
}

func tokenRefusal(description string) *refusal {
	return newRefusal(fiber.StatusUnauthorized, "invalid_token", description).
		challenged(realm + `, error="invalid_token", error_description=` + strconv.Quote(description))
}

func scopeRefusal(scope string) *refusal {
	return newRefusal(fiber.StatusForbidden, "insufficient_scope", "The access token does not have the scope "+scope+".").
		challenged(realm + `, error="insufficient_scope", scope="` + scope + `"`).judged(Insufficient)
}

func methodRefusal(allow string) error {
	r := *errMethodNotAllowed
	r.allow = allow
	return &r
}

func (r *refusal) challenged(challenge string) *refusal { r.challenge = challenge; return r }

func (r *refusal) retry(after string) *refusal { r.retryAfter = after; return r }

// upgrading is told to those who speak another version of the WebSocket protocol (RFC 6455 section 4.4).
func (r *refusal) upgrading(version string) *refusal { r.webSocket = version; return r }

func (r *refusal) judged(verdict Verdict) *refusal {
	judged := *r
	judged.verdict = verdict
	return &judged
}

// Error is what a log shows.
func (r *refusal) Error() string { return strconv.Itoa(r.status) + " " + r.code + ": " + r.description }

// ErrorHandler returns Fiber's ErrorHandler: it answers in the gateway's JSON form what fails outside of Handle, such as
// requests that cannot be parsed (400), are too large (413, 431) or too slow (408), and paths of no handler (404, 405).
// The text of an error is never shown, it may quote the request.
func ErrorHandler(log *slog.Logger) fiber.ErrorHandler {
	return func(c *fiber.Ctx, err error) error {
		answer(c.Context(), refusalFor(log, err))
		return nil
	}
}

// refusalFor is the one mapping of errors to HTTP. What nobody foresaw is logged and becomes a 500.
func refusalFor(log *slog.Logger, err error) *refusal {
	if known := knownRefusal(err); known != nil {
		return known
	}
	var framework *fiber.Error
	if !errors.As(err, &framework) {
		log.Error("request failed", "error", err)
		return errInternal
	}
	switch framework.Code {
	case fiber.StatusNotFound:
		return errNotFound
	case fiber.StatusMethodNotAllowed:
		return errMethodNotAllowed // Fiber has set Allow
	case fiber.StatusRequestTimeout:
		return errRequestTimeout
	case fiber.StatusRequestEntityTooLarge:
		return errBodyTooLarge
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return errHeaderTooLarge
	case fiber.StatusInternalServerError:
		return errInternal
	default:
		return errMalformedRequest // Fiber says 502 when the caller's connection broke while the request was read
	}
}

// answer writes r. What is left unread of a request's body would be parsed as the next request, so the connection ends.
func answer(ctx *fasthttp.RequestCtx, r *refusal) {
	response := &ctx.Response
	response.ResetBody()
	response.SetStatusCode(r.status)
	response.Header.SetContentType("application/json")
	response.Header.Set(fiber.HeaderCacheControl, "no-store")
	setUnlessEmpty(&response.Header, fiber.HeaderAllow, r.allow)
	setUnlessEmpty(&response.Header, fiber.HeaderWWWAuthenticate, r.challenge)
	setUnlessEmpty(&response.Header, fiber.HeaderRetryAfter, r.retryAfter)
	if r.webSocket != "" {
		response.Header.Set("Sec-WebSocket-Version", r.webSocket)
		response.Header.Set(fiber.HeaderUpgrade, "websocket")
		response.Header.Set(fiber.HeaderConnection, "Upgrade")
	}
	response.SetBodyRaw(r.body)
	if ctx.Request.IsBodyStream() || ctx.Request.MayContinue() || r.status == fiber.StatusBadRequest || r.status == statusCallerGone {
		response.SetConnectionClose()
	}
}

func setUnlessEmpty(header *fasthttp.ResponseHeader, name, value string) {
	if value != "" {
		header.Set(name, value)
	}
}
