package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// tlsConfig is for an origin of that name. It trusts what the system trusts, and the certificates in caFile if that is not
// empty.
func tlsConfig(name, caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, NextProtos: []string{"http/1.1"}}
	if caFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if config.RootCAs, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("ca_file: the system's certificates: %w", err)
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate", caFile)
	}
	return config, nil
}

// handshake puts TLS on a connection in such a way that bytes which arrive unasked can still be seen.
func (p *Pool) handshake(ctx context.Context, raw net.Conn) (net.Conn, *recordReader, error) {
	records := &recordReader{Conn: raw, buffered: bufio.NewReaderSize(raw, readBufferSize)}
	secured := tls.Client(records, p.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	return secured, records, nil
}

const recordHeaderSize = 5

// recordReader gives crypto/tls one record at a time (RFC 8446 section 5.1). Left to itself crypto/tls reads ahead, and
// an answer that nobody asked for would hide in its buffers, where neither the socket nor the decrypted stream shows it.
type recordReader struct {
	net.Conn
	buffered *bufio.Reader
	left     int // of the current record
	dry      bool
}

func (r *recordReader) Read(p []byte) (int, error) {
	if r.dry {
		return 0, errDry
	}
	if r.left == 0 {
		header, err := r.buffered.Peek(recordHeaderSize)
		if errors.Is(err, io.EOF) {
			return 0, ErrBrokeOff // crypto/tls takes a plain end for one that was announced
		}
		if err != nil {
			return 0, err
		}
		r.left = recordHeaderSize + int(header[3])<<8 + int(header[4])
	}
	if len(p) > r.left {
		p = p[:r.left]
	}
	n, err := r.buffered.Read(p)
	r.left -= n
	return n, err
}

// isEmpty reports whether everything that was read from the socket has been decrypted and read. Session tickets that
// wait count as bytes that wait: the connection is given up, which is safe.
func (r *recordReader) isEmpty(secured net.Conn) bool {
	if r.buffered.Buffered() > 0 {
		return false
	}
	r.dry = true
	defer func() { r.dry = false }()
	var one [1]byte
	n, err := secured.Read(one[:])
	return n == 0 && errors.Is(err, errDry)
}

// errDry is a temporary net.Error, the only kind after which crypto/tls can go on reading.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing is left of what was read" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }
