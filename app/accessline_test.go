package app

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
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

// slowWriter takes what is written when it is told to.
type slowWriter struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{} // one for each Write
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.text.Write(p)
	w.mu.Unlock()
	w.written <- struct{}{}
	return len(p), nil
}

func (w *slowWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestLinesOfTheAccessLogAreWrittenTogetherAndInOrder(t *testing.T) {
	out := &slowWriter{written: make(chan struct{}, 100)}
	buffer := &LogBuffer{Out: out, Delay: time.Hour}
	buffer.gather([]byte("1\n"))
	buffer.gather([]byte("2\n"))
	require.Empty(t, out.String())
	_, err := io.WriteString(buffer, "other\n")
	require.NoError(t, err)
	require.Equal(t, "1\n2\nother\n", out.String(), "no line overtakes another")
	require.Len(t, out.written, 1)
	buffer.gather([]byte("3\n"))
	require.NoError(t, buffer.Flush())
	require.NoError(t, buffer.Flush())
	require.Equal(t, "1\n2\nother\n3\n", out.String())
	require.Len(t, out.written, 2, "nothing is not written")

	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range logBufferSize / len(line) {
		buffer.gather(line)
	}
	require.Len(t, out.written, 3, "a full buffer is written at once")
	require.Len(t, out.String(), len("1\n2\nother\n3\n")+logBufferSize)
}

func TestALineOfTheAccessLogIsWrittenAfterAWhile(t *testing.T) {
	out := &slowWriter{written: make(chan struct{}, 100)}
	buffer := &LogBuffer{Out: out, Delay: time.Millisecond}
	for range 3 {
		buffer.gather([]byte("line\n"))
		<-out.written
	}
	require.Equal(t, "line\nline\nline\n", out.String())
}

func TestNoLineIsLeftOutWhenTheLogTakesNothing(t *testing.T) {
	out := &slowWriter{written: make(chan struct{})}
	buffer := &LogBuffer{Out: out, Delay: time.Millisecond}
	const writers, each = 8, 200
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				buffer.gather([]byte(strings.Repeat("x", 999) + "\n"))
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); _ = buffer.Flush(); close(ended) }()
	for running := true; running; {
		select {
		case <-out.written:
		case <-ended:
			running = false
		}
	}
	require.Equal(t, writers*each, strings.Count(out.String(), "\n"))
}

func TestALogThatCannotBeWrittenStopsNobody(t *testing.T) {
	buffer := &LogBuffer{Out: failingWriter{}}
	buffer.gather([]byte("line\n"))
	_, err := io.WriteString(buffer, "line\n")
	require.Error(t, err)
	require.NoError(t, buffer.Flush(), "what could not be written is not kept")
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
