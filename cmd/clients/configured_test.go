package clients_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startConfigured starts a server of its own with the files that files makes for it, config.yaml among them. Its user is that of gatehouse.
func startConfigured(t *testing.T, files func(s *server) map[string]string) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	s.configure = func(s *server) error {
		write := files(s)
		write["demo-password"] = gatehouse.password
		for name, content := range write {
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, s.start())
	t.Cleanup(func() { require.NoError(t, s.stop(), "%s", &s.log) })
	return s
}

// serveDocument serves the metadata document of a client that nobody has registered, which members makes, and returns its client_id with the
// PEM of a certificate by which it can be fetched.
func serveDocument(t *testing.T, members func(clientID string) any) (clientID, authority string) {
	t.Helper()
	documents := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(members("https://" + r.Host + r.URL.Path)) // who has gone needs no answer
	}))
	certificate := certify(t, "localhost")
	documents.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	documents.StartTLS()
	t.Cleanup(documents.Close)
	return strings.Replace(documents.URL, "127.0.0.1", "localhost", 1) + "/agent.json", pemOf(certificate)
}

// certify makes a certificate for a host that vouches for itself.
func certify(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func pemOf(certificate tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
}
