package app_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/authz/user"
)

// moodyUsers panics about one user.
type moodyUsers struct{}

func (moodyUsers) Authenticate(_ context.Context, proof user.Proof) (string, error) {
	if proof.Token == "unspeakable" {
		panic("a mistake in the authenticator")
	}
	return "1", nil
}

// TestAMistakeInAnEndpointEndsOneRequest: an endpoint beside the routes, too, answers 500 and leaves its stack in the log.
func TestAMistakeInAnEndpointEndsOneRequest(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL = sqliteFile(t)
	book := &logBook{}
	book.buffer = &app.LogBuffer{Out: book}
	gatehouse, err := app.New(t.Context(), cfg, app.Options{Log: app.NewLogger(cfg.Log, book.buffer), Users: []user.Authenticator{moodyUsers{}}})
	require.NoError(t, err)
	require.NoError(t, gatehouse.Start(t.Context()))
	r := &running{t: t, config: cfg, app: gatehouse, public: "http://" + gatehouse.Addr().String(), admin: "http://" + gatehouse.AdminAddr().String()}
	t.Cleanup(r.stop)
	r.awaitReady()

	header := bearer("unspeakable")
	header.Set("X-Request-Id", "the-one")
	failed := r.do(http.MethodGet, r.public+"/clients", nil, header)
	require.Equal(t, http.StatusInternalServerError, failed.status)
	require.JSONEq(t, `{"error":"server_error"}`, failed.body)
	said := book.lines(t, "handler panicked")
	require.Len(t, said, 1)
	require.Equal(t, "a mistake in the authenticator", said[0]["panic"])
	require.Equal(t, "the-one", said[0]["request_id"])
	require.Equal(t, "/clients", said[0]["route"])
	require.Contains(t, said[0]["stack"], "endpoint_panic_test.go")
	require.NotContains(t, book.String(), "unspeakable")
	require.EqualValues(t, http.StatusInternalServerError, book.lineOf(t, "the-one")["status"])
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.public+"/clients", nil, bearer("another")).status)
}
