package endpoint_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/internal/endpoint"
)

func TestTheCauseOfAnInternalErrorIsForTheOperatorAlone(t *testing.T) {
	log := &authztest.Log{}
	failures := endpoint.Failures{Log: slog.New(slog.NewJSONHandler(log, nil))}
	answer := httptest.NewRecorder()
	failures.Answer(answer, httptest.NewRequest(http.MethodGet, "/", nil), errors.New("disk 7 is full"))
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	require.NotContains(t, answer.Body.String(), "disk")
	require.Contains(t, log.String(), "disk 7 is full")
}

func TestToWhoeverRevokes503MeansThatItIsRecorded(t *testing.T) {
	failures := endpoint.Failures{Log: slog.New(slog.DiscardHandler)}
	answer := httptest.NewRecorder()
	failures.AnswerRevocation(answer, httptest.NewRequest(http.MethodPost, "/", nil), errors.New("no database"))
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	require.Contains(t, answer.Body.String(), "may not have been recorded")
}

func TestAParameterThatOccursTwiceIsRefusedWhereverItIs(t *testing.T) {
	for name, body := range map[string]string{"in the body": "b=1&b=2", "in query and body": "a=2"} {
		r := httptest.NewRequest(http.MethodPost, "/?a=1", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := endpoint.ReadParameters(httptest.NewRecorder(), r)
		require.ErrorContains(t, err, "invalid_request", name)
	}
}

func TestAMethodThatAPathDoesNotHave(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	failures := endpoint.Failures{Log: slog.New(slog.DiscardHandler)}
	handler := endpoint.Routes{"/a": {http.MethodGet: ok, http.MethodPut: ok}, "/b": {http.MethodPost: ok}}.Handler(failures.Answer)
	for request, want := range map[string]int{
		"GET /a": 204, "HEAD /a": 204, "PUT /a": 204, "POST /b": 204, "POST /a": 405, "HEAD /b": 405, "GET /c": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
		require.Equal(t, want, answer.Code, request)
		if want == http.StatusMethodNotAllowed {
			require.Equal(t, map[string]string{"/a": "GET, HEAD, PUT", "/b": "POST"}[path], answer.Header().Get("Allow"))
		}
	}
}
