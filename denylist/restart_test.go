package denylist_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// redisProcess is a Redis of this test's own, that keeps a file only when told to save.
type redisProcess struct {
	t       *testing.T
	port    string
	command func() *exec.Cmd
	process *exec.Cmd
}

func startRedis(t *testing.T, options ...string) *redisProcess {
	t.Helper()
	r := newRedisProcess(t)
	dir := t.TempDir()
	r.command = func() *exec.Cmd {
		arguments := []string{"--bind", "127.0.0.1", "--port", r.port, "--dir", dir, "--save", "", "--appendonly", "no"}
		return exec.Command("redis-server", append(arguments, options...)...)
	}
	r.start()
	return r
}

func newRedisProcess(t *testing.T) *redisProcess {
	t.Helper()
	if os.Getenv("TEST_REDIS_URL") == "" {
		t.Skip("TEST_REDIS_URL is not set; `make test` installs a Redis and sets it")
	}
	r := &redisProcess{t: t, port: strconv.Itoa(freePort(t))}
	t.Cleanup(r.kill)
	return r
}

// freePort is one that nobody listens on, nor on the port of a cluster's bus, which is 10,000 above it. Both are below those
// that the system gives to clients, so that none of them takes it before the server that it is for has started.
func freePort(t *testing.T) int {
	t.Helper()
	const bus = 10_000
	for {
		port := 20_000 + rand.IntN(2_000)
		if isFree(t, port) && isFree(t, port+bus) {
			return port
		}
	}
}

func isFree(t *testing.T, port int) bool {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	require.NoError(t, listener.Close())
	return true
}

func (r *redisProcess) client() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + r.port, MaxRetries: -1})
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// addUser adds one that may do everything, as the rules change it. It does not outlive the process.
func (r *redisProcess) addUser(name string, rules ...any) {
	r.t.Helper()
	arguments := append([]any{"ACL", "SETUSER", name, "on", "~*", "&*", "+@all"}, rules...)
	require.NoError(r.t, r.client().Do(r.t.Context(), arguments...).Err())
}

func (r *redisProcess) start() {
	r.t.Helper()
	r.process = r.command()
	require.NoError(r.t, r.process.Start())
	client := r.client()
	require.Eventually(r.t, func() bool {
		err := client.Ping(r.t.Context()).Err()
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
	}, patience, tick)
}

func (r *redisProcess) kill() {
	if r.process == nil {
		return
	}
	_ = r.process.Process.Kill() // SIGKILL: nothing is saved
	_ = r.process.Wait()
}

func TestARedisThatCameBackWithAnOlderFileKnowsNothing(t *testing.T) {
	server := startRedis(t)
	store, err := denylist.Connect("redis://127.0.0.1:" + server.port)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	require.NoError(t, store.Reload(t.Context(), nothing()))
	mirror := follow(t, store, staleness)
	require.Eventually(t, mirror.Ready, patience, tick)
	require.NoError(t, server.client().Save(t.Context()).Err())

	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	eventuallyRevoked(t, mirror, asked)
	server.kill()
	server.start() // with the file, and its epoch, from before the revocation

	require.NotZero(t, server.client().Exists(t.Context(), "{gh}:deny:epoch").Val(), "the old epoch is there")
	require.Eventually(t, func() bool {
		err := store.Check(t.Context(), asked)
		require.Error(t, err, "the token was revoked: it may be unknown, but never good")
		return errors.Is(err, denylist.ErrUnknown)
	}, patience, tick)
	loaded, err := store.Loaded(t.Context())
	require.NoError(t, err)
	require.False(t, loaded, "so that the relay fills it again")
	require.ErrorIs(t, tell(t, mirror, asked), denylist.ErrRevoked, "a mirror does not forget")

	require.NoError(t, store.Reload(t.Context(), func(yield func([]denylist.Entry, error) bool) {
		yield([]denylist.Entry{inAnHour(denylist.Token, asked.TokenID)}, nil)
	}))
	require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
	require.Eventually(t, func() bool {
		return mirror.Check(t.Context(), denylist.Query{TokenID: "other", ClientID: "c"}) == nil
	}, patience, tick)
}

