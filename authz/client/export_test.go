package client

// ParseDomain is tested as a table.
var ParseDomain = CheckDomain

// Queued is how many secrets are in the queues, those that are being compared included.
func Queued(c *SecretChecker) int {
	c.queues.mu.Lock()
	defer c.queues.mu.Unlock()
	return c.queues.queued + len(c.queues.of)
}
