package listener

import (
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOfABrokenCertificateIsWarnedOnce is about every look at files that stay as they are.
func TestOfABrokenCertificateIsWarnedOnce(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	good := [2][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(cert, key []byte) {
		require.NoError(t, os.WriteFile(certFile, cert, 0o600))
		require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	}
	write(good[0], good[1])
	c, err := OpenCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	first := c.current.Load()

	write(good[0], []byte("not a key"))
	for look := range 3 {
		changed, err := c.refresh()
		require.Equal(t, look == 0, changed)
		require.Equal(t, look == 0, err != nil)
		require.Same(t, first, c.current.Load())
	}
	require.NoError(t, os.Remove(certFile))
	for look := range 3 {
		changed, err := c.refresh()
		require.Equal(t, look == 0, changed)
		require.Equal(t, look == 0, err != nil)
	}
	write(good[0], good[1])
	changed, err := c.refresh()
	require.True(t, changed)
	require.NoError(t, err)
	require.NotSame(t, first, c.current.Load())
}
