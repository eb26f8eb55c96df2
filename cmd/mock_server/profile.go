package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
)

// profile is who a demo user is to other people. It follows from the user's id alone.
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

func profileOf(userID int64) profile {
	id := strconv.FormatInt(userID, 10)
	sum := sha256.Sum256([]byte("demo user " + id))
	identifier := base64.RawURLEncoding.EncodeToString(sum[:15])
	address := "user" + id + "@wallet.example"
	return profile{
		Identifier:       identifier,
		Email:            address,
		Name:             "Demo user " + id,
		Avatar:           "https://wallet.example/avatars/" + id + ".png",
		LightningAddress: address,
		KeysendPubkey:    nodeKey,
		KeysendKey:       recipientRecord,
		KeysendValue:     identifier,
		NostrPubkey:      fmt.Sprintf("%x", sum),
	}
}

// openingAccount is the history that a demo user starts with: two payments received and one made.
func openingAccount(userID int64, now time.Time) *account {
	salary := newEntry(nodeKey, 150_000, "Design work, second half of the month", now.Add(-72*time.Hour))
	salary.incoming, salary.paidAt = true, salary.created.Add(12*time.Minute)

	boost := newEntry(nodeKey, 2_100, "Great episode!", now.Add(-30*time.Hour))
	boost.incoming, boost.keysend, boost.request, boost.paidAt = true, true, "", boost.created
	boost.records = map[string][]byte{recipientRecord: []byte(profileOf(userID).Identifier)}

	coffee := newEntry(shopKey, 1_800, "Two coffees", now.Add(-5*time.Hour))
	coffee.paidAt, coffee.fee = coffee.created.Add(20*time.Second), routingFee(shopKey, coffee.amount)

	return &account{
		balance: salary.amount + boost.amount - coffee.amount - coffee.fee,
		history: []*entry{salary, boost, coffee},
	}
}
