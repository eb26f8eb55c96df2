package listener

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"
)

// Config is what a Listener allows its callers. Limits and Timeouts have to be set.
type Config struct {
	Limits   Limits
	Timeouts Timeouts
	// TLS is spoken to every caller; nil is plain HTTP.
	TLS *tls.Config
	// Exempt reports whether Limits.ConnectionsPerAddress does not hold for a peer, as for a trusted proxy. An IPv4 address
	// is unmapped. It is called by Accept alone; nil exempts nobody.
	Exempt func(peer netip.Addr) bool
	// Counts is told about connections; nil counts nothing.
	Counts Counts
	Log    *slog.Logger
}

// Limits bound what a caller may send and how many callers may be connected.
type Limits struct {
	// HeaderSize is in bytes: request line, fields and trailers together, with their line ends. HeaderCount is how many
	// fields and trailers there may be.
	HeaderSize, HeaderCount int
	// Connections is how many may be open; more callers wait to be accepted. 0 is half of the file descriptors.
	Connections int
	// ConnectionsPerAddress is how many one IPv4 address or one IPv6 /64 may have; more are closed at once. 0 is no limit.
	ConnectionsPerAddress int
	// BodyRate is the least rate, in bytes a second, at which a caller has to send a body and to take an answer. It is
	// measured over Timeouts.Body of waiting for the caller's bytes, and over Timeouts.Write of a write that waits. 0 is none.
	BodyRate int
}

// MaxConnections is how many connections may be open under these limits. Where Connections is 0, that is half of the file
// descriptors of the process: the other half is for what callers need, which is upstreams, Redis and the database.
func (l Limits) MaxConnections() int {
	return cmp.Or(l.Connections, min(max(cmp.Or(Descriptors(), 16<<10)/2, 16), 1<<20))
}

// Timeouts bound how long a caller may take.
type Timeouts struct {
	// Header is from the first byte of a request to the end of its header. A TLS handshake may take as long, and so may a
	// caller who has connected until its first byte.
	Header time.Duration `yaml:"header"`
	// Body is between two reads of a body.
	Body time.Duration `yaml:"body"`
	// BodyTotal is for the whole of a body, from when it had to be waited for. Zero is no bound.
	BodyTotal time.Duration `yaml:"body_total"`
	// Write is how long a caller may go without taking anything of an answer.
	Write time.Duration `yaml:"write"`
	// Idle is between two requests.
	Idle time.Duration `yaml:"idle"`
}

// Counts is told about connections as it happens. Its methods are called concurrently and must not block.
type Counts interface {
	// Opened and Closed come in pairs, one for each connection that Accept returns.
	Opened()
	Closed()
	// Refused is a connection that was closed at once, because its address had too many.
	Refused()
	// HandshakeFailed is a connection whose TLS handshake failed. One whose caller hangs up without a word does not count.
	HandshakeFailed()
}

type uncounted struct{}

func (uncounted) Opened()          {}
func (uncounted) Closed()          {}
func (uncounted) Refused()         {}
func (uncounted) HandshakeFailed() {}
