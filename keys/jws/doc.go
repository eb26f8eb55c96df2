// Package jws reads what strangers have signed: a compact JWS (RFC 7515) of two JSON objects, and the public key (RFC 7517) that it is
// signed with.
//
// It owns the form of a message (message.go), of a key (key.go), and which algorithms there are (signature.go). It leaves to others what
// a message is for, and where its key comes from: the message itself (keys/dpop), or what is known of a client
// (authz/client/assertion). Access tokens, which are our own and have one spelling, are read by keys.
package jws
