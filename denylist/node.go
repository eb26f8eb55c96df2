package denylist

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// newClient connects as the options say. Each node of a cluster has a run of its own.
func newClient(options *redis.UniversalOptions, runs *runs) redis.UniversalClient {
	if !options.IsClusterMode {
		options.OnConnect = runs.of("").learn
		return redis.NewUniversalClient(options)
	}
	cluster := options.Cluster()
	cluster.NewClient = func(node *redis.Options) *redis.Client {
		node.OnConnect = runs.of(node.Addr).learn
		return redis.NewClient(node)
	}
	return redis.NewClusterClient(cluster)
}

// node is the Redis that has the denylist: in a cluster one of many. What it answers belongs to its run, which the answer
// to a question that a cluster passed on would not.
type node struct {
	redis.UniversalClient
	run     *run
	cluster *redis.ClusterClient // nil for a Redis that is no cluster
}

func (s *Store) node(ctx context.Context, client redis.UniversalClient) (node, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return node{client, s.runs.of(""), nil}, nil
	}
	master, err := cluster.MasterForKey(ctx, epochKey)
	if err != nil {
		return node{}, err
	}
	return node{master, s.runs.of(master.Options().Addr), cluster}, nil
}

// failed is told of an error of the node: another one may have the denylist now. It does not block.
func (n node) failed(ctx context.Context) {
	if n.cluster != nil {
		n.cluster.ReloadState(ctx)
	}
}
