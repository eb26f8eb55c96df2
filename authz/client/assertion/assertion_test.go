package assertion_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client/assertion"
	"gatehouse/keys/jws"
	"gatehouse/keys/jws/jwstest"
	"gatehouse/keys/strictjson"
)

const (
	issuer = "https://auth.example.com"
	id     = "app"
)

var now = time.Unix(1_900_000_000, 0)

func checker() *assertion.Checker {
	return &assertion.Checker{Leeway: 5 * time.Second, Now: func() time.Time { return now }}
}

func goodClaims(changes map[string]any) map[string]any {
	return jwstest.Changed(map[string]any{
		"iss": id, "sub": id, "aud": issuer, "jti": "one", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}, changes)
}

// read reads an assertion with those claims for the issuer.
func read(t *testing.T, s jwstest.Signer, header, claims map[string]any) (assertion.Assertion, error) {
	t.Helper()
	header = jwstest.Changed(map[string]any{"alg": s.Algorithm}, header)
	a, err := checker().Read(s.Compact(t, header, claims))
	if err == nil {
		err = a.IsFor(issuer)
	}
	return a, err
}

func keysOf(t *testing.T, members ...map[string]any) []jws.Key {
	t.Helper()
	var found []jws.Key
	for _, jwk := range members {
		text, err := json.Marshal(jwk)
		require.NoError(t, err)
		o, err := strictjson.Parse(text)
		require.NoError(t, err)
		key, err := jws.ParseKey(o)
		require.NoError(t, err)
		found = append(found, key)
	}
	return found
}

func TestAnAssertionOfEachAlgorithmIsGood(t *testing.T) {
	for _, alg := range assertion.Algorithms() {
		s := jwstest.New(t, alg)
		a, err := read(t, s, nil, goodClaims(nil))
		require.NoError(t, err, alg)
		require.Equal(t, id, a.ClientID)
		require.Equal(t, "one", a.ID)
		require.Equal(t, now.Add(time.Minute), a.Until)
		require.NoError(t, a.Verify(keysOf(t, s.JWK(t, nil))), alg)
		require.ErrorIs(t, a.Verify(keysOf(t, jwstest.New(t, alg).JWK(t, nil))), assertion.ErrSignature, "another key")
	}
}

func TestClaimsThatAreMissingOrWrongAreRefused(t *testing.T) {
	s := jwstest.New(t, "EdDSA")
	long := strings.Repeat("j", assertion.MaxID)
	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"unknown claims":        {map[string]any{"x": 1}, nil},
		"no iss":                {map[string]any{"iss": nil}, assertion.ErrClaims},
		"no sub":                {map[string]any{"sub": nil}, assertion.ErrClaims},
		"another sub":           {map[string]any{"sub": "other"}, assertion.ErrSubject},
		"another iss":           {map[string]any{"iss": "other"}, assertion.ErrSubject},
		"iss as a list":         {map[string]any{"iss": []string{id}}, assertion.ErrClaims},
		"long client_id":        {map[string]any{"iss": long + "j", "sub": long + "j"}, assertion.ErrClaims},
		"no aud":                {map[string]any{"aud": nil}, assertion.ErrClaims},
		"empty aud":             {map[string]any{"aud": ""}, assertion.ErrClaims},
		"no aud in the list":    {map[string]any{"aud": []string{}}, assertion.ErrClaims},
		"aud as a number":       {map[string]any{"aud": 1}, assertion.ErrClaims},
		"aud as a list":         {map[string]any{"aud": []string{issuer}}, nil},
		"aud of others, too":    {map[string]any{"aud": []string{issuer, "https://other.example"}}, assertion.ErrAudience},
		"another aud":           {map[string]any{"aud": "https://other.example"}, assertion.ErrAudience},
		"aud with a slash":      {map[string]any{"aud": issuer + "/"}, assertion.ErrAudience},
		"no jti":                {map[string]any{"jti": nil}, nil},
		"empty jti":             {map[string]any{"jti": ""}, assertion.ErrClaims},
		"jti as a number":       {map[string]any{"jti": 1}, assertion.ErrClaims},
		"longest jti":           {map[string]any{"jti": long}, nil},
		"longer jti":            {map[string]any{"jti": long + "j"}, assertion.ErrClaims},
		"no exp":                {map[string]any{"exp": nil}, assertion.ErrClaims},
		"exp as a text":         {map[string]any{"exp": "1900000060"}, assertion.ErrClaims},
		"exp of now":            {map[string]any{"exp": now.Unix()}, assertion.ErrExpired},
		"exp in milliseconds":   {map[string]any{"iat": nil, "exp": now.UnixMilli()}, assertion.ErrClaims},
		"without iat":           {map[string]any{"iat": nil}, nil},
		"longest without iat":   {map[string]any{"iat": nil, "exp": now.Unix() + 305}, nil},
		"longer without iat":    {map[string]any{"iat": nil, "exp": now.Unix() + 306}, assertion.ErrTooLong},
		"iat as a text":         {map[string]any{"iat": "x"}, assertion.ErrClaims},
		"iat just ahead":        {map[string]any{"iat": now.Unix() + 5}, nil},
		"iat ahead":             {map[string]any{"iat": now.Unix() + 6}, assertion.ErrNotYet},
		"nbf just ahead":        {map[string]any{"nbf": now.Unix() + 5}, nil},
		"nbf ahead":             {map[string]any{"nbf": now.Unix() + 6}, assertion.ErrNotYet},
		"nbf as a text":         {map[string]any{"nbf": "x"}, assertion.ErrClaims},
		"of 299 s ago":          {map[string]any{"iat": now.Unix() - 299, "exp": now.Unix() + 3600}, nil},
		"of 300 s ago":          {map[string]any{"iat": now.Unix() - 300, "exp": now.Unix() + 3600}, assertion.ErrExpired},
		"claims in other cases": {map[string]any{"exp": nil, "EXP": now.Unix() + 60}, assertion.ErrClaims},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, s, nil, goodClaims(test.changes))
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.ErrorIs(t, err, assertion.ErrInvalid)
			}
		})
	}
}

