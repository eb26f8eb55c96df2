package gatewaytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Certificate is one that is its own authority and good for an hour, with its private key, as PEM.
type Certificate struct{ Cert, Key []byte }

// NewCertificate makes one for names of hosts and addresses, with a serial number to know it by.
func NewCertificate(t testing.TB, serial int64, hosts ...string) Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return Certificate{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// Serving is the configuration of a server that has it.
func (c Certificate) Serving(t testing.TB) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(c.Cert, c.Key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// Trusted is the configuration of a client that knows it and nothing else.
func (c Certificate) Trusted() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.Cert)
	return &tls.Config{RootCAs: pool}
}

// CAFile writes the certificate to a file that goes with the test.
func (c Certificate) CAFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, c.Cert, 0o600))
	return file
}

// Write writes the certificate and its key to two files.
func (c Certificate) Write(t testing.TB, certFile, keyFile string) {
	t.Helper()
	require.NoError(t, os.WriteFile(certFile, c.Cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, c.Key, 0o600))
}
