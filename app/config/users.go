package config

import (
	"net/url"
	"strings"
	"time"
)

// minSession is less than anybody needs to decide.
const minSession = time.Minute

func (c *Config) checkUsers(v *validation) {
	v.atLeast("sessions.idle", c.Sessions.Idle, minSession)
	v.atLeast("sessions.absolute", c.Sessions.Absolute, c.Sessions.Idle)
	if c.Users.LoginURL == "" {
		return
	}
	page, err := url.Parse(c.Users.LoginURL)
	switch {
	case err != nil || page.Host == "" || page.Scheme != "http" && page.Scheme != "https":
		v.add("users.login_url", "must be an http or https URL, not %q", SecretURL(c.Users.LoginURL).String())
	case page.User != nil || page.Fragment != "":
		v.add("users.login_url", "must have no credentials and no fragment")
	case page.Scheme == "http" && strings.HasPrefix(c.Issuer, "https:"):
		v.add("users.login_url", "must be https, as the issuer is: whoever is in between could be any user")
	}
}
