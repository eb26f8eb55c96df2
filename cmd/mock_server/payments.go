package main

import (
	"encoding/hex"
	"net/http"
	"strconv"
)

func (u *upstream) listInvoices(keep func(entry) bool) func(int64, *http.Request) (any, error) {
	return func(userID int64, _ *http.Request) (any, error) {
		list := []walletInvoice{}
		for _, e := range u.ledger.History(userID, keep) {
			list = append(list, e.shape())
		}
		return list, nil
	}
}

func (u *upstream) invoice(userID int64, r *http.Request) (any, error) {
	e, err := u.ledger.Find(userID, r.PathValue("payment_hash"))
	if err != nil {
		return nil, err
	}
	return e.shape(), nil
}

func (u *upstream) createInvoice(userID int64, r *http.Request) (any, error) {
	var body struct {
		Amount          int64  `json:"amount"`
		Description     string `json:"description"`
		DescriptionHash string `json:"description_hash"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if hash, err := hex.DecodeString(body.DescriptionHash); err != nil || len(hash) != 0 && len(hash) != 32 {
		return nil, errBadArguments
	}
	e, err := u.ledger.AddInvoice(userID, body.Amount, body.Description, body.DescriptionHash)
	if err != nil {
		return nil, err
	}
	return e.shape(), nil
}

func (u *upstream) payInvoice(userID int64, r *http.Request) (any, error) {
	var body struct {
		Invoice string `json:"invoice"`
		Amount  int64  `json:"amount"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	e, err := u.ledger.Pay(userID, body.Invoice, body.Amount)
	if err != nil {
		return nil, err
	}
	return e.receipt(), nil
}

func (u *upstream) keysend(userID int64, r *http.Request) (any, error) {
	var body struct {
		Amount             int64             `json:"amount"`
		Destination        string            `json:"destination"`
		Memo               string            `json:"memo"`
		CamelCustomRecords map[string]string `json:"customRecords"` // what the Alby SDK sends
		CustomRecords      map[string]string `json:"custom_records"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if body.CustomRecords == nil {
		body.CustomRecords = body.CamelCustomRecords
	}
	if body.Amount <= 0 || body.Destination == "" {
		return nil, errBadArguments
	}
	if key, err := hex.DecodeString(body.Destination); err != nil || len(key) != 33 {
		return nil, errDestination
	}
	records := map[string][]byte{}
	for number, value := range body.CustomRecords {
		if _, err := strconv.ParseUint(number, 10, 64); err != nil {
			return nil, errBadArguments
		}
		records[number] = []byte(value)
	}
	e, err := u.ledger.Keysend(userID, body.Destination, body.Amount, body.Memo, records)
	if err != nil {
		return nil, err
	}
	receipt := e.receipt()
	receipt.CustomRecords = body.CustomRecords
	return receipt, nil
}
