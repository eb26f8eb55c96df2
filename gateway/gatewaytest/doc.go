// Package gatewaytest is both ends of the gateway as tests play them: upstreams that do what a script says, and callers that
// send exactly the bytes they are given. Both are on real sockets of the loopback interface, and end with their test.
//
// It knows nothing of the gateway: what is sent and what is expected is the tests' own. Only tests import it, which
// cmd/imports_test.go holds.
package gatewaytest

import "time"

// Patience is how long a fixture waits for what must happen. Nothing takes that long unless it is broken.
const Patience = 30 * time.Second
