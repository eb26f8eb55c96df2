package cluster_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// newPostgres is a Postgres of this test's own, which keeps what it has committed when it is killed.
func newPostgres(t *testing.T) (server *process, url string) {
	t.Helper()
	binaries, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	if len(binaries) == 0 {
		t.Skip("PostgreSQL is not installed; `make test` installs it")
	}
	bin := filepath.Dir(binaries[len(binaries)-1])
	dir, as := postgresUser(t)
	data := filepath.Join(dir, "data")
	init := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	init.Dir, init.SysProcAttr = dir, as()
	output, err := init.CombinedOutput()
	require.NoError(t, err, string(output))

	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	server = &process{
		t: t, name: "postgres", stopBy: syscall.SIGINT, // without waiting for its clients
		command: func() *exec.Cmd {
			cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", host, "-p", port)
			cmd.Dir, cmd.SysProcAttr = dir, as()
			return cmd
		},
		ready: func() bool {
			return exec.Command(filepath.Join(bin, "pg_isready"), "-h", host, "-p", port, "-U", "postgres").Run() == nil
		},
	}
	t.Cleanup(server.kill)
	server.start()
	return server, fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", address)
}

// postgresUser is a directory that Postgres may use, and how to run as its user: it refuses to run as root.
func postgresUser(t *testing.T) (dir string, as func() *syscall.SysProcAttr) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-cluster")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Geteuid() != 0 {
		return dir, func() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
	}
	postgres, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.Atoi(postgres.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(postgres.Gid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, uid, gid))
	return dir, func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

// redisServer is a Redis of this test's own, which appends every write to a file.
type redisServer struct {
	*process
	dir    string
	client *redis.Client
}

func newRedis(t *testing.T) (server *redisServer, url string) {
	t.Helper()
	requireProgram(t, "redis-server")
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	r := &redisServer{dir: t.TempDir(), client: redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})}
	r.process = &process{
		t: t, name: "redis",
		command: func() *exec.Cmd {
			return exec.Command("redis-server", "--bind", host, "--port", port, "--dir", r.dir, "--save", "", "--appendonly", "yes")
		},
		ready: func() bool { return r.client.Ping(t.Context()).Err() == nil },
	}
	t.Cleanup(func() { r.kill(); _ = r.client.Close() })
	r.start()
	return r, "redis://" + address + "/0"
}

// loseFile makes the next start begin with nothing.
func (r *redisServer) loseFile() {
	r.t.Helper()
	require.NoError(r.t, os.RemoveAll(filepath.Join(r.dir, "appendonlydir")))
}
