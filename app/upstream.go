package app

import (
	"time"

	"gatehouse/gateway"
)

// Upstream configures what is asked of the routes' upstreams. A route can say otherwise.
type Upstream struct {
	// ConnectTimeout bounds the making of a connection, TLS included.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// FirstByteTimeout is from a request being sent to the head of its answer.
	FirstByteTimeout time.Duration `yaml:"first_byte_timeout"`
	// IdleTimeout is between two reads of an answer's body, and between two writes of a request's.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxConns bounds the connections to one origin. A request waits at most ConnWait for one of them.
	MaxConns int           `yaml:"max_conns"`
	ConnWait time.Duration `yaml:"conn_wait"`
	// CAFile holds certificates in PEM that https origins may have theirs from, in addition to the system's.
	CAFile string `yaml:"ca_file"`
}

func (u Upstream) settings() gateway.Upstreams {
	return gateway.Upstreams{
		ConnectTimeout: u.ConnectTimeout, FirstByteTimeout: u.FirstByteTimeout, IdleTimeout: u.IdleTimeout,
		MaxConns: u.MaxConns, ConnWait: u.ConnWait, CAFile: u.CAFile,
	}
}

var defaultUpstream = Upstream{
	ConnectTimeout: 5 * time.Second, FirstByteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	MaxConns: 512, ConnWait: time.Second,
}

func (u Upstream) problems(v *validation) {
	v.positive("upstream.connect_timeout", u.ConnectTimeout)
	v.positive("upstream.first_byte_timeout", u.FirstByteTimeout)
	v.positive("upstream.idle_timeout", u.IdleTimeout)
	v.notBelow("upstream.max_conns", u.MaxConns, 1)
	v.positive("upstream.conn_wait", u.ConnWait)
}
