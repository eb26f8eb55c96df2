package page

import (
	"net/url"
	"regexp"
	"strings"
)

// pictureHost is a host that a Content-Security-Policy can name.
var pictureHost = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$`)

// imageSource is what a policy has to allow for a picture: that one address, whatever its query. It is empty for a picture that is
// not shown, because it is not https or a policy cannot name it.
func imageSource(picture string) string {
	u, err := url.Parse(picture)
	if err != nil || u.Scheme != "https" || u.User != nil || !pictureHost.MatchString(u.Host) {
		return ""
	}
	path := strings.NewReplacer(";", "%3B", ",", "%2C", "'", "%27").Replace(u.EscapedPath()) // the first two would end the source
	return "https://" + u.Host + path
}
