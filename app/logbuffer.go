package app

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// logBufferSize is how many bytes of lines may wait to be written. As many again may be under way.
	logBufferSize = 4 << 20
	// logReserve is the part of it that lines of the access log leave to others, which say what is wrong.
	logReserve = 1 << 20
	// logBatchSize is how many bytes of the access log wait at most before they are written.
	logBatchSize = 32 << 10
	// droppedInterval is how often dropped lines are told of in the log.
	droppedInterval = 10 * time.Second
)

// LogBuffer writes lines to Out from a goroutine of its own, in the order in which they came. Nobody who has a line to write
// waits for Out: while that takes nothing, lines are kept up to a bound, and those beyond it are dropped and counted. The
// log says how many were dropped when Out takes lines again. Lines of the access log, one for each request, are written
// together, after Delay or when there are many; any other line is written at once, and those before it with it.
//
// It is safe for concurrent use. It has to be flushed before the process ends.
type LogBuffer struct {
	Out io.Writer
	// Delay is how long a line of the access log may be kept; 0 means not at all.
	Delay time.Duration

	// tellDropped writes a line into the buffer that says how many were dropped. Nil says nothing.
	tellDropped func(lines int64)

	mu       sync.Mutex
	gathered []byte
	spare    []byte        // empty; gathered takes turns with it
	flushed  chan struct{} // closed when what is gathered now was written; nil when nobody waits for that
	due      *time.Timer   // nil unless lines of the access log wait for Delay
	writing  bool          // a goroutine is in write
	urgent   bool          // what was gathered is to be written at once
	dropped  droppedLines
	told     int64     // how many of the dropped lines the log has told of
	tellNext time.Time // when it may tell of more
}

// droppedLines are those for which there was no room, of the access log and others, and those that Out did not take.
type droppedLines struct{ access, other, failed int64 }

func (d droppedLines) all() int64 { return d.access + d.other + d.failed }

var _ io.Writer = (*LogBuffer)(nil)

// Write takes a line that is not of the access log, and drops it when there is no room. It neither blocks nor fails.
func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.gathered)+len(p) > logBufferSize {
		b.dropped.other++
		return len(p), nil
	}
	b.gathered = append(b.gathered, p...)
	b.start()
	return len(p), nil
}

// gather takes a line of the access log, and drops it when there is no room.
func (b *LogBuffer) gather(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.gathered)+len(line) > logBufferSize-logReserve {
		b.dropped.access++
		return
	}
	b.gathered = append(b.gathered, line...)
	switch {
	case b.Delay == 0 || len(b.gathered) >= logBatchSize:
		b.start()
	case b.due == nil:
		b.due = time.AfterFunc(b.Delay, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.start()
		})
	}
}

var errLogStuck = errors.New("the log was not written in time")

// Flush waits until all lines that came before it are written, and says how many were dropped. It gives up after patience.
func (b *LogBuffer) Flush(patience time.Duration) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	if err := b.awaitWritten(timeout.C); err != nil {
		return err
	}
	b.tell(true)
	return b.awaitWritten(timeout.C)
}

func (b *LogBuffer) awaitWritten(timeout <-chan time.Time) error {
	b.mu.Lock()
	if b.flushed == nil {
		b.flushed = make(chan struct{})
	}
	flushed := b.flushed
	b.start()
	b.mu.Unlock()
	select {
	case <-flushed:
		return nil
	case <-timeout:
		return errLogStuck
	}
}

// droppedSoFar is how many lines never reached Out.
func (b *LogBuffer) droppedSoFar() droppedLines {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// start has what was gathered written. It needs the lock.
func (b *LogBuffer) start() {
	b.urgent = true
	if b.due != nil {
		b.due.Stop()
		b.due = nil
	}
	if !b.writing {
		b.writing = true
		go b.write()
	}
}

// write writes what was gathered until nothing is urgent. One goroutine at a time is in it.
func (b *LogBuffer) write() {
	for {
		lines, flushed, more := b.take()
		if !more {
			return
		}
		if len(lines) > 0 && b.writeOut(lines) != nil {
			b.mu.Lock()
			b.dropped.failed += int64(bytes.Count(lines, []byte{'\n'}))
			b.mu.Unlock()
		} else {
			b.tell(false)
		}
		if flushed != nil {
			close(flushed)
		}
	}
}

// take returns what was gathered, and whom to tell that it was written. Without more, the writing has ended.
func (b *LogBuffer) take() (lines []byte, flushed chan struct{}, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.urgent {
		b.writing = false
		return nil, nil, false
	}
	b.urgent = false
	lines, flushed = b.gathered, b.flushed
	b.gathered, b.spare, b.flushed = b.spare[:0], lines[:0], nil
	if cap(b.spare) > 2*logBatchSize { // a backlog is no reason to keep its memory
		b.spare = nil
	}
	return lines, flushed, true
}

// writeOut keeps a panic of Out to itself: it is the log that fails.
func (b *LogBuffer) writeOut(lines []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errLogStuck
		}
	}()
	_, err = b.Out.Write(lines)
	return err
}

// tell says how many lines were dropped since it said so last: once in a while, or now.
func (b *LogBuffer) tell(now bool) {
	b.mu.Lock()
	lines := b.dropped.all() - b.told
	isDue := lines > 0 && b.tellDropped != nil && (now || !time.Now().Before(b.tellNext))
	if isDue {
		b.told += lines
		b.tellNext = time.Now().Add(droppedInterval)
	}
	b.mu.Unlock()
	if isDue {
		b.tellDropped(lines)
	}
}

// accessLines is the buffer as a handler of the access log writes to it.
type accessLines struct{ *LogBuffer }

func (l accessLines) Write(p []byte) (int, error) {
	l.gather(p)
	return len(p), nil
}
