package keys

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"gatehouse/keys/strictjson"
)

// confirmation is the cnf claim (RFC 7800 section 3.1): whoever shows the token has to prove that he holds a key. Only the
// thumbprint of one is understood (RFC 9449 section 6.1). A token that asks for any other proof is refused, because nobody here
// could ask for it.
type confirmation struct {
	thumbprint string
}

const jktMember = "jkt"

var errConfirmation = errors.New("cnf has another form than jkt")

func (c *confirmation) UnmarshalJSON(data []byte) error {
	members, err := strictjson.Parse(data)
	if err != nil || len(members) != 1 {
		return errConfirmation
	}
	text, err := members.Text(jktMember)
	if err != nil || !isThumbprint(text) {
		return errConfirmation
	}
	c.thumbprint = text
	return nil
}

// isThumbprint holds for the form of an RFC 7638 SHA-256 thumbprint.
func isThumbprint[T string | []byte](text T) bool {
	if len(text) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return false
	}
	for i := range len(text) {
		switch b := text[i]; {
		case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return true
}

func (s *scanner) confirmation(value *confirmation) bool {
	if value.thumbprint != "" || !s.skip('{') {
		return false
	}
	name, ok := s.text()
	if !ok || string(name) != jktMember || !s.skip(':') {
		return false
	}
	text, ok := s.text()
	if !ok || !isThumbprint(text) || !s.skip('}') {
		return false
	}
	value.thumbprint = string(text)
	return true
}
