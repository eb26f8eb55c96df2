// Package cluster has no program. Its tests run a whole installation of real processes (Postgres, Redis, two
// authorization servers, three gateways), kill and stop them in turn under traffic, and hold the promises about
// revocation, durability and rolling restarts to what a client sees, and those about budgets to what a wallet has paid. `make
// cluster-test` runs them at full length, and `make soak` the one that looks for what the processes do not let go. With -seed
// the test about budgets runs again as it did: the same payments and failures, at the same times as far as the machine allows.
package cluster
