package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"gatehouse/gateway"
)

// Clients configures which applications there are besides those that an operator registers.
type Clients struct {
	Documents    ClientDocuments    `yaml:"documents"`
	Registration ClientRegistration `yaml:"registration"`
	// Keys configures how the keys of registered clients are fetched that are at a URL of theirs.
	Keys Fetching `yaml:"keys"`
}

// ClientDocuments configures applications that come by themselves: their client_id is the URL of their metadata document.
type ClientDocuments struct {
	Enabled bool `yaml:"enabled"`
	// Hosts are those whose documents are read, with the names below them; empty: every host. RefusedHosts are those whose documents
	// are not, in any case.
	Hosts        []string `yaml:"hosts"`
	RefusedHosts []string `yaml:"refused_hosts"`
	// AllowNetworks and CAFile are those of Fetching.
	AllowNetworks []string `yaml:"allow_networks"`
	CAFile        string   `yaml:"ca_file"`
}

// Fetching is from where documents are fetched.
func (d ClientDocuments) Fetching() Fetching { return Fetching{d.AllowNetworks, d.CAFile} }

// Fetching is where else than on the public internet something may be fetched from.
type Fetching struct {
	// AllowNetworks are addresses and CIDR prefixes that may be asked although they are not on the public internet.
	AllowNetworks []string `yaml:"allow_networks"`
	// CAFile is a PEM file with certificates to trust, besides those of the system.
	CAFile string `yaml:"ca_file"`
}

func (c *Config) checkClients(v *validation) {
	d := c.Clients.Documents
	for key, hosts := range map[string][]string{"hosts": d.Hosts, "refused_hosts": d.RefusedHosts} {
		for _, host := range hosts {
			if !isHostName(host) {
				v.add("clients.documents."+key, "%q is not the name of a host, in lower case and without port", host)
			}
		}
	}
	d.Fetching().check(v, "clients.documents")
	c.Clients.Keys.check(v, "clients.keys")
	c.checkRegistration(v)
}

func (f Fetching) check(v *validation, key string) {
	_, err := gateway.ParseTrustedProxies(f.AllowNetworks)
	v.err(key+".allow_networks", err)
	_, err = f.Roots()
	v.err(key+".ca_file", err)
}

func isHostName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return false
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}) && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".")
}

// Refuses reports whether the documents of a host are not read.
func (d ClientDocuments) Refuses(host string) bool {
	return isOf(host, d.RefusedHosts) || len(d.Hosts) > 0 && !isOf(host, d.Hosts)
}

// isOf holds for the names and for those below them.
func isOf(host string, names []string) bool {
	for _, name := range names {
		if host == name || strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}

// Roots are the authorities that vouch for hosts; nil: those of the system.
func (f Fetching) Roots() (*x509.CertPool, error) {
	if f.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(f.CAFile)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, errors.Join(errors.New("the system's certificates"), err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", f.CAFile)
	}
	return roots, nil
}

// Allow reports whether an address may be asked that is not on the public internet.
func (f Fetching) Allow() (func(netip.Addr) bool, error) {
	networks, err := gateway.ParseTrustedProxies(f.AllowNetworks)
	return networks.Contains, err
}
