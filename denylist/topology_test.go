package denylist_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestADenylistInARedisCluster(t *testing.T) {
	nodes := []*redisProcess{startRedis(t, "--cluster-enabled", "yes"), startRedis(t, "--cluster-enabled", "yes")}
	half := [][2]int{{0, 8191}, {8192, 16383}}
	for i, node := range nodes {
		require.NoError(t, node.client().ClusterAddSlotsRange(t.Context(), half[i][0], half[i][1]).Err())
	}
	require.NoError(t, nodes[0].client().ClusterMeet(t.Context(), "127.0.0.1", nodes[1].port).Err())
	for _, node := range nodes {
		require.Eventually(t, func() bool {
			info, err := node.client().ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok")
		}, patience, tick)
	}

	store, err := denylist.Connect(fmt.Sprintf("redis+cluster://127.0.0.1:%s?addr=127.0.0.1:%s", nodes[0].port, nodes[1].port))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Grant, asked.GrantID)))
	require.NoError(t, store.Reload(t.Context(), nothing()))
	// The first questions find out which node has the answers, within the bound of a check.
	require.Eventually(t, func() bool { return errors.Is(store.Check(t.Context(), asked), denylist.ErrRevoked) }, patience, tick)
	require.Eventually(t, func() bool { // within the bound of a check
		first, err := store.UseProof(t.Context(), holder, jkt, rand.Text(), time.Now().Add(time.Minute))
		return err == nil && first
	}, patience, tick)
	mirror := follow(t, store, staleness)
	require.Eventually(t, mirror.Ready, patience, tick)
	require.Equal(t, 1, mirror.Size())
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Client, "c")))
	eventuallyRevoked(t, mirror, denylist.Query{TokenID: "t", ClientID: "c"})
}

