package authztest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Log is a text that several goroutines write to. The zero value is empty.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is what was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Count is how often the text was written.
func (l *Log) Count(text string) int { return strings.Count(l.String(), text) }

// Await waits until the text was written.
func (l *Log) Await(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return l.Count(text) > 0 }, 30*time.Second, time.Millisecond, text)
}
