package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// window is what was read from the kernel at one moment.
type window struct {
	at       time.Time
	answered int64
	used     time.Duration
	busy     time.Duration
}

func (b *bench) look(l *load, group int) (w window, err error) {
	if w.used, err = cpuOfGroup(group); err != nil {
		return w, err
	}
	w.at, w.answered = time.Now(), l.answered
	w.busy, err = busy(b.core)
	return w, err
}

// measure sends load to a contestant that runs, and measures once it is warm.
func (b *bench) measure(ctx context.Context, group int, l *load) (measured, error) {
	if err := l.run(ctx, b.warmUp); err != nil {
		return measured{}, fmt.Errorf("while it was warming up: %w", err)
	}
	l.latencies.Reset()
	before, err := b.look(l, group)
	if err != nil {
		return measured{}, err
	}
	if err := l.run(ctx, b.duration); err != nil && !errors.Is(err, errRanOut) { // until then it is as good
		return measured{}, err
	}
	after, err := b.look(l, group)
	if err != nil {
		return measured{}, err
	}
	return conclude(before, after, l.latencies)
}

func conclude(before, after window, latencies *hdrhistogram.Histogram) (m measured, err error) {
	requests, took := after.answered-before.answered, after.at.Sub(before.at)
	if requests == 0 {
		return m, errors.New("there was no answer")
	}
	used := after.used - before.used
	m.perRequest = used / time.Duration(requests)
	m.rate = float64(requests) / took.Seconds()
	m.saturation = used.Seconds() / took.Seconds()
	m.others = max(0, (after.busy-before.busy).Seconds()/took.Seconds()-m.saturation)
	at := func(percentile float64) time.Duration {
		return time.Duration(latencies.ValueAtPercentile(percentile)) * time.Microsecond
	}
	m.p50, m.p99, m.p999 = at(50), at(99), at(99.9)
	return m, nil
}

// refuses makes sure that a contestant does the work that is compared. Each request is sent twice, and the second answer counts: what
// is wrong with one may be just that.
func (b *bench) refuses(ctx context.Context, c *Contestant) error {
	for _, kind := range c.Refuses {
		shown, err := forgeries[kind](b.mint, c.Tokens)
		if err != nil {
			return err
		}
		status := 0
		for range 2 {
			if status, err = statusOf(ctx, c.Target, shown); err != nil {
				return err
			}
		}
		if status != http.StatusUnauthorized && status != http.StatusForbidden {
			return fmt.Errorf("a request that is wrong in its %s was answered with %d", kind, status)
		}
	}
	return nil
}

func statusOf(ctx context.Context, target string, shown credential) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(shown.fields()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		request.Header.Set(name, value)
	}
	client := http.Client{Timeout: startPatience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
