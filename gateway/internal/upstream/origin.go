package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"gatehouse/gateway/internal/routing"
)

// Origin is where requests go.
type Origin struct {
	TLS     bool
	Address string // host:port, to dial
	Host    string // the Host header, as configured
	Name    string // for certificates, without the port
}

// ParseOrigin accepts http and https URLs of a host and at most a path. Anything more would be dropped in silence or
// glued to every request, so it is refused. basePath is canonical, without a trailing slash, and empty for none.
func ParseOrigin(raw string) (at Origin, basePath string, err error) {
	refuse := func(reason string) (Origin, string, error) {
		return Origin{}, "", fmt.Errorf("bad origin: %s", reason) // a URL may hold a password: the text is not shown
	}
	if raw == "" {
		return refuse("none is given")
	}
	u, err := url.Parse(raw)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return refuse(err.Error())
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("the scheme is not http or https")
	case u.User != nil:
		return refuse("it has a user or password")
	case u.RawQuery != "" || u.ForceQuery:
		return refuse("it has a query")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return refuse("it has a fragment")
	case u.Hostname() == "" || u.Opaque != "":
		return refuse("it has no host")
	case !isHostHeader(u.Host):
		return refuse("the host is not valid")
	}
	at = Origin{TLS: u.Scheme == "https", Host: u.Host, Name: u.Hostname()}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	} else if number, err := net.LookupPort("tcp", port); err != nil || number == 0 {
		return refuse("the port is not valid")
	}
	at.Address = net.JoinHostPort(at.Name, port)
	if path := strings.TrimSuffix(u.EscapedPath(), "/"); path != "" {
		var t routing.Target
		if err := t.ParsePath([]byte(path)); err != nil {
			return refuse("the path could be read in more than one way")
		}
		basePath = string(t.AppendPath(nil))
	}
	return at, basePath, nil
}

func isHostHeader(host string) bool {
	for i := range len(host) {
		if b := host[i]; b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return true
}
