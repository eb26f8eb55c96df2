package app

import (
	"time"

	"gatehouse/gateway"
)

// TLS configures TLS on the public listener. Both files are PEM; empty means plain HTTP.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Limits bound what callers may send and how many they may be, on the public listener.
type Limits struct {
	// HeaderSize is in bytes, of the request line and the fields; HeaderCount is how many fields there may be.
	HeaderSize  int `yaml:"header_size"`
	HeaderCount int `yaml:"header_count"`
	// BodySize is in bytes.
	BodySize int `yaml:"body_size"`
	// Connections bounds those that are open; more callers wait. 0 is half of the file descriptors.
	Connections int `yaml:"connections"`
	// ConnectionsPerAddress bounds those of one IPv4 address or one IPv6 /64, trusted proxies excepted; more are closed at
	// once. 0 is no limit.
	ConnectionsPerAddress int `yaml:"connections_per_address"`
}

func (l Limits) connections() int {
	if l.Connections > 0 {
		return l.Connections
	}
	return maxConnections()
}

// Timeouts bound how long callers may take, on the public listener.
type Timeouts struct {
	// Header is from the first byte of a request to the end of its header, also from the connection to the first byte and
	// for a TLS handshake.
	Header time.Duration `yaml:"header"`
	// Body is between two reads of a body.
	Body time.Duration `yaml:"body"`
	// Write is how long a caller may take nothing of an answer.
	Write time.Duration `yaml:"write"`
	// Idle is between two requests.
	Idle time.Duration `yaml:"idle"`
}

const (
	minHeaderSize = 1 << 10
	maxHeaderSize = 1 << 20
)

// callers checks what the public listener lets its callers do.
func (c *Config) callers(v *validation) {
	switch files := c.TLS; {
	case (files.CertFile == "") != (files.KeyFile == ""):
		v.add("tls", "needs both cert_file and key_file, or neither")
	case files.CertFile != "":
		_, err := openCertificate(files, nil)
		v.err("tls", err)
	}
	v.within("limits.header_size", c.Limits.HeaderSize, minHeaderSize, maxHeaderSize)
	v.within("limits.header_count", c.Limits.HeaderCount, 1, maxHeaderSize)
	v.notBelow("limits.body_size", c.Limits.BodySize, 1)
	v.notBelow("limits.connections", c.Limits.Connections, 0)
	v.notBelow("limits.connections_per_address", c.Limits.ConnectionsPerAddress, 0)
	v.positive("timeouts.header", c.Timeouts.Header)
	v.positive("timeouts.body", c.Timeouts.Body)
	v.positive("timeouts.write", c.Timeouts.Write)
	v.positive("timeouts.idle", c.Timeouts.Idle)
	v.err("cors", gateway.ValidateCORS(c.CORS))
}

func (v *validation) within(key string, n, least, most int) {
	if n < least || n > most {
		v.add(key, "must be %d to %d, not %d", least, most, n)
	}
}

func (v *validation) notBelow(key string, n, least int) {
	if n < least {
		v.add(key, "must be at least %d, not %d", least, n)
	}
}
