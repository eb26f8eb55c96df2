package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"gatehouse/cmd/mock_server/lndhub"
)

// profile is who a demo user is to other people. It follows from the user alone.
type profile struct {
	Identifier       string `json:"identifier"`
	Email            string `json:"email"`
	Name             string `json:"name"`
	Avatar           string `json:"avatar"`
	LightningAddress string `json:"lightning_address"`
	KeysendPubkey    string `json:"keysend_pubkey"`
	KeysendKey       string `json:"keysend_custom_key"`
	KeysendValue     string `json:"keysend_custom_value"`
	NostrPubkey      string `json:"nostr_pubkey"`
}

// identifierOf is the login of a user who has no other.
func identifierOf(id int64) string {
	sum := digestOf(id)
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

func digestOf(id int64) [sha256.Size]byte {
	return sha256.Sum256([]byte("demo user " + strconv.FormatInt(id, 10)))
}

func profileOf(u lndhub.User) profile {
	id := strconv.FormatInt(u.ID, 10)
	address := "user" + id + "@wallet.example"
	return profile{
		Identifier:       identifierOf(u.ID),
		Email:            address,
		Name:             "Demo user " + id,
		Avatar:           "https://wallet.example/avatars/" + id + ".png",
		LightningAddress: address,
		KeysendPubkey:    lndhub.NodeKey,
		KeysendKey:       recipientRecord,
		KeysendValue:     u.Login,
		NostrPubkey:      fmt.Sprintf("%x", digestOf(u.ID)),
	}
}

// openingOf is the history that a demo user starts with: two payments received and one made.
func openingOf(u lndhub.User, now time.Time) []lndhub.Invoice {
	settled := func(kind, node string, amount, fee int64, memo string, ago, after time.Duration) lndhub.Invoice {
		return lndhub.NewSettled(kind, node, amount, fee, memo, now.Add(-ago), now.Add(after-ago))
	}
	boost := settled(lndhub.Incoming, lndhub.NodeKey, 2_100, 0, "Great episode!", 30*time.Hour, 0)
	boost.Keysend, boost.Request, boost.Records = true, "", map[uint64][]byte{696969: []byte(u.Login)}
	return []lndhub.Invoice{
		settled(lndhub.Incoming, lndhub.NodeKey, 150_000, 0, "Design work, second half of the month", 72*time.Hour, 12*time.Minute),
		boost,
		settled(lndhub.Outgoing, shopKey, 1_800, 2, "Two coffees", 5*time.Hour, 20*time.Second),
	}
}
