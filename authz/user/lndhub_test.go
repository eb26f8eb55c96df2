package user_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/user"
)

func TestLoginsAreAskedForAFewAtATime(t *testing.T) {
	const most, sent = 64, 80
	var asked, atOnce atomic.Int64
	arrived, release := make(chan struct{}, sent), make(chan struct{})
	lndhub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		atOnce.Add(1)
		arrived <- struct{}{}
		<-release
		atOnce.Add(-1)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":true,"code":1,"message":"bad auth"}`)
	}))
	defer lndhub.Close()
	hub := user.NewLNDHub(lndhub.URL, []byte("a secret"), nil)
	refused := make(chan error, sent)
	for range sent {
		go func() {
			_, err := hub.Authenticate(t.Context(), user.Proof{Login: "anyone", Password: "anything"})
			refused <- err
		}()
	}
	for range most {
		<-arrived
	}
	select {
	case <-arrived:
		t.Errorf("%d logins at once", atOnce.Load())
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	for range sent {
		var denied *user.DeniedError
		require.ErrorAs(t, <-refused, &denied)
	}
	require.EqualValues(t, sent, asked.Load(), "those that waited are asked for, too")
}
