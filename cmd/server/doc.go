// Command server runs Gatehouse, as authorization server, gateway or both, and works on its database: clients, keys,
// revocations, migrations and the audit. It owns signals, subcommands and exit codes; what they do is app's and authz's. Its
// help shows an example for each command, docs/operating.md lists them all.
package main
