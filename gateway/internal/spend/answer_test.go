package spend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatLndhubsAnswersProve(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   Verdict
		cost   int64
	}{
		"paid":                                 {200, `{"amount":1000,"fee":7,"payment_hash":"00"}`, Executed, 1007},
		"paid without a fee":                   {200, `{"amount":1000,"fee":0}`, Executed, 1000},
		"paid, and cut":                        {200, `{"amount":1000,"fe`, Unknown, 0},
		"paid, and not read":                   {200, ``, Unknown, 0},
		"paid, in words of a proxy":            {200, `<html>`, Unknown, 0},
		"paid, twice in one answer":            {200, `{"amount":1,"fee":0,"amount":1000}`, Unknown, 0},
		"a keysend that failed, with 200":      {200, `{"error":true,"code":10,"message":"no_route"}`, Unknown, 0},
		"bad arguments":                        {400, `{"error":true,"code":8,"message":"Bad arguments"}`, NotExecuted, 0},
		"not enough balance":                   {400, `{"error":true,"code":2,"message":"not enough balance"}`, NotExecuted, 0},
		"a database that cannot be asked":      {400, `{"error":true,"code":6,"message":"Something went wrong"}`, NotExecuted, 0},
		"a payment that failed, as v1 says it": {400, `{"error":true,"code":10,"message":"Payment failed"}`, Unknown, 0},
		"a 400 of something in between":        {400, `<html>`, Unknown, 0},
		"a 400 that was cut":                   {400, ``, Unknown, 0},
		"a 400 without a code":                 {400, `{"error":true}`, Unknown, 0},
		"a 400 that is no error":               {400, `{"error":false,"code":8}`, Unknown, 0},
		"bad auth":                             {401, ``, NotExecuted, 0},
		"no such path":                         {404, ``, NotExecuted, 0},
		"no such method":                       {405, ``, NotExecuted, 0},
		"a body that is too large":             {413, ``, NotExecuted, 0},
		"too many requests":                    {429, ``, NotExecuted, 0},
		"a firewall":                           {403, ``, Unknown, 0},
		"a timeout of something in between":    {408, ``, Unknown, 0},
		"a 500 after it was paid":              {500, `{"error":true,"code":10,"message":"could not save"}`, Unknown, 0},
		"a 500 of its database":                {500, `{"error":true,"code":6,"message":"Something went wrong"}`, Unknown, 0},
		"a proxy without an upstream":          {502, ``, Unknown, 0},
		"a proxy that is tired":                {504, ``, Unknown, 0},
		"a redirect":                           {307, ``, Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := NewAnswers(Bolt11, nil, nil)
			require.NoError(t, err)
			got, cost := a.Judge(test.status, []byte(test.body), 2000)
			require.Equal(t, test.want, got)
			require.Equal(t, test.cost, cost)
			if !a.NeedsBody(test.status) {
				require.NotEqual(t, 200, test.status)
				require.NotEqual(t, 400, test.status)
			}
		})
	}
}

func TestWhatOtherAnswersProve(t *testing.T) {
	plain, err := NewAnswers("fixed:5", nil, []int{409, 422})
	require.NoError(t, err)
	for status, want := range map[int]Verdict{
		200: Executed, 204: Executed, 299: Executed, 302: Unknown, 400: Unknown, 409: NotExecuted, 422: NotExecuted, 500: Unknown, 599: Unknown,
	} {
		got, cost := plain.Judge(status, nil, 5)
		require.Equal(t, want, got, status)
		require.Equal(t, map[bool]int64{true: 5}[want == Executed], cost, status)
		require.False(t, plain.NeedsBody(status))
	}
	settled, err := NewAnswers("fixed:5", []string{"/paid/net", "/paid/tax"}, nil)
	require.NoError(t, err)
	got, cost := settled.Judge(201, []byte(`{"paid":{"net":3,"tax":1}}`), 5)
	require.Equal(t, Executed, got)
	require.EqualValues(t, 4, cost)
	got, _ = settled.Judge(201, []byte(`{"paid":{"net":9007199254740991,"tax":1}}`), 5)
	require.Equal(t, Unknown, got, "an overflow")

	for _, status := range []int{200, 399, 408, 499, 500, 503} {
		_, err := NewAnswers("fixed:5", nil, []int{status})
		require.Error(t, err, "%d proves nothing", status)
	}
	_, err = NewAnswers("fixed:5", []string{"paid"}, nil)
	require.Error(t, err)
	_, err = NewAnswers(Bolt11, nil, []int{400})
	require.Error(t, err)
	_, err = NewAnswers(Keysend, []string{"/amount"}, nil)
	require.Error(t, err)
}

