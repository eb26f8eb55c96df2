package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"gatehouse/gateway"
)

// TLS configures TLS on the public listener. Both files are PEM; empty means plain HTTP.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Limits bound what callers may send and how many may be connected, on the public listener.
type Limits struct {
	// HeaderSize is in bytes, request line and fields together. HeaderCount is how many fields there may be.
	HeaderSize  int `yaml:"header_size"`
	HeaderCount int `yaml:"header_count"`
	// BodySize is in bytes.
	BodySize int `yaml:"body_size"`
	// BodyRate is the least rate, in bytes a second, at which callers send a body and take an answer; 0 is none.
	BodyRate int `yaml:"body_rate"`
	// Connections is how many may be open. More callers wait. 0 means half of the file descriptors.
	Connections int `yaml:"connections"`
	// ConnectionsPerAddress is how many one IPv4 address or one IPv6 /64 may have. More are closed at once. Trusted proxies
	// have no limit, and nobody has one when it is 0.
	ConnectionsPerAddress int `yaml:"connections_per_address"`
}

const (
	minHeaderSize = 1 << 10
	maxHeaderSize = 1 << 20
)

// checkCallers is about what the public listener lets its callers do.
func (c *Config) checkCallers(v *validation) {
	_, err := gateway.ParseTrustedProxies(c.TrustedProxies)
	v.err("trusted_proxies", err)
	v.err("trusted_proxy_headers", gateway.ValidateTrustedProxyHeaders(c.TrustedProxyHeaders))
	v.err("via", gateway.ValidateVia(c.Via))
	switch files := c.TLS; {
	case (files.CertFile == "") != (files.KeyFile == ""):
		v.add("tls", "needs both cert_file and key_file, or neither")
	case files.CertFile != "":
		v.err("tls", checkCertificate(files))
	}
	v.within("limits.header_size", c.Limits.HeaderSize, minHeaderSize, maxHeaderSize)
	v.within("limits.header_count", c.Limits.HeaderCount, 1, maxHeaderSize)
	v.notBelow("limits.body_size", c.Limits.BodySize, 1)
	v.notBelow("limits.body_rate", c.Limits.BodyRate, 0)
	v.notBelow("limits.connections", c.Limits.Connections, 0)
	v.notBelow("limits.connections_per_address", c.Limits.ConnectionsPerAddress, 0)
	v.positive("timeouts.header", c.Timeouts.Header)
	v.positive("timeouts.body", c.Timeouts.Body)
	v.atLeast("timeouts.body_total", c.Timeouts.BodyTotal, c.Timeouts.Body)
	v.positive("timeouts.write", c.Timeouts.Write)
	v.positive("timeouts.idle", c.Timeouts.Idle)
	v.err("cors", gateway.ValidateCORS(c.CORS))
}

func checkCertificate(files TLS) error {
	cert, certErr := os.ReadFile(files.CertFile)
	key, keyErr := os.ReadFile(files.KeyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return err
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return fmt.Errorf("%s, %s: %w", files.CertFile, files.KeyFile, err)
	}
	return nil
}
