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

// certificateInterval is how soon files that have changed are noticed.
const certificateInterval = 2 * time.Second

// Certificate is what callers are shown, read from its files again when they change. Watch is called once; everything else is
// safe for concurrent use, also with it.
type Certificate struct {
	certFile string // PEM, as is keyFile
	keyFile  string
	interval time.Duration
	log      *slog.Logger
	current  atomic.Pointer[tls.Certificate]
	read     [2][]byte // what was read last, good or not
}

// OpenCertificate reads a chain of certificates and its private key from two files in PEM. The error is that of a file that
// cannot be read, or says that they do not belong together.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, interval: certificateInterval, log: log}
	if _, err := c.refresh(); err != nil {
		return nil, err
	}
	return c, nil
}

// ServerConfig returns TLS 1.2 and newer with forward secrecy and authenticated encryption, for HTTP/1.1 alone: a client that
// speaks only HTTP/2 learns it from the handshake.
func (c *Certificate) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// Watch looks at the files again and again until ctx ends. Of a pair that cannot be used it warns once, and keeps the one
// before: files that are replaced one after the other do not match for a moment.
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

// refresh reads the files and tells whether they hold something else than the last time.
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
