package config_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestHostsOfDocuments(t *testing.T) {
	for _, test := range []struct {
		only, refused []string
		host          string
		refuses       bool
	}{
		{nil, nil, "a.example", false},
		{nil, []string{"a.example"}, "a.example", true},
		{nil, []string{"a.example"}, "b.a.example", true},
		{nil, []string{"a.example"}, "ba.example", false},
		{nil, []string{"a.example"}, "example", false},
		{[]string{"a.example"}, nil, "a.example", false},
		{[]string{"a.example"}, nil, "b.a.example", false},
		{[]string{"a.example"}, nil, "ba.example", true},
		{[]string{"a.example"}, nil, "a.example.thief.example", true},
		{[]string{"a.example"}, []string{"b.a.example"}, "b.a.example", true},
	} {
		d := config.ClientDocuments{Hosts: test.only, RefusedHosts: test.refused}
		require.Equal(t, test.refuses, d.Refuses(test.host), "%+v", test)
	}
}

func TestSettingsOfDocumentsAreChecked(t *testing.T) {
	file := writeFile(t, "config.yaml", `
clients:
  documents:
    hosts: ["https://a.example", "A.example", "10.0.0.1", "a.example:80"]
    refused_hosts: [".a.example"]
    allow_networks: [home]
    ca_file: nowhere.pem
  keys:
    allow_networks: [home]
    ca_file: nowhere.pem
`)
	_, err := config.Load(file, config.Both, environment(nil))
	require.Equal(t, 7, strings.Count(err.Error(), "clients.documents."), err)
	require.Equal(t, 2, strings.Count(err.Error(), "clients.keys."), err)

	allow, err := config.Fetching{AllowNetworks: []string{"10.0.0.0/8"}}.Allow()
	require.NoError(t, err)
	require.True(t, allow(netip.MustParseAddr("10.1.2.3")))
	require.False(t, allow(netip.MustParseAddr("127.0.0.1")))
}
