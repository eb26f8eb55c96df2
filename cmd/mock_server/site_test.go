package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAreMadeReadable(t *testing.T) {
	for sent, want := range map[string]string{
		`{"a":1,"b":[true]}`:                      "{\n  \"a\": 1,\n  \"b\": [\n    true\n  ]\n}\n",
		"HTTP/1.1 401 X\r\nA: b\r\n\r\n{\"a\":1}": "HTTP/1.1 401 X\r\nA: b\r\n\r\n{\n  \"a\": 1\n}\n",
		"no JSON":            "no JSON\n",
		"":                   "\n",
		`{"a":`:              "{\"a\":\n",
		`{"a":"<&>"}` + "\n": "{\n  \"a\": \"<&>\"\n}\n",
	} {
		answer := httptest.NewRecorder()
		pretty(answer, httptest.NewRequest(http.MethodPut, "/pretty", strings.NewReader(sent)))
		require.Equal(t, want, answer.Body.String())
	}
	answer := httptest.NewRecorder()
	pretty(answer, httptest.NewRequest(http.MethodPut, "/pretty", strings.NewReader(strings.Repeat("x", maxPretty+1))))
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.Code)
}
