package denylist

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// newClient connects as the options say, and tells known of the instance that each connection reaches.
func newClient(options *redis.UniversalOptions, known *instances) redis.UniversalClient {
	if !options.IsClusterMode {
		options.OnConnect = known.of("").learn
		return redis.NewUniversalClient(options)
	}
	cluster := options.Cluster()
	cluster.NewClient = func(node *redis.Options) *redis.Client {
		node.OnConnect = known.of(node.Addr).learn
		return redis.NewClient(node)
	}
	return redis.NewClusterClient(cluster)
}

// node is the Redis that has the denylist: in a cluster one of many. It is asked directly, because an answer that a
// cluster's client fetched does not tell which instance gave it.
type node struct {
	redis.UniversalClient
	instance *instance
	cluster  *redis.ClusterClient // nil for a Redis that is no cluster
}

func (s *Store) node(ctx context.Context, client redis.UniversalClient) (node, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return node{client, s.instances.of(""), nil}, nil
	}
	master, err := cluster.MasterForKey(ctx, epochKey)
	if err != nil {
		return node{}, err
	}
	return node{master, s.instances.of(master.Options().Addr), cluster}, nil
}

// identify asks the node who it is, and learns it. It reports whether the node told.
func (n node) identify(ctx context.Context) (told bool, err error) {
	pipe := n.Pipeline()
	asked := askIdentity(ctx, pipe)
	_, _ = pipe.Exec(ctx) // each answer has its error
	if told, err = n.instance.take(asked); err != nil {
		n.failed(ctx)
	}
	return told, err
}

// failed is called after an error of the node, because another one may have the denylist now. It does not block.
func (n node) failed(ctx context.Context) {
	if n.cluster != nil {
		n.cluster.ReloadState(ctx)
	}
}
