package client

// The parsers are tested as tables.
var (
	CheckRedirectURI = checkRedirectURI
	ParseDomain      = func(raw string) error { _, err := parseDomain(raw); return err }
)

// Queued is how many secrets are in the queues, those that are being compared included.
func Queued(c *SecretChecker) int {
	c.queues.mu.Lock()
	defer c.queues.mu.Unlock()
	return c.queues.queued + len(c.queues.of)
}
