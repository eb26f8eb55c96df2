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
}

// ClientDocuments configures applications that come by themselves: their client_id is the URL of their metadata document.
type ClientDocuments struct {
	Enabled bool `yaml:"enabled"`
	// Hosts are those whose documents are read, with the names below them; empty: every host. RefusedHosts are those whose documents
	// are not, in any case.
	Hosts        []string `yaml:"hosts"`
	RefusedHosts []string `yaml:"refused_hosts"`
	// AllowNetworks are addresses and CIDR prefixes where documents may be although they are not on the public internet.
	AllowNetworks []string `yaml:"allow_networks"`
	// CAFile is a PEM file with certificates to trust for them, besides those of the system.
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
	_, err := gateway.ParseTrustedProxies(d.AllowNetworks)
	v.err("clients.documents.allow_networks", err)
	_, err = d.Roots()
	v.err("clients.documents.ca_file", err)
	c.checkRegistration(v)
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

// Roots are the authorities that vouch for the hosts of documents; nil: those of the system.
func (d ClientDocuments) Roots() (*x509.CertPool, error) {
	if d.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(d.CAFile)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, errors.Join(errors.New("the system's certificates"), err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", d.CAFile)
	}
	return roots, nil
}

// Allow reports whether documents may be at an address that is not on the public internet.
func (d ClientDocuments) Allow() (func(netip.Addr) bool, error) {
	networks, err := gateway.ParseTrustedProxies(d.AllowNetworks)
	return networks.Contains, err
}
