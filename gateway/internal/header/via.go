package header

import (
	"bytes"
	"fmt"

	"gatehouse/gateway/internal/http1"
)

// maxPasses is how often a request may have come through gateways of this name. Several in a row may share one; in a circle
// the number has no end.
const maxPasses = 5

// ValidateVia tells what is wrong with a name for Via.
func ValidateVia(name string) error {
	if name != "" && !http1.IsToken([]byte(name)) {
		return fmt.Errorf("%q is no name for Via: want letters, digits, hyphens or dots", name)
	}
	return nil
}

// appendVia says that the request came through here (RFC 9110 section 7.6.3). The caller's own lines have been written.
func appendVia(head []byte, name string, isHTTP11 bool) []byte {
	if name == "" {
		return head
	}
	if isHTTP11 {
		head = append(head, "Via: 1.1 "...)
	} else {
		head = append(head, "Via: 1.0 "...)
	}
	return append(append(head, name...), "\r\n"...)
}

// countVia is how many members of a Via field bear the name: each is a protocol, a name and perhaps a comment.
func countVia(value []byte, name string) int {
	count := 0
	for member := range bytes.SplitSeq(value, []byte{','}) {
		words := bytes.Fields(member)
		if len(words) > 1 && bytes.EqualFold(words[1], []byte(name)) {
			count++
		}
	}
	return count
}
