package document

import (
	"errors"
	"fmt"

	"gatehouse/keys/strictjson"
)

// maxKeys is how many keys a client can have at a time.
const maxKeys = 20

// checkKeys accepts a JSON Web Key Set (RFC 7517 section 5) of public keys. Which of them can sign is for whoever verifies to say.
func checkKeys(set strictjson.Object) error {
	list, err := set.Objects("keys")
	switch {
	case err != nil:
		return err
	case len(list) == 0 || len(list) > maxKeys:
		return fmt.Errorf("its key set does not have 1 to %d keys", maxKeys)
	}
	for _, key := range list {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, is := key[private]; is {
				return errors.New("its key set has a key that is not public")
			}
		}
	}
	return nil
}
