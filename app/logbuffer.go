package app

import (
	"io"
	"sync"
	"time"
)

// logBufferSize is how much is gathered at most before it is written.
const logBufferSize = 32 << 10

// LogBuffer writes lines to Out. Each request has a line in the access log, so these are gathered and written together:
// after Delay, sooner when there are many, and before any other line, so that no line overtakes another. No line is left
// out: while Out takes nothing, whoever has a line to write waits. It is safe for concurrent use.
type LogBuffer struct {
	Out io.Writer
	// Delay is how long a line of the access log may be kept; 0 means not at all.
	Delay time.Duration

	mu       sync.Mutex
	gathered []byte
	due      *time.Timer // nil while nothing is gathered
}

var _ io.Writer = (*LogBuffer)(nil)

// Write writes what was gathered, and then p.
func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gathered = append(b.gathered, p...)
	return len(p), b.flush()
}

// Flush writes what was gathered. It comes last: what is gathered after it may be lost when the process ends.
func (b *LogBuffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flush()
}

// gather takes a line to write it a little later. An error in writing it is nobody's: it is the log that fails.
func (b *LogBuffer) gather(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gathered = append(b.gathered, line...)
	switch {
	case b.Delay == 0 || len(b.gathered) >= logBufferSize:
		_ = b.flush()
	case b.due == nil:
		b.due = time.AfterFunc(b.Delay, func() { _ = b.Flush() })
	}
}

// flush needs the lock.
func (b *LogBuffer) flush() error {
	if b.due != nil {
		b.due.Stop()
		b.due = nil
	}
	if len(b.gathered) == 0 {
		return nil
	}
	_, err := b.Out.Write(b.gathered)
	b.gathered = b.gathered[:0]
	return err
}
