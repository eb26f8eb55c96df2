package app

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnAccessLineIsWhatSlogWouldWrite(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC)
	line := accessLine{
		method: "GET", route: "/invoices/{payment_hash}", status: 200, durationMS: 3.141, bytesIn: 1, bytesOut: 212,
		requestID: []byte("f1.-_"), remote: netip.MustParseAddr("2001:db8::7"), subject: "7", client: "a b",
	}
	for name, change := range map[string]func(*accessLine){
		"everything":       func(*accessLine) {},
		"nobody":           func(l *accessLine) { l.subject, l.client = "", "" },
		"no client":        func(l *accessLine) { l.client = "" },
		"no time at all":   func(l *accessLine) { l.durationMS = 0 },
		"a day":            func(l *accessLine) { l.durationMS = 86_400_000.001 },
		"no address":       func(l *accessLine) { l.remote = netip.Addr{} },
		"an address, IPv4": func(l *accessLine) { l.remote = netip.MustParseAddr("192.0.2.1") },
		"refused":          func(l *accessLine) { l.refused = true },
		"refused, sent":    func(l *accessLine) { l.refused, l.sent, l.cut = true, true, "token_revoked" },
		"HTML":             func(l *accessLine) { l.route, l.client = "/a/<&>'", "<script>" },
	} {
		t.Run(name, func(t *testing.T) {
			l := line
			change(&l)
			written, ok := l.appendJSON(nil, at)
			require.True(t, ok)
			require.Equal(t, slogLine(t, &l, at), string(written))
		})
	}
	for name, text := range map[string]string{
		"quotation mark": `"`, "backslash": `\`, "line break": "\n", "not ASCII": "é", "not UTF-8": "\xff", "DEL": "\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			for _, l := range []accessLine{{route: text}, {subject: text}, {client: text}} {
				_, ok := l.appendJSON(nil, at)
				require.False(t, ok, "slog has to escape it")
			}
		})
	}
}

func slogLine(t *testing.T, l *accessLine, at time.Time) string {
	t.Helper()
	var text bytes.Buffer
	r := slog.NewRecord(at, slog.LevelInfo, accessMessage, 0)
	r.AddAttrs(l.attrs()...)
	require.NoError(t, slog.NewJSONHandler(&text, nil).Handle(t.Context(), r))
	return text.String()
}
