package registration

import "gatehouse/keys/strictjson"

// keys are what a client says of those that it signs who it is with (private_key_jwt).
type keys struct {
	set, url  string // one of them
	algorithm string // the only one that it signs with; "": any that is for its keys
}

// keysIn reads them, also where the client does not sign who it is: it may have keys for something else, which is passed over.
func keysIn(m *strictjson.Members) (k keys) {
	if m.Inner("jwks") != nil {
		k.set = string(m.Object["jwks"])
	}
	k.url, k.algorithm = m.Text("jwks_uri"), m.Text("token_endpoint_auth_signing_alg")
	return k
}

// checkKeys wants keys that can be had. Whether they are good is for the settings to say. What is at the URL of a stranger is fetched only
// where an operator has allowed that for metadata documents.
func (h *Handler) checkKeys(k keys) error {
	switch {
	case k.url != "" && !h.FetchesKeys:
		return errMetadata.WithHint("The jwks_uri is not fetched here: register the keys themselves, as jwks.")
	case k.url == "" && k.set == "":
		return errMetadata.WithHint("A client that signs who it is needs its public keys, as jwks.")
	}
	return nil
}
