package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificateInterval is how often the files are looked at.
const certificateInterval = 2 * time.Second

// Certificate is the certificate that callers are shown. Watch reads its files again when they change. It is called once;
// the other methods are safe for concurrent use, also while it runs.
type Certificate struct {
	certFile string // PEM, as is keyFile
	keyFile  string
	interval time.Duration
	log      *slog.Logger
	current  atomic.Pointer[tls.Certificate]
	read     [2][]byte // what the files held last, good or not
}

// OpenCertificate reads a chain of certificates and its private key from two PEM files. It fails when a file cannot be
// read, and when the two do not belong together.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, interval: certificateInterval, log: log}
	if _, err := c.refresh(); err != nil {
		return nil, err
	}
	return c, nil
}

// ServerConfig returns the configuration of a server: TLS 1.2 or newer, with forward secrecy and authenticated encryption.
// It offers HTTP/1.1 alone, so that the handshake fails for a client that speaks only HTTP/2.
func (c *Certificate) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // for TLS 1.2; those of TLS 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// Watch looks at the files every 2 seconds until ctx ends, and takes a new pair into use. A pair that cannot be used is
// warned of once, and the one before it stays in use: while an operator replaces one file after the other, they do not
// match.
func (c *Certificate) Watch(ctx context.Context) {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		switch changed, err := c.refresh(); {
		case err != nil && changed:
			c.log.Warn("the TLS certificate cannot be read again; the one before stays in use", "error", err)
		case changed:
			c.log.Info("TLS certificate read again", "not_after", c.NotAfter())
		}
	}
}

// refresh reads the files and reports whether they have changed since the last time.
func (c *Certificate) refresh() (changed bool, err error) {
	var read [2][]byte
	var problems [2]error
	read[0], problems[0] = os.ReadFile(c.certFile)
	read[1], problems[1] = os.ReadFile(c.keyFile)
	if bytes.Equal(read[0], c.read[0]) && bytes.Equal(read[1], c.read[1]) && c.current.Load() != nil {
		return false, nil
	}
	c.read = read
	if err := errors.Join(problems[:]...); err != nil {
		return true, err
	}
	pair, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return true, fmt.Errorf("%s, %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// NotAfter is when the certificate in use expires.
func (c *Certificate) NotAfter() time.Time { return c.current.Load().Leaf.NotAfter }
