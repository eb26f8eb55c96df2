package client

import "crypto/rand"

const (
	idLetters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	idAlphabet = idLetters + "0123456789"
	idLength   = 16
)

// NewID returns 16 random letters and digits. It begins with a letter, so that it never looks like a user's id.
func NewID() string {
	id := []byte{randomOf(idLetters)}
	for len(id) < idLength {
		id = append(id, randomOf(idAlphabet))
	}
	return string(id)
}

// randomOf returns one of at most 64 characters, each as likely as the others.
func randomOf(characters string) byte {
	for {
		var random [1]byte
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		if i := int(random[0] & 63); i < len(characters) {
			return characters[i]
		}
	}
}
