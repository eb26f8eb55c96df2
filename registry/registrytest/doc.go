// Package registrytest gives tests what a registry needs: databases, a clock that tests move, and calls that start at
// the same moment.
//
// It owns where a test's database comes from and that it is gone afterwards: SQLite in a folder of the test, empty or the copy of
// a template, Postgres on the server at TEST_POSTGRES_URL, and there the tables of lndhub.go when a test wants them. It leaves
// to others what is stored (registry) and which server that is (.ci/with-services.sh, which `make test` uses). Nothing but tests
// imports it.
package registrytest