// TestDataThatWasReplacedWithinOneProcessDoesNotCount makes a Redis a replica of one that has its epoch, but not the latest
// revocation, and then its own master again. No connection breaks, and the process stays the same.
func TestDataThatWasReplacedWithinOneProcessDoesNotCount(t *testing.T) {
	server := startRedis(t)
	copied := startRedis(t, "--replicaof", "127.0.0.1 "+server.port, "--repl-diskless-sync-delay", "0")
	url := "redis://127.0.0.1:" + server.port
	authz, gateway := connect(t, url), connect(t, url)
	go gateway.Watch(t.Context(), slog.New(slog.DiscardHandler))
	revoked := inAnHour(denylist.Token, asked.TokenID)
	require.NoError(t, authz.Reload(t.Context(), nothing()))
	require.Eventually(t, func() bool { return copied.client().Exists(t.Context(), "{gh}:deny:epoch").Val() == 1 }, patience, tick)
	require.NoError(t, copied.client().ReplicaOf(t.Context(), "NO", "ONE").Err())
	require.NoError(t, authz.Deny(t.Context(), revoked))
	require.ErrorIs(t, tell(t, gateway, asked), denylist.ErrRevoked)

	require.NoError(t, server.client().ReplicaOf(t.Context(), "127.0.0.1", copied.port).Err())
	require.Eventually(t, func() bool { return server.client().Exists(t.Context(), "{gh}:deny:token:token-1").Val() == 0 }, patience, tick)
	require.Eventually(t, func() bool { return errors.Is(gateway.Check(t.Context(), asked), denylist.ErrUnknown) }, patience, tick,
		"a gateway notices by itself: as long as it may only be read, nobody can fill it")
	require.NoError(t, server.client().ReplicaOf(t.Context(), "NO", "ONE").Err())

	var loaded bool
	require.Eventually(t, func() bool {
		var err error
		loaded, err = authz.Loaded(t.Context())
		return err == nil
	}, patience, tick)
	require.False(t, loaded, "so that the relay fills it again")
	require.ErrorIs(t, tell(t, connect(t, url), asked), denylist.ErrUnknown)
	require.Zero(t, server.client().Exists(t.Context(), "{gh}:deny:epoch").Val(), "nobody goes by it who has not noticed yet")

	require.NoError(t, authz.Reload(t.Context(), func(yield func([]denylist.Entry, error) bool) {
		yield([]denylist.Entry{revoked}, nil)
	}))
	loaded, err := authz.Loaded(t.Context())
	require.NoError(t, err)
	require.True(t, loaded)
	require.Eventually(t, func() bool {
		require.Error(t, gateway.Check(t.Context(), asked))
		return gateway.Check(t.Context(), denylist.Query{TokenID: "other", ClientID: "c"}) == nil
	}, patience, tick, "over connections from before it was filled")
	require.ErrorIs(t, tell(t, gateway, asked), denylist.ErrRevoked)
}

func connect(t *testing.T, url string) *denylist.Store {
	t.Helper()
	store, err := denylist.Connect(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// TestASilentRedisCostsARequestAtMostItsBound takes a bound for each of the two ways in which waiting can be wrong: a silent
// Redis may not hold a request for longer, and one that is only slow must be waited for.
func TestASilentRedisCostsARequestAtMostItsBound(t *testing.T) {
	server := startRedis(t)
	url := "redis://127.0.0.1:" + server.port
	hasty, err := denylist.Connect(url, denylist.WithTimeout(50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { _ = hasty.Close() })
	patient, err := denylist.Connect(url, denylist.WithTimeout(patience))
	require.NoError(t, err)
	t.Cleanup(func() { _ = patient.Close() })
	require.NoError(t, patient.Reload(t.Context(), nothing()))
	require.NoError(t, tell(t, hasty, asked))
	require.NoError(t, tell(t, patient, asked))

	require.NoError(t, server.process.Process.Signal(syscall.SIGSTOP))
	defer func() { _ = server.process.Process.Signal(syscall.SIGCONT) }()
	answers := make(chan error, 1)
	go func() { answers <- patient.Check(t.Context(), asked) }()
	began := time.Now()
	require.ErrorIs(t, hasty.Check(t.Context(), asked), denylist.ErrUnknown)
	require.Less(t, time.Since(began), patience/2)
	require.Empty(t, answers, "it is still waiting")
	require.NoError(t, server.process.Process.Signal(syscall.SIGCONT))
	require.NoError(t, <-answers)
}
