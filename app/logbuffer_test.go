package app

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// scriptedOut is where a log goes. It takes nothing while it is stuck, and remembers each write.
type scriptedOut struct {
	mu     sync.Mutex // held while it is stuck
	writes []string
	fails  func()
}

func (o *scriptedOut) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fails != nil {
		o.fails()
		return 0, errors.New("disk full")
	}
	o.writes = append(o.writes, string(p))
	return len(p), nil
}

func (o *scriptedOut) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.writes, "")
}

const flushPatience = 20 * time.Second

func TestLinesOfTheAccessLogAreWrittenTogetherAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &scriptedOut{}
		buffer := &LogBuffer{Out: out, Delay: time.Hour}
		buffer.gather([]byte("1\n"))
		buffer.gather([]byte("2\n"))
		synctest.Wait()
		require.Empty(t, out.writes)
		_, err := io.WriteString(buffer, "other\n")
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, []string{"1\n2\nother\n"}, out.writes, "no line overtakes another")
		buffer.gather([]byte("3\n"))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"1\n2\nother\n", "3\n"}, out.writes)
		require.NoError(t, buffer.Flush(flushPatience))
		require.Len(t, out.writes, 2, "nothing is not written")

		line := strings.Repeat("x", 1023) + "\n"
		for range logBatchSize / len(line) {
			buffer.gather([]byte(line))
		}
		synctest.Wait()
		require.Len(t, out.writes, 3, "a full batch is written at once")
		buffer.gather([]byte("4\n"))
		synctest.Wait()
		require.Len(t, out.writes, 3, "and what follows it waits again")
		require.NoError(t, buffer.Flush(flushPatience))
		require.Equal(t, "4\n", out.writes[3])
	})
}

// TestALogThatIsStuckStopsNobody writes much more than there is room for.
func TestALogThatIsStuckStopsNobody(t *testing.T) {
	for _, format := range []string{config.LogJSON, config.LogText} {
		t.Run(format, func(t *testing.T) {
			out := &scriptedOut{}
			buffer := &LogBuffer{Out: out, Delay: time.Millisecond}
			log := NewLogger(config.Log{Format: format, Level: "info"}, buffer)
			out.mu.Lock()
			access := []byte(strings.Repeat("x", 999) + "\n")
			const lines = 3 * logBufferSize / 1000
			for range lines {
				buffer.gather(access)
			}
			accessDropped := buffer.droppedSoFar()
			require.Positive(t, accessDropped.access)
			log.Error("something is wrong")
			require.Zero(t, buffer.droppedSoFar().other, "there is room for others")
			for range lines {
				log.Error("something is wrong", "what", string(access[:900]))
			}
			dropped := buffer.droppedSoFar()
			require.Positive(t, dropped.other)
			require.Less(t, cap(buffer.gathered), 2*logBufferSize)
			require.ErrorIs(t, buffer.Flush(time.Millisecond), errLogStuck, "nor does it keep a process from ending")

			out.mu.Unlock()
			require.NoError(t, buffer.Flush(flushPatience))
			written := out.String()
			require.EqualValues(t, lines-dropped.access, strings.Count(written, string(access)))
			require.EqualValues(t, lines+1-dropped.other, strings.Count(written, "something is wrong"))
			require.Equal(t, 1, strings.Count(written, "lines of the log were dropped"))
			require.Contains(t, written, "something is wrong", "the last is told")
			log.Info("all is well")
			require.NoError(t, buffer.Flush(flushPatience))
			require.Equal(t, 1, strings.Count(out.String(), "lines of the log were dropped"))
			require.Less(t, cap(buffer.gathered), logBufferSize, "the backlog's memory is given back")
		})
	}
}

func TestDroppedLinesAreToldOfOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &scriptedOut{}
		buffer := &LogBuffer{Out: out}
		NewLogger(config.Log{Format: config.LogText, Level: "info"}, buffer)
		told := func() int {
			synctest.Wait()
			return strings.Count(strings.Join(out.writes, ""), "lines of the log were dropped")
		}
		drop := func() {
			buffer.mu.Lock()
			buffer.dropped.access++
			buffer.mu.Unlock()
			buffer.gather([]byte("line\n"))
		}
		for want := 1; want < 4; want++ {
			for range 5 {
				drop()
				require.Equal(t, want, told())
			}
			time.Sleep(droppedInterval)
		}
	})
}

func TestALogThatCannotBeWrittenStopsNobody(t *testing.T) {
	for name, fails := range map[string]func(){"an error": func() {}, "a panic": func() { panic("no idea") }} {
		t.Run(name, func(t *testing.T) {
			out := &scriptedOut{fails: fails}
			buffer := &LogBuffer{Out: out}
			buffer.gather([]byte("line\n"))
			_, err := io.WriteString(buffer, "line\n")
			require.NoError(t, err)
			require.NoError(t, buffer.Flush(flushPatience), "what could not be written is not kept")
			require.EqualValues(t, 2, buffer.droppedSoFar().failed)
			out.mu.Lock()
			out.fails = nil
			out.mu.Unlock()
			buffer.gather([]byte("line\n"))
			require.NoError(t, buffer.Flush(flushPatience))
			require.Equal(t, "line\n", out.String(), "it goes on when it can")
		})
	}
}

func TestLinesThatComeAtTheSameTimeStayWhole(t *testing.T) {
	out := &scriptedOut{}
	buffer := &LogBuffer{Out: out, Delay: time.Millisecond}
	const writers, each = 8, 200
	line := strings.Repeat("x", 999) + "\n"
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for range each {
				if i%2 == 0 {
					buffer.gather([]byte(line))
				} else {
					_, _ = io.WriteString(buffer, line)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, buffer.Flush(flushPatience))
	require.Equal(t, strings.Repeat(line, writers*each), out.String())
}
