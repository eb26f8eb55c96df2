package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

// readings is a registry with one name for every client, which counts how often it is read.
type readings struct {
	now    time.Time
	name   string
	count  int
	during func() // a reading
	change func(*registry.Client)
	err    error
}

func (r *readings) read(_ context.Context, id string) (registry.Client, error) {
	r.count++
	c := registry.Client{ID: id, Name: r.name}
	if r.change != nil {
		r.change(&c)
	}
	if r.during != nil {
		r.during()
	}
	return c, r.err
}

func newReadings() (*readings, *client.Cache) {
	r := &readings{now: time.Now(), name: "before"}
	return r, &client.Cache{Read: r.read, Now: func() time.Time { return r.now }}
}

func requireName(t *testing.T, c *client.Cache, id, name string) {
	t.Helper()
	found, err := c.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, name, found.Name)
}

func TestAClientIsBelievedForABoundedTime(t *testing.T) {
	r, c := newReadings()
	requireName(t, c, "app", "before")
	r.name = "after"
	r.now = r.now.Add(client.Staleness - 1)
	requireName(t, c, "app", "before")
	require.Equal(t, 1, r.count)
	r.now = r.now.Add(1)
	requireName(t, c, "app", "after")

	r.name = "when the clock was set back"
	r.now = r.now.Add(-time.Hour)
	requireName(t, c, "app", r.name)
}

func TestAChangedClientIsReadAgain(t *testing.T) {
	for name, forget := range map[string]func(*client.Cache){
		"that one": func(c *client.Cache) { c.Forget("app") },
		"all":      (*client.Cache).ForgetAll,
	} {
		t.Run(name, func(t *testing.T) {
			r, c := newReadings()
			requireName(t, c, "app", "before")
			r.name = "after"
			forget(c)
			requireName(t, c, "app", "after")

			// What was read before a change that is told of while it is being read is not kept.
			forget(c)
			r.during = func() { forget(c) }
			requireName(t, c, "app", "after")
			r.during, r.name = nil, "at last"
			requireName(t, c, "app", "at last")
		})
	}
}

func TestNobodyFillsTheCache(t *testing.T) {
	for name, change := range map[string]func(*readings, *registry.Client){
		"disabled":             func(_ *readings, c *registry.Client) { c.DisabledAt = time.Now() },
		"of a document":        func(_ *readings, c *registry.Client) { c.Fingerprint = "f" },
		"registered by itself": func(_ *readings, c *registry.Client) { c.KeptUntil = time.Now() },
		"not found":            func(r *readings, _ *registry.Client) { r.err = registry.ErrNotFound },
		"database is away":     func(r *readings, _ *registry.Client) { r.err = errors.New("away") },
	} {
		t.Run(name, func(t *testing.T) {
			r, c := newReadings()
			r.change = func(found *registry.Client) { change(r, found) }
			for n := range 2 {
				_, err := c.Client(t.Context(), "app")
				require.Equal(t, r.err, err)
				require.Equal(t, n+1, r.count)
			}
		})
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	const clients = 3000
	r, c := newReadings()
	for range 2 {
		for n := range clients {
			requireName(t, c, fmt.Sprint("app ", n), "before")
		}
	}
	require.Greater(t, r.count, 2*clients-1001)
}
