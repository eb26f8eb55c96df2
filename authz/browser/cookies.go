package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

// The cookies of our pages: names begin with gatehouse, over https with __Host-gatehouse, so that no other host can set them. The
// gateway keeps them all from upstreams.
const (
	sessionCookie = "gatehouse"         // in which session the browser is
	browserCookie = "gatehouse-browser" // which browser it is, before anybody is signed in
	noticeCookie  = "gatehouse-notice"  // what the next page has to say

	WayCookie    = "gatehouse-way"    // the authorization request that it left for the host application
	AnswerCookie = "gatehouse-answer" // that it brought the host application's answer

	// CookieLife is longer than anybody takes to decide.
	CookieLife = time.Hour
)

// Cookies are those of one issuer. What a browser sends is believed only as far as it is the hash of something stored.
type Cookies struct {
	prefix string
	secure bool
}

func newCookies(issuer string) Cookies {
	if base, err := url.Parse(issuer); err == nil && base.Scheme == "https" {
		return Cookies{prefix: "__Host-", secure: true}
	}
	return Cookies{}
}

// Get is the cookie's value; empty when there is none, or when there are several that differ: a neighbour may have set one.
func (c Cookies) Get(r *http.Request, name string) string {
	value := ""
	for _, cookie := range r.CookiesNamed(c.prefix + name) {
		if value != "" && cookie.Value != value {
			return ""
		}
		value = cookie.Value
	}
	return value
}

// Set gives the browser a cookie for as long; for 0 or less it takes it away.
func (c Cookies) Set(w http.ResponseWriter, name, value string, life time.Duration) {
	maxAge := int(life / time.Second)
	if life <= 0 {
		value, maxAge = "", -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.prefix + name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// FormToken proves that a form is from a page that was given to the browser with that cookie: no other site can read either.
func FormToken(cookie string) string {
	digest := sha256.Sum256([]byte("form of " + cookie))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