// The two signatures of one text that an elliptic curve lets anybody make of either are one assertion: whoever has seen it cannot use it again.
func TestAnAssertionWithoutAJTIIsKnownByWhatIsSigned(t *testing.T) {
	s, unnamed := jwstest.New(t, "ES256"), map[string]any{"jti": nil}
	text := s.Compact(t, map[string]any{"alg": "ES256"}, goodClaims(unnamed))
	keys := keysOf(t, s.JWK(t, nil))
	idOf := func(text string) string {
		t.Helper()
		a, err := checker().Read(text)
		require.NoError(t, err)
		require.NoError(t, a.Verify(keys))
		require.NotEmpty(t, a.ID)
		return a.ID
	}
	id := idOf(text)
	require.Equal(t, id, idOf(text))
	respelled := jwstest.OtherES256(t, text)
	require.NotEqual(t, text, respelled)
	require.Equal(t, id, idOf(respelled))
	again := s.Compact(t, map[string]any{"alg": "ES256"}, goodClaims(unnamed))
	require.NotEqual(t, text, again)
	require.Equal(t, id, idOf(again), "signed once more")
	later := goodClaims(map[string]any{"jti": nil, "iat": now.Unix() - 1})
	require.NotEqual(t, id, idOf(s.Compact(t, map[string]any{"alg": "ES256"}, later)))
}

// Libraries say that an assertion is good for an hour. Here it is good for minutes, and so it has to be remembered for minutes.
func TestAnAssertionIsGoodForMinutesWhateverItSays(t *testing.T) {
	a, err := read(t, jwstest.New(t, "EdDSA"), nil, goodClaims(map[string]any{"exp": now.Add(time.Hour).Unix()}))
	require.NoError(t, err)
	require.Equal(t, now.Add(assertion.Lifetime), a.Until)
}

func TestOnlyTheHeaderOfAnAssertionIsAccepted(t *testing.T) {
	s := jwstest.New(t, "ES256")
	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"JWT":                    {map[string]any{"typ": "JWT"}, nil},
		"its own typ":            {map[string]any{"typ": "client-authentication+jwt"}, nil},
		"typ of an access token": {map[string]any{"typ": "at+jwt"}, assertion.ErrHeader},
		"typ of a proof":         {map[string]any{"typ": "dpop+jwt"}, assertion.ErrHeader},
		"typ as a list":          {map[string]any{"typ": []string{"JWT"}}, assertion.ErrHeader},
		"kid as a number":        {map[string]any{"kid": 1}, assertion.ErrHeader},
		"crit":                   {map[string]any{"crit": []string{"exp"}}, assertion.ErrHeader},
		"unencoded payload":      {map[string]any{"b64": false}, assertion.ErrHeader},
		"no alg":                 {map[string]any{"alg": nil}, assertion.ErrAlgorithm},
		"none":                   {map[string]any{"alg": "none"}, assertion.ErrAlgorithm},
		"HS256":                  {map[string]any{"alg": "HS256"}, assertion.ErrAlgorithm},
	} {
		_, err := read(t, s, test.changes, goodClaims(nil))
		require.ErrorIs(t, err, test.want, name)
	}
}

