package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// LNDHubTLS is how the certificate of LNDHubURL is checked: it may be from whom the system trusts, or from
// Upstream.CAFile.
func (c *Config) LNDHubTLS() (*tls.Config, error) {
	secured := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Upstream.CAFile == "" {
		return secured, nil
	}
	pem, err := os.ReadFile(c.Upstream.CAFile)
	if err != nil {
		return nil, err
	}
	if secured.RootCAs, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("the system's certificates: %w", err)
	}
	if !secured.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.Upstream.CAFile)
	}
	return secured, nil
}
