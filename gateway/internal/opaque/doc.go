// Package opaque finds out what access tokens stand for that say nothing by themselves: those of oauth2server, which its clients
// go on using until they expire. It owns which texts can be such a token, and for how long it is remembered what one stands
// for. Where they are looked up, whether they were revoked, and every other token are for others.
package opaque
