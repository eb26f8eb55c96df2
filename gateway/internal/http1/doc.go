// Package http1 is the syntax of HTTP/1 (RFC 9110, RFC 9112) that a caller's and an upstream's side share: chunks, the
// length of a body, names and values of fields, lists in them, hosts.
//
// It decides what is well-formed. It leaves to others who may say what, how large a whole message may be, and what a
// malformed one is answered with; it knows no connections. Nothing in it is for concurrent use but for the functions.
package http1