func TestAnAssertionHasOneForm(t *testing.T) {
	s := jwstest.New(t, "EdDSA")
	good := s.Compact(t, map[string]any{"alg": "EdDSA"}, goodClaims(nil))
	parts := strings.Split(good, ".")
	twice := func(object, member string) string {
		return jwstest.Raw(strings.TrimSuffix(object, "}") + "," + member + "}")
	}
	header, claims := `{"alg":"EdDSA"}`, jwstest.Text(t, goodClaims(nil))
	for name, text := range map[string]string{
		"two parts":       parts[0] + "." + parts[1],
		"four parts":      good + "." + parts[2],
		"two assertions":  good + "," + good,
		"padding":         good + "=",
		"a line break":    good + "\n",
		"JSON":            `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"a sub twice":     s.Sign(t, parts[0]+"."+twice(claims, `"sub":"other"`)),
		"a sub respelled": s.Sign(t, parts[0]+"."+twice(claims, `"\u0073ub":"other"`)),
		"an alg twice":    s.Sign(t, twice(header, `"alg":"none"`)+"."+parts[1]),
		"huge":            s.Compact(t, map[string]any{"alg": "EdDSA"}, goodClaims(map[string]any{"x": strings.Repeat("x", assertion.MaxSize)})),
		"deep":            s.Sign(t, parts[0]+"."+twice(claims, `"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100))),
	} {
		_, err := checker().Read(text)
		require.ErrorIs(t, err, assertion.ErrMalformed, name)
	}
}

func TestTheKeyIsTheClientsAndHasItsAlgorithm(t *testing.T) {
	one, two, rsa := jwstest.New(t, "ES256"), jwstest.New(t, "ES256"), jwstest.New(t, "RS256")
	pss := jwstest.Signer{Algorithm: "PS256", Key: rsa.Key}
	keys := keysOf(t, one.JWK(t, map[string]any{"kid": "one"}), two.JWK(t, map[string]any{"kid": "two"}), rsa.JWK(t, map[string]any{"kid": "three", "alg": "RS256"}))
	for name, test := range map[string]struct {
		signer jwstest.Signer
		header map[string]any
		want   error
	}{
		"its key":                   {one, map[string]any{"kid": "one"}, nil},
		"kid of another key":        {one, map[string]any{"kid": "two"}, assertion.ErrSignature},
		"kid of another kind":       {one, map[string]any{"kid": "three"}, assertion.ErrNoKey},
		"unknown kid":               {one, map[string]any{"kid": "four"}, assertion.ErrNoKey},
		"no kid of two":             {one, nil, assertion.ErrNoKey},
		"no kid, and one that fits": {rsa, nil, nil},
		"alg of another scheme":     {pss, map[string]any{"kid": "three"}, assertion.ErrNoKey},
		"signed as another alg":     {rsa, map[string]any{"kid": "three", "alg": "PS256"}, assertion.ErrNoKey},
		"a key that it brings":      {jwstest.New(t, "ES256"), map[string]any{"kid": "one", "jwk": two.JWK(t, nil), "jku": "https://a.example/"}, assertion.ErrSignature},
	} {
		a, err := read(t, test.signer, test.header, goodClaims(nil))
		require.NoError(t, err, name)
		require.ErrorIs(t, a.Verify(keys), test.want, name)
	}
	a, err := read(t, one, nil, goodClaims(nil))
	require.NoError(t, err)
	require.ErrorIs(t, a.Verify(nil), assertion.ErrNoKey)
}

type uses map[string]error

func (u uses) UseAssertion(_ context.Context, clientID, _, jti string, _ time.Time) (bool, error) {
	err, known := u[clientID+" "+jti]
	u[clientID+" "+jti] = err
	return !known, err
}

func TestAnAssertionIsUsedOnce(t *testing.T) {
	c, away := checker(), errors.New("away")
	c.Uses = uses{"app unknown": away}
	require.NoError(t, c.Use(t.Context(), assertion.Assertion{ClientID: "app", ID: "one"}, ""))
	require.ErrorIs(t, c.Use(t.Context(), assertion.Assertion{ClientID: "app", ID: "one"}, ""), assertion.ErrUsed)
	require.NoError(t, c.Use(t.Context(), assertion.Assertion{ClientID: "other", ID: "one"}, ""))
	err := c.Use(t.Context(), assertion.Assertion{ClientID: "app", ID: "unknown"}, "")
	require.ErrorIs(t, err, assertion.ErrUsesUnknown)
	require.ErrorIs(t, err, away)
	require.NotErrorIs(t, err, assertion.ErrInvalid)
}