func TestTheOptionsOfAClusterURLReachItsNodes(t *testing.T) {
	node := startRedis(t, "--cluster-enabled", "yes")
	require.NoError(t, node.client().ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	node.addUser("keeper", ">right")
	require.Eventually(t, func() bool {
		info, err := node.client().ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	}, patience, tick)
	store := connect(t, "redis+cluster://keeper:right@127.0.0.1:"+node.port+"?client_name=guard")
	require.NoError(t, store.Reload(t.Context(), nothing()))
	clients := node.client().ClientList(t.Context()).Val()
	require.Contains(t, clients, "name=guard ")
	require.Contains(t, clients, "user=keeper ")
}

// TestAClusterNodeThatTakesOverMayLackTheLatestRevocations promotes a replica that has the epoch, but not what was revoked
// after it lost its master.
func TestAClusterNodeThatTakesOverMayLackTheLatestRevocations(t *testing.T) {
	master, replica := startRedis(t, "--cluster-enabled", "yes"), startRedis(t, "--cluster-enabled", "yes")
	require.NoError(t, master.client().ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	id, err := master.client().ClusterMyID(t.Context()).Result()
	require.NoError(t, err)
	require.NoError(t, replica.client().ClusterMeet(t.Context(), "127.0.0.1", master.port).Err())
	require.Eventually(t, func() bool { return replica.client().ClusterReplicate(t.Context(), id).Err() == nil }, patience, tick)
	require.Eventually(t, func() bool {
		info, err := replica.client().Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	}, patience, tick)

	store, err := denylist.Connect(fmt.Sprintf("redis+cluster://127.0.0.1:%s?addr=127.0.0.1:%s", master.port, replica.port))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	require.NoError(t, store.Reload(t.Context(), nothing()))
	require.Eventually(t, func() bool { return store.Check(t.Context(), asked) == nil }, patience, tick)
	mirror := follow(t, store, staleness)
	require.Eventually(t, mirror.Ready, patience, tick)
	require.Eventually(t, func() bool { // it is a replica, and says where its master is instead of what it has
		info, err := replica.client().Info(t.Context(), "keyspace").Result()
		return err == nil && strings.Contains(info, "db0:keys=")
	}, patience, tick, "the epoch")

	require.NoError(t, replica.process.Process.Signal(syscall.SIGSTOP))
	require.NoError(t, master.client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica").Err())
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	master.kill()
	require.NoError(t, replica.process.Process.Signal(syscall.SIGCONT))
	require.NoError(t, replica.client().Do(t.Context(), "CLUSTER", "FAILOVER", "TAKEOVER").Err())

	revoked := func(yield func([]denylist.Entry, error) bool) {
		yield([]denylist.Entry{inAnHour(denylist.Token, asked.TokenID)}, nil)
	}
	other := denylist.Query{TokenID: "other", ClientID: "c"}
	require.Eventually(t, func() bool {
		require.Error(t, store.Check(t.Context(), asked), "the token was revoked")
		loaded, err := store.Loaded(t.Context())
		require.False(t, loaded, "the relay would not fill it again")
		return err == nil
	}, patience, tick, "the replica takes over")
	require.NoError(t, store.Reload(t.Context(), revoked))
	require.Eventually(t, func() bool { return store.Check(t.Context(), other) == nil }, patience, tick)
	require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
	eventuallyRevoked(t, mirror, asked)
	require.Eventually(t, func() bool { return mirror.Check(t.Context(), other) == nil && mirror.Loads() > 1 }, patience, tick)
}

func TestADenylistFollowsAFailover(t *testing.T) {
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+master.port)
	sentinel := startSentinel(t, master)

	store, err := denylist.Connect("redis+sentinel://127.0.0.1:" + sentinel.port + "/0?master_name=gatehouse")
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	require.NoError(t, store.Reload(t.Context(), nothing()))
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	require.Eventually(t, func() bool {
		return replica.client().Exists(t.Context(), "{gh}:deny:token:"+asked.TokenID).Val() == 1
	}, patience, tick)
	require.Eventually(t, func() bool { // or it is not known as one that could take over
		known, err := sentinel.sentinelClient().Replicas(t.Context(), "gatehouse").Result()
		return err == nil && len(known) == 1
	}, patience, tick)

	master.kill()
	other := denylist.Query{TokenID: "other", ClientID: "c"}
	require.Eventually(t, func() bool {
		require.Error(t, store.Check(t.Context(), asked), "the token was revoked")
		return store.Reload(t.Context(), nothing()) == nil && store.Check(t.Context(), other) == nil
	}, 2*patience, tick, "the replica takes over and is filled again")
	require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
}

// TestASentinelIsNotTakenForTheRedisThatItWatches restarts the Sentinel, so that the client connects to it anew.
func TestASentinelIsNotTakenForTheRedisThatItWatches(t *testing.T) {
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+master.port)
	sentinel := startSentinel(t, master)
	store := connect(t, "redis+sentinel://127.0.0.1:"+sentinel.port+"/0?master_name=gatehouse")
	require.NoError(t, store.Reload(t.Context(), nothing()))
	other := denylist.Query{TokenID: "other", ClientID: "c"}
	require.NoError(t, tell(t, store, other))
	require.Eventually(t, func() bool {
		known, err := sentinel.sentinelClient().Replicas(t.Context(), "gatehouse").Result()
		return err == nil && len(known) == 1
	}, patience, tick)

	sentinel.kill()
	sentinel.start()
	require.Eventually(t, func() bool { // it waits for news of a failover
		subscribed, err := sentinel.client().Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
		return err == nil && subscribed != ""
	}, patience, tick, "the client is connected to the new Sentinel")
	for range 20 {
		require.NoError(t, tell(t, store, other), "the master is the same")
		time.Sleep(tick)
	}
	loaded, err := store.Loaded(t.Context())
	require.NoError(t, err)
	require.True(t, loaded)
	epoch := master.client().Get(t.Context(), "{gh}:deny:epoch").Val()
	require.Contains(t, master.client().Info(t.Context(), "server").Val(), "run_id:"+strings.Split(epoch, "/")[0])

	// What is revoked now does not reach the replica, which then takes over with the epoch.
	require.Eventually(t, func() bool { return replica.client().Get(t.Context(), "{gh}:deny:epoch").Val() == epoch }, patience, tick)
	require.NoError(t, replica.process.Process.Signal(syscall.SIGSTOP))
	require.NoError(t, master.client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica").Err())
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	master.kill()
	require.NoError(t, replica.process.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool {
		require.Error(t, store.Check(t.Context(), asked), "the token was revoked")
		loaded, err := store.Loaded(t.Context())
		require.False(t, err == nil && loaded, "the relay would not fill it again")
		return store.Reload(t.Context(), func(yield func([]denylist.Entry, error) bool) {
			yield([]denylist.Entry{inAnHour(denylist.Token, asked.TokenID)}, nil)
		}) == nil
	}, 3*patience, tick, "the replica takes over and is filled again")
	require.Eventually(t, func() bool { return store.Check(t.Context(), other) == nil }, patience, tick)
	require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
}

func startSentinel(t *testing.T, master *redisProcess) *redisProcess {
	t.Helper()
	config := filepath.Join(t.TempDir(), "sentinel.conf") // which Sentinel writes to
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(`sentinel monitor gatehouse 127.0.0.1 %s 1
sentinel down-after-milliseconds gatehouse 300
sentinel failover-timeout gatehouse 2000
`, master.port)), 0o600))
	s := newRedisProcess(t)
	s.command = func() *exec.Cmd {
		return exec.Command("redis-server", config, "--sentinel", "--bind", "127.0.0.1", "--port", s.port)
	}
	s.start()
	require.Eventually(t, func() bool {
		state, err := s.sentinelClient().Master(t.Context(), "gatehouse").Result()
		return err == nil && state["flags"] == "master"
	}, patience, tick)
	return s
}

func (r *redisProcess) sentinelClient() *redis.SentinelClient {
	client := redis.NewSentinelClient(&redis.Options{Addr: "127.0.0.1:" + r.port, DialTimeout: time.Second})
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}