func TestWhatLndhubSaysWhenItIsAsked(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	expired, current := now.Add(-61*time.Minute), now.Add(-59*time.Minute)
	const unknownInvoice = `{"error":true,"code":8,"message":"Bad arguments"}`
	for name, test := range map[string]struct {
		status int
		body   string
		until  time.Time
		again  bool
		want   Verdict
		cost   int64
	}{
		"settled":                         {200, `{"type":"outgoing","status":"settled","amount":9,"fee":1}`, current, false, Executed, 10},
		"settled, after another try":      {200, `{"type":"outgoing","status":"settled","amount":9,"fee":1}`, current, true, Executed, 10},
		"under way":                       {200, `{"type":"outgoing","status":"initialized","amount":9,"fee":0}`, expired, false, Unknown, 0},
		"failed":                          {200, `{"type":"outgoing","status":"error","amount":9,"fee":0}`, current, false, NotExecuted, 0},
		"one of several tries has failed": {200, `{"type":"outgoing","status":"error","amount":9,"fee":0}`, expired, true, Unknown, 0},
		"an invoice of the user's own":    {200, `{"type":"incoming","status":"settled","amount":9,"fee":0}`, expired, false, Unknown, 0},
		"an invoice of the user's own that failed": {200, `{"type":"incoming","status":"error","amount":9,"fee":0}`, expired, false, Unknown, 0},
		"a state that nobody knows":                {200, `{"type":"outgoing","status":"open","amount":9,"fee":0}`, expired, false, Unknown, 0},
		"settled without an amount":                {200, `{"type":"outgoing","status":"settled"}`, current, false, Unknown, 0},
		"not begun, and it still may be":           {400, unknownInvoice, current, false, Unknown, 0},
		"not begun, and not any more":              {400, unknownInvoice, expired, false, NotExecuted, 0},
		"not begun, of an expiry that is unknown":  {400, unknownInvoice, time.Time{}, false, Unknown, 0},
		"another 400":                              {400, `{"error":true,"code":2}`, expired, false, Unknown, 0},
		"a 404 of something in between":            {404, ``, expired, false, Unknown, 0},
		"too many requests":                        {429, `"rate limit exceeded"`, expired, false, Unknown, 0},
		"a database that cannot be asked":          {500, ``, expired, false, Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, cost := HubLookup("/v2").Judge(test.status, []byte(test.body), Asked{
				Held: 20, Since: now.Add(-24 * time.Hour), Until: test.until, Now: now, Again: test.again,
			})
			require.Equal(t, test.want, got)
			require.Equal(t, test.cost, cost)
		})
	}
	require.Equal(t, "/v2/invoices/00ff", HubLookup("/v2").Path("00ff"))
}

func TestWhatOthersSayWhenTheyAreAsked(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	l, err := NewLookup(LookupConfig{
		Path: "/orders/{key}/state", State: "/state", Posted: []string{"done"}, Voided: []string{"failed", "rejected"},
		AbsentAfter: time.Hour, Where: map[string]string{"/kind": "order"},
	})
	require.NoError(t, err)
	require.Equal(t, "/orders/a%2Fb/state", l.Path("a/b"))
	for name, test := range map[string]struct {
		status int
		body   string
		ago    time.Duration
		want   Verdict
	}{
		"done":             {200, `{"kind":"order","state":"done"}`, 0, Executed},
		"failed":           {200, `{"kind":"order","state":"failed"}`, 0, NotExecuted},
		"something else":   {200, `{"kind":"order","state":"new"}`, 0, Unknown},
		"about another":    {200, `{"kind":"refund","state":"failed"}`, 0, Unknown},
		"about nothing":    {200, `{"state":"failed"}`, 0, Unknown},
		"not there yet":    {404, ``, 59 * time.Minute, Unknown},
		"not there":        {404, ``, time.Hour, NotExecuted},
		"another status":   {410, ``, time.Hour, Unknown},
		"no JSON":          {200, `done`, time.Hour, Unknown},
		"a status of 2xx":  {203, `{"kind":"order","state":"failed"}`, time.Hour, Unknown},
		"two states in it": {200, `{"kind":"order","state":"failed","state":"done"}`, 0, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, cost := l.Judge(test.status, []byte(test.body), Asked{Held: 20, Since: now.Add(-test.ago), Now: now, Again: true})
			require.Equal(t, test.want, got)
			require.Equal(t, map[bool]int64{true: 20}[got == Executed], cost)
		})
	}
	never, err := NewLookup(LookupConfig{Path: "/{key}", State: "/s", Posted: []string{"a"}})
	require.NoError(t, err)
	got, _ := never.Judge(404, nil, Asked{Since: now.Add(-10_000 * time.Hour), Now: now})
	require.Equal(t, Unknown, got)

	for name, c := range map[string]LookupConfig{
		"no key":          {Path: "/x", State: "/s", Posted: []string{"a"}},
		"two keys":        {Path: "/{key}/{key}", State: "/s", Posted: []string{"a"}},
		"no slash":        {Path: "{key}", State: "/s", Posted: []string{"a"}},
		"no state":        {Path: "/{key}", Posted: []string{"a"}},
		"nothing posted":  {Path: "/{key}", State: "/s"},
		"both":            {Path: "/{key}", State: "/s", Posted: []string{"a"}, Voided: []string{"a"}},
		"a negative time": {Path: "/{key}", State: "/s", Posted: []string{"a"}, AbsentAfter: -1},
		"no pointer":      {Path: "/{key}", State: "/s", Posted: []string{"a"}, Where: map[string]string{"s": "a"}},
		"no pointers":     {Path: "/{key}", State: "/s", Posted: []string{"a"}, Cost: []string{"c"}},
	} {
		_, err := NewLookup(c)
		require.Error(t, err, name)
	}
}
