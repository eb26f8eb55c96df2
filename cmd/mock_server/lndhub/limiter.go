package lndhub

import (
	"sync"
	"time"
)

const (
	usualRate = 10 // a second
	// limitsForgotten is how long a bucket is kept that nobody takes from.
	limitsForgotten = 3 * time.Minute
)

// limiter is a bucket for each key. A nil one allows everything.
type limiter struct {
	rate, burst float64
	now         func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
	cleaned time.Time
}

type bucket struct {
	tokens float64
	filled time.Time
}

// newLimiter returns a limiter of that many a second. A burst of 0 is as large as the rate.
func newLimiter(rate, burst int, now func() time.Time) *limiter {
	switch {
	case rate < 0:
		return nil
	case rate == 0:
		rate = usualRate
	}
	if burst == 0 {
		burst = rate
	}
	return &limiter{rate: float64(rate), burst: float64(burst), now: now, buckets: map[string]*bucket{}, cleaned: now()}
}

func (l *limiter) allow(key string) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.cleaned) > limitsForgotten {
		l.clean(now)
	}
	b := l.buckets[key]
	if b == nil {
		b = &bucket{tokens: l.burst, filled: now}
		l.buckets[key] = b
	}
	b.tokens = min(l.burst, b.tokens+now.Sub(b.filled).Seconds()*l.rate)
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (l *limiter) clean(now time.Time) {
	for key, b := range l.buckets {
		if now.Sub(b.filled) > limitsForgotten {
			delete(l.buckets, key)
		}
	}
	l.cleaned = now
}
