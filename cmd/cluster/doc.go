// Package cluster has no program. Its test runs a whole installation of real processes (Postgres, Redis, two
// authorization servers, three gateways), kills and stops them in turn under traffic, and holds the promises about
// revocation, durability and rolling restarts to what a client sees. `make cluster-test` runs it at full length.
package cluster
