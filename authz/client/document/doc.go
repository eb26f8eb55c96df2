// Package document reads the metadata documents of clients that nobody has registered: a client_id that is an https URL names
// one (draft-ietf-oauth-client-id-metadata-document).
//
// It owns which URLs are a client's (url.go), fetching what a stranger names without harm (address.go, fetch.go, slots.go), what
// a document says (metadata.go), and for how long it is believed (freshness.go, source.go). Key sets are fetched in the same way, of clients
// that were registered, too. It leaves to authz what a user is shown, and whether consent is asked again.
package document
