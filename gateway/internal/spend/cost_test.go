package spend

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var whenItIsGood = time.Unix(vectorBegins+30, 0)

func reader(t *testing.T, c Config) *Reader {
	t.Helper()
	r, err := NewReader(c)
	require.NoError(t, err)
	return r
}

func asking(body string, headers ...string) *Request {
	return &Request{
		Body: []byte(body), ContentType: "application/json", Now: whenItIsGood,
		Header: func(name string) (value string, times int) {
			for i := 0; i < len(headers); i += 2 {
				if headers[i] == name {
					value, times = headers[i+1], times+1
				}
			}
			return value, times
		},
	}
}

// What could make a gateway count another amount than the upstream executes.
func TestAmountsThatCouldBeReadDifferently(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		why  Unreadable
	}{
		"in a duplicate member":                {`{"amount":1,"amount":1000000}`, Duplicate},
		"in a duplicate member with an escape": {`{"amount":1,"\u0061mount":1000000}`, Duplicate},
		"in a duplicate elsewhere":             {`{"amount":1,"x":{"y":1,"y":2}}`, Duplicate},
		"in a member that differs in case":     {`{"amount":1,"Amount":1000000}`, CaseDiffers},
		"in a member in capitals alone":        {`{"AMOUNT":1}`, CaseDiffers},
		"as a string":                          {`{"amount":"1"}`, NoAmount},
		"negative":                             {`{"amount":-1}`, NoAmount},
		"negative zero":                        {`{"amount":-0}`, NoAmount},
		"with an exponent":                     {`{"amount":1e3}`, NoAmount},
		"with a fraction":                      {`{"amount":1.5}`, NoAmount},
		"with a fraction of zero":              {`{"amount":1.0}`, NoAmount},
		"above 2^53-1":                         {`{"amount":9007199254740992}`, NoAmount},
		"above 2^64":                           {`{"amount":18446744073709551617}`, NoAmount},
		"as null":                              {`{"amount":null}`, NoAmount},
		"as true":                              {`{"amount":true}`, NoAmount},
		"in an array":                          {`{"amount":[1]}`, NoAmount},
		"missing":                              {`{}`, Missing},
		"in a text":                            {`"amount"`, Missing},
		"with data behind it":                  {`{"amount":1}{"amount":1000000}`, NotJSON},
		"with a byte order mark":               {"\ufeff" + `{"amount":1}`, NotJSON},
		"in UTF-16":                            {"\xff\xfe{\x00\"\x00", NotJSON},
		"in no UTF-8":                          {"{\"amount\":1,\"\xff\":2}", NotJSON},
		"with a comment":                       {`{"amount":1/*0000*/}`, NotJSON},
		"with a comma too much":                {`{"amount":1,}`, NotJSON},
		"with leading zeros":                   {`{"amount":0001}`, NotJSON},
		"hexadecimal":                          {`{"amount":0x10}`, NotJSON},
		"without quotes":                       {`{amount:1}`, NotJSON},
		"deep":                                 {strings.Repeat("[", 65) + strings.Repeat("]", 65), TooDeep},
		"nothing":                              {``, NotJSON},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader(t, Config{Cost: "json:/amount"}).Read(asking(test.body))
			require.Equal(t, test.why, err)
		})
	}
}

