package denylist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Condition is what is wrong with a Redis that answers. The zero value is a Redis in order.
type Condition struct {
	// Full says that Redis refuses to write for lack of memory: no revocation can be delivered.
	Full bool
	// Evicts says that Redis removes what it likes when its memory is full, revocations too: a revoked token is then accepted.
	Evicts bool
	// Unguarded says that Redis does not tell who it is (INFO): nobody notices that it came back with older data.
	Unguarded bool
	// Mute says that Redis does not let this gateway report how far it has read: nobody who revokes waits for it.
	Mute bool
}

// Conditions are all that can be wrong, each with its name and what an operator should know.
func Conditions() []struct{ Name, Says string } {
	out := make([]struct{ Name, Says string }, len(conditions))
	for i, c := range conditions {
		out[i].Name, out[i].Says = c.name, c.says
	}
	return out
}

var conditions = []struct {
	name, says string
	holds      func(Condition) bool
}{
	{"full", "Redis is full and refuses revocations", func(c Condition) bool { return c.Full }},
	{"evicts", "Redis may evict revocations: set maxmemory-policy noeviction", func(c Condition) bool { return c.Evicts }},
	{"unguarded", "Redis does not tell its run_id and master_replid (INFO server, INFO replication): older data would not be noticed",
		func(c Condition) bool { return c.Unguarded }},
	{"mute", "Redis does not let this gateway report how far it has read: revocations do not wait for it",
		func(c Condition) bool { return c.Mute }},
}

// Has reports whether the condition with that name holds.
func (c Condition) Has(name string) bool {
	for _, one := range conditions {
		if one.name == name {
			return one.holds(c)
		}
	}
	return false
}

// Err says everything that is wrong; nil when nothing is.
func (c Condition) Err() error {
	var wrong []string
	for _, one := range conditions {
		if one.holds(c) {
			wrong = append(wrong, one.says)
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// report logs what has changed since before.
func (c Condition) report(log *slog.Logger, before Condition) {
	for _, one := range conditions {
		switch is, was := one.holds(c), one.holds(before); {
		case is && !was:
			log.Warn(one.says, slog.String("condition", one.name))
		case was && !is:
			log.Info("Redis is in order again", slog.String("condition", one.name))
		}
	}
}

// fullFor is how long a Redis counts as full after it refused a write, unless one has succeeded since. As long as something
// waits to be delivered it is tried more often.
const fullFor = 10 * time.Second

// health is what is known of the condition, from INFO and from what became of writes. It is safe for concurrent use.
type health struct {
	refused atomic.Pointer[time.Time] // when a write failed for lack of memory; nil when the last one did not
	mute    atomic.Bool
	told    atomic.Pointer[Condition] // by INFO
}

// wrote takes note of what became of a write.
func (h *health) wrote(err error) {
	switch {
	case err == nil:
		h.refused.Store(nil)
	case isOutOfMemory(err):
		now := time.Now()
		h.refused.Store(&now)
	}
}

func isOutOfMemory(err error) bool {
	return err != nil && isRefusal(err) && strings.Contains(err.Error(), "OOM ")
}

// Condition is what is wrong with Redis as far as is known. It does not block. Watch and Inspect keep it up to date.
func (s *Store) Condition() Condition {
	var c Condition
	if told := s.health.told.Load(); told != nil {
		c = *told
	}
	if refused := s.health.refused.Load(); refused != nil && time.Since(*refused) < fullFor {
		c.Full = true
	}
	c.Mute = s.health.mute.Load()
	return c
}

// Inspect asks Redis for its condition. An error means that it does not answer.
func (s *Store) Inspect(ctx context.Context) (Condition, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return Condition{}, fmt.Errorf("find denylist: %w", err)
	}
	pipe := node.Pipeline()
	asked, memory := askIdentity(ctx, pipe), pipe.Info(ctx, "memory")
	_, _ = pipe.Exec(ctx) // each answer has its error
	told, err := node.instance.take(asked)
	if memoryErr := memory.Err(); err == nil && memoryErr != nil && !isRefusal(memoryErr) {
		err = memoryErr
	}
	if err != nil {
		node.failed(ctx)
		return Condition{}, fmt.Errorf("ask for the condition of Redis: %w", err)
	}
	found := conditionOf(memory.Val())
	found.Unguarded = !told
	s.health.told.Store(&found)
	return s.Condition(), nil
}

// conditionOf reads an answer to INFO memory. What is not in it is taken to be in order.
func conditionOf(memory string) Condition {
	bytes := func(name string) int64 {
		n, _ := strconv.ParseInt(infoField(memory, name), 10, 64)
		return n
	}
	most, policy := bytes("maxmemory"), infoField(memory, "maxmemory_policy")
	evicts := policy != "" && policy != "noeviction"
	used := bytes("used_memory") - bytes("mem_not_counted_for_evict")
	return Condition{Full: most > 0 && used > most && !evicts, Evicts: evicts}
}
