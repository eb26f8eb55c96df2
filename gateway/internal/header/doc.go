// Package header says which fields pass between callers and upstreams, in both directions, and what is said to an upstream besides:
// Via, and where the caller comes from.
//
// It owns the strict reading of a header block, the names that never pass because an upstream would take them for the gateway's
// word, what a trusted proxy is believed, the cookies of the authorization server, which no upstream sees or sets, and what may be
// a trailer.
//
// It leaves to others who is a trusted proxy, the credential, the framing, the handshake of a WebSocket, and what a caller is told
// of an error. It is pure: nothing blocks, and nothing is kept but what the configuration says.
package header