// encoding/json, which lndhub.go reads with, takes these for the member of the name, and the last of them wins.
func TestMembersThatFoldToTheNameAreRefused(t *testing.T) {
	for _, name := range []string{"Invoice", "INVOICE", "invoıce"} {
		var taken struct {
			Invoice string `json:"invoice"`
		}
		body := fmt.Sprintf(`{"invoice":%q,%q:"other"}`, coffee, name)
		require.NoError(t, json.Unmarshal([]byte(body), &taken))
		_, err := reader(t, Config{Cost: Bolt11}).Read(asking(body))
		require.Equal(t, taken.Invoice != coffee, err != nil, "%s: %v", name, err)
	}
	for _, name := range []string{"de\u017ftination_key", "destination_\u212aey"} {
		var taken struct {
			Key int `json:"destination_key"`
		}
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"destination_key":1,%q:2}`, name), &taken))
		require.Equal(t, 2, taken.Key)
		_, err := reader(t, Config{Cost: "json:/destination_key"}).Read(asking(fmt.Sprintf(`{"destination_key":1,%q:2}`, name)))
		require.Equal(t, CaseDiffers, err)
	}
}

func TestOnlyJSONInUTF8IsRead(t *testing.T) {
	for contentType, ok := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, `application/json;charset="UTF-8"`: true, "Application/JSON": true,
		"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "application/json; charset=utf-16": false,
		"application/json; charset=iso-8859-1": false, "application/json; charset=utf-7": false, "application/json, text/plain": false,
		"application/json; charset=utf-8; charset=utf-16": false, "application/json; profile=x": false, "application/jsonx": false,
		"application/merge-patch+json": false, "multipart/form-data; boundary=x": false,
	} {
		of := asking(`{"amount":1}`)
		of.ContentType = contentType
		_, err := reader(t, Config{Cost: "json:/amount"}).Read(of)
		require.Equal(t, ok, err == nil, "%q: %v", contentType, err)
	}
	of := asking(`{"amount":1}`)
	of.IsEncoded = true
	_, err := reader(t, Config{Cost: "json:/amount"}).Read(of)
	require.Equal(t, NotTyped, err)
}

func TestWhatAnInvoiceCosts(t *testing.T) {
	r := reader(t, Config{Cost: Bolt11, MaxFee: 1000, ServiceFee: 5})
	for _, text := range []string{coffee, strings.ToUpper(coffee)} {
		c, err := r.Read(asking(`{"invoice":"` + text + `","amount":1}`))
		require.NoError(t, err)
		require.Equal(t, Cost{250_000 + 1000 + 1250, vectorHash, true, time.Unix(vectorBegins+60, 0).UTC()}, c)
	}
	for name, test := range map[string]struct {
		body string
		at   time.Time
		why  error
	}{
		"expired":                    {`{"invoice":"` + coffee + `"}`, time.Unix(vectorBegins+61, 0), Expired},
		"in its last second":         {`{"invoice":"` + coffee + `"}`, time.Unix(vectorBegins+60, 0), nil},
		"without an amount":          {`{"invoice":"` + donation + `","amount":1}`, whenItIsGood, NoInvoiceAmount},
		"no text":                    {`{"invoice":1}`, whenItIsGood, NoText},
		"in a duplicate member":      {`{"invoice":"` + coffee + `","invoice":"` + list + `"}`, whenItIsGood, Duplicate},
		"in a member of other case":  {`{"invoice":"` + coffee + `","Invoice":"` + list + `"}`, whenItIsGood, CaseDiffers},
		"with another network's":     {`{"invoice":"` + testnet + `"}`, whenItIsGood, AnotherNetwork},
		"more than all there can be": {`{"invoice":"` + invoiceWith("lnbc90071992", "", "") + `"}`, whenItIsGood, TooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			of := asking(test.body)
			of.Now = test.at
			_, err := r.Read(of)
			require.Equal(t, test.why, err)
		})
	}
}

// lndhub.go computes with float64, whose roundings are a satoshi more here and there.
func TestFeesAreThoseThatLndhubHolds(t *testing.T) {
	byLndhub := func(amount, most, service int64) int64 { // lib/service/user.go, CalcFeeLimit and CalcServiceFee
		limit := int64(10)
		if amount > 1000 {
			limit = int64(math.Ceil(float64(amount)*float64(0.01)) + 1)
		}
		if limit > most {
			limit = most
		}
		return limit + int64(math.Ceil(float64(amount)*float64(service)/1000.0))
	}
	fees := hubFees{most: 5000, service: 7}
	for amount := int64(1); amount < 30_000; amount++ {
		if want, got := byLndhub(amount, 5000, 7), fees.on(amount); got != want {
			t.Fatalf("%d: %d, want %d", amount, got, want)
		}
	}
	require.EqualValues(t, 10, (&hubFees{}).on(1000))
	require.EqualValues(t, 12, (&hubFees{}).on(1001))
}

func TestWhatAKeysendCosts(t *testing.T) {
	r := reader(t, Config{Cost: Keysend, ServiceFee: 10})
	c, err := r.Read(asking(`{"amount":2000,"destination":"02ab"}`, "idempotency-key", "abc"))
	require.NoError(t, err)
	require.Equal(t, Cost{Amount: 2000 + 21 + 20, Key: "abc"}, c)
	c, err = r.Read(asking(`{"amount":5}`))
	require.NoError(t, err)
	require.Equal(t, Cost{Amount: 5 + 10 + 1}, c)
	_, err = r.Read(asking(`{"amount":0}`))
	require.Equal(t, WithoutCost, err)
	_, err = r.Read(asking(`{"amount":9007199254740991}`))
	require.Equal(t, TooMuch, err)
}

func TestWhereKeysAreRead(t *testing.T) {
	inBody := reader(t, Config{Cost: "json:/order/total", Fee: "fixed:3", Key: "json:/order/id", NeedsKey: true})
	c, err := inBody.Read(asking(`{"order":{"total":4,"id":"n-1"}}`))
	require.NoError(t, err)
	require.Equal(t, Cost{Amount: 7, Key: "n-1", IsGlobal: true}, c)
	inHeader := reader(t, Config{Cost: "fixed:1", Key: "header:X-Order", NeedsKey: true})
	require.False(t, inHeader.ReadsBody())
	for name, test := range map[string]struct {
		headers []string
		why     error
	}{
		"one":           {[]string{"x-order", "n-1"}, nil},
		"none":          {nil, NoKey},
		"two":           {[]string{"x-order", "n-1", "x-order", "n-2"}, BadKey},
		"empty":         {[]string{"x-order", ""}, BadKey},
		"a space in it": {[]string{"x-order", "n 1"}, BadKey},
		"no ASCII":      {[]string{"x-order", "nü"}, BadKey},
		"a dot":         {[]string{"x-order", ".."}, BadKey},
		"too long":      {[]string{"x-order", strings.Repeat("n", 201)}, BadKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inHeader.Read(asking("no JSON", test.headers...))
			require.Equal(t, test.why, err)
		})
	}
	_, err = inBody.Read(asking(`{"order":{"total":4}}`))
	require.Equal(t, Missing, err)
}

func TestConfigsThatCannotWork(t *testing.T) {
	for name, c := range map[string]Config{
		"no cost":                {},
		"another reader":         {Cost: "lnd"},
		"a pointer that is none": {Cost: "json:amount"},
		"a bad escape":           {Cost: "json:/a~2"},
		"a fixed that is none":   {Cost: "fixed:1.5"},
		"a negative one":         {Cost: "fixed:-1"},
		"one with a zero":        {Cost: "fixed:01"},
		"a cost in a header":     {Cost: "header:Cost"},
		"a fee beside lndhub's":  {Cost: Bolt11, Fee: "fixed:1"},
		"a key beside the hash":  {Cost: Bolt11, Key: "header:X"},
		"another network":        {Cost: Bolt11, Network: "main"},
		"a network of a keysend": {Cost: Keysend, Network: "bc"},
		"a network of others":    {Cost: "fixed:1", Network: "bc"},
		"a max_fee of others":    {Cost: "fixed:1", MaxFee: 1},
		"a negative max_fee":     {Cost: Bolt11, MaxFee: -1},
		"a service_fee of 200 %": {Cost: Bolt11, ServiceFee: 2000},
		"a fixed key":            {Cost: "fixed:1", Key: "fixed:1"},
		"a header without name":  {Cost: "fixed:1", Key: "header:"},
		"a fee of a header":      {Cost: "fixed:1", Fee: "header:x"},
	} {
		_, err := NewReader(c)
		require.Error(t, err, name)
	}
}

// FuzzDocument holds what is read to what encoding/json takes for it: lndhub.go reads with that.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		`{"amount":1}`, `{"amount":1,"Amount":2}`, `{"a":{"amount":[1,2]}}`, `{"amount":1e3}`, `{"\u0061mount":7}`, `{"amount":null}`,
		"{\"amount\":9007199254740991}", `{"AMOUNT":1}`, `[{"amount":1}]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := Parse(text)
		if err != nil {
			return
		}
		amount, err := document.Amount(Pointer{"amount"})
		if err != nil {
			require.IsType(t, Unreadable(""), err)
			return
		}
		var taken struct {
			Amount int64 `json:"amount"`
		}
		require.NoError(t, json.Unmarshal(text, &taken))
		require.Equal(t, taken.Amount, amount)
		require.True(t, amount >= 0 && amount <= MaxAmount)
	})
}
