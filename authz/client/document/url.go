package document

import (
	"fmt"
	"net/url"
	"strings"

	"gatehouse/authz/client"
)

// IsURL reports whether a client_id is meant to be that of a document. Find says whether it is one. No id that is chosen here
// begins so.
func IsURL(clientID string) bool { return strings.HasPrefix(clientID, "https://") }

// parseURL accepts the URLs of section 3 of the draft, as far as they can be fetched.
func parseURL(raw string) (*url.URL, error) {
	u, err := client.ParseFetchURL(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	return u, nil
}
