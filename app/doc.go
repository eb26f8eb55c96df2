// Package app turns a configuration into a running Gatehouse: it reads and checks config.yaml and the environment,
// builds every part and joins them, and starts, drains and stops them. It is the one package that knows all the others;
// none of them knows it, and it decides nothing about a request.
package app
