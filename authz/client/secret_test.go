package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/authz/client"
)

func TestTheDecoyIsAsSlowAsAChosenSecret(t *testing.T) {
	decoy, err := bcrypt.Cost([]byte(client.Decoy))
	require.NoError(t, err)
	hash, err := client.HashChosen("secret")
	require.NoError(t, err)
	usual, err := bcrypt.Cost([]byte(hash))
	require.NoError(t, err)
	require.Equal(t, usual, decoy)
}
