package client

// The parsers are tested as tables.
var (
	CheckRedirectURI = checkRedirectURI
	ParseDomain      = func(raw string) error { _, err := parseDomain(raw); return err }
	Decoy            = decoy
)
