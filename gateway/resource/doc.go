// Package resource knows the protected resources behind a gateway: which routes each of them has, which one a resource indicator
// means (RFC 8707), and what is published about it (RFC 9728). Whose token passes where, it leaves to the gateway.
package resource
