package dpop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

func TestAProofOfEachAlgorithmIsGood(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			c := newClient(t, alg)
			asked := request()
			asked.Thumbprint = c.thumbprint
			proof, err := verifier().Verify(c.proof(t, goodClaims(nil)), asked)
			require.NoError(t, err)
			require.Equal(t, dpop.Proof{Thumbprint: c.thumbprint, ID: "one", Until: now.Add(time.Minute)}, proof)
		})
	}
}

// TestAProofIsForOneRequest: what is good for one request is refused at every other (RFC 9449 section 4.3, checks 8 to 12).
func TestAProofIsForOneRequest(t *testing.T) {
	c, other := newClient(t, "ES256"), newClient(t, "ES256")
	proof := c.proof(t, goodClaims(nil))
	for name, test := range map[string]struct {
		change func(*dpop.Request)
		want   error
	}{
		"the same":             {func(*dpop.Request) {}, nil},
		"its key":              {func(r *dpop.Request) { r.Thumbprint = c.thumbprint }, nil},
		"a query":              {func(r *dpop.Request) { r.URI += "?a=b" }, nil},
		"without a token":      {func(r *dpop.Request) { r.AccessToken = "" }, nil},
		"another method":       {func(r *dpop.Request) { r.Method = "GET" }, dpop.ErrMethod},
		"method in lower case": {func(r *dpop.Request) { r.Method = "post" }, dpop.ErrMethod},
		"another path":         {func(r *dpop.Request) { r.URI = "https://api.example.com/v2/balance" }, dpop.ErrURI},
		"another host":         {func(r *dpop.Request) { r.URI = "https://api.example.org/v2/payments" }, dpop.ErrURI},
		"another scheme":       {func(r *dpop.Request) { r.URI = "http://api.example.com/v2/payments" }, dpop.ErrURI},
		"another port":         {func(r *dpop.Request) { r.URI = "https://api.example.com:444/v2/payments" }, dpop.ErrURI},
		"no URI":               {func(r *dpop.Request) { r.URI = "" }, dpop.ErrURI},
		"another token":        {func(r *dpop.Request) { r.AccessToken = "another" }, dpop.ErrAccessToken},
		"another key":          {func(r *dpop.Request) { r.Thumbprint = other.thumbprint }, dpop.ErrOtherKey},
		"the key in hex":       {func(r *dpop.Request) { r.Thumbprint = strings.ToUpper(c.thumbprint) }, dpop.ErrOtherKey},
	} {
		t.Run(name, func(t *testing.T) {
			asked := request()
			test.change(&asked)
			_, err := verifier().Verify(proof, asked)
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.ErrorIs(t, err, dpop.ErrInvalidProof)
			}
		})
	}
}

func TestClaimsThatAreMissingOrWrongAreRefused(t *testing.T) {
	c := newClient(t, "ES256")
	long := strings.Repeat("j", dpop.MaxID)
	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"unknown claims":         {map[string]any{"aud": "x", "nonce": "not asked for"}, nil},
		"the longest jti":        {map[string]any{"jti": long}, nil},
		"fractions of a second":  {map[string]any{"iat": float64(now.Unix()) + 0.5}, nil},
		"no jti":                 {map[string]any{"jti": nil}, dpop.ErrClaims},
		"empty jti":              {map[string]any{"jti": ""}, dpop.ErrClaims},
		"jti that is a number":   {map[string]any{"jti": 1}, dpop.ErrClaims},
		"longer jti":             {map[string]any{"jti": long + "j"}, dpop.ErrClaims},
		"no htm":                 {map[string]any{"htm": nil}, dpop.ErrClaims},
		"htm that is a list":     {map[string]any{"htm": []string{method}}, dpop.ErrClaims},
		"no htu":                 {map[string]any{"htu": nil}, dpop.ErrClaims},
		"htu without a host":     {map[string]any{"htu": "/v2/payments"}, dpop.ErrURI},
		"htu that is no URI":     {map[string]any{"htu": "https://api.example.com:x/v2/payments"}, dpop.ErrURI},
		"htu with a user":        {map[string]any{"htu": "https://u@api.example.com/v2/payments"}, dpop.ErrURI},
		"no ath":                 {map[string]any{"ath": nil}, dpop.ErrClaims},
		"ath with padding":       {map[string]any{"ath": hashOf(token) + "="}, dpop.ErrAccessToken},
		"the token as ath":       {map[string]any{"ath": token}, dpop.ErrAccessToken},
		"no iat":                 {map[string]any{"iat": nil}, dpop.ErrClaims},
		"iat that is a text":     {map[string]any{"iat": "1900000000"}, dpop.ErrClaims},
		"iat before 1970":        {map[string]any{"iat": -1}, dpop.ErrClaims},
		"iat in milliseconds":    {map[string]any{"iat": now.UnixMilli()}, dpop.ErrClaims},
		"as old as it may be":    {map[string]any{"iat": now.Unix() - 59}, nil},
		"older":                  {map[string]any{"iat": now.Unix() - 60}, dpop.ErrTooOld},
		"as early as it may be":  {map[string]any{"iat": now.Unix() + 5}, nil},
		"earlier":                {map[string]any{"iat": now.Unix() + 6}, dpop.ErrNotYet},
		"exp of later":           {map[string]any{"exp": now.Unix() + 1}, nil},
		"exp of now":             {map[string]any{"exp": now.Unix()}, dpop.ErrTooOld},
		"exp that is a text":     {map[string]any{"exp": "later"}, dpop.ErrClaims},
		"nbf of before":          {map[string]any{"nbf": now.Unix()}, nil},
		"nbf of later":           {map[string]any{"nbf": now.Unix() + 6}, dpop.ErrNotYet},
		"method of another case": {map[string]any{"htm": "Post"}, dpop.ErrMethod},
		"claims in other case":   {map[string]any{"htm": nil, "HTM": method}, dpop.ErrClaims},
	} {
		t.Run(name, func(t *testing.T) {
			proof, err := verifier().Verify(c.proof(t, goodClaims(test.changes)), request())
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.ErrorIs(t, err, dpop.ErrInvalidProof)
				require.Empty(t, proof)
			}
		})
	}
}

func TestTheWindowIsConfigurable(t *testing.T) {
	c := newClient(t, "ES256")
	v := verifier()
	v.MaxAge, v.Ahead = 10*time.Second, time.Second
	for age, want := range map[int64]error{9: nil, 10: dpop.ErrTooOld, -1: nil, -2: dpop.ErrNotYet} {
		proof, err := v.Verify(c.proof(t, goodClaims(map[string]any{"iat": now.Unix() - age})), request())
		require.ErrorIs(t, err, want, "%d s", age)
		if want == nil {
			require.Equal(t, now.Add(time.Duration(10-age)*time.Second), proof.Until, "it is remembered for as long as it is accepted")
		}
	}
}
