package browser

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Notice is what a page says about the step before it. It travels in a cookie, because the page follows a redirect. What can be one of
// a few things, which the room of that page knows: whoever makes one up sees it alone.
type Notice struct {
	What  string
	About string    // the login that was tried, the application that it is about, or the form that could not be taken
	Until time.Time // when to try again
}

// Suspended is the notice of the page that signs a user in, also where another page led there: the user's account was suspended.
const Suspended = "suspended"

const (
	noticeLife     = time.Minute
	maxNoticeAbout = 1000 // so that the cookie is not too long for a browser
)

// LeaveNotice leaves a notice for the next page.
func (p *Pages) LeaveNotice(w http.ResponseWriter, n Notice) {
	if len(n.About) > maxNoticeAbout {
		n.About = ""
	}
	values := url.Values{"what": {n.What}, "about": {n.About}, "until": {strconv.FormatInt(n.Until.Unix(), 10)}}
	p.Cookies.Set(w, noticeCookie, base64.RawURLEncoding.EncodeToString([]byte(values.Encode())), noticeLife)
}

// TakeNotice reads the notice that was left, once.
func (p *Pages) TakeNotice(w http.ResponseWriter, r *http.Request) Notice {
	kept := p.Cookies.Get(r, noticeCookie)
	if kept == "" {
		return Notice{}
	}
	p.Cookies.Set(w, noticeCookie, "", 0)
	decoded, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return Notice{}
	}
	values, err := url.ParseQuery(string(decoded))
	if err != nil {
		return Notice{}
	}
	until, _ := strconv.ParseInt(values.Get("until"), 10, 64) // without, there is nothing to wait for
	return Notice{What: values.Get("what"), About: values.Get("about"), Until: time.Unix(until, 0)}
}
