package handshake

import (
	"bytes"
	"encoding/base64"
)

// The ways to offer a token as a subprotocol: as it is, or encoded as Kubernetes' clients do. The marker may be offered
// beside it, so that the gateway can select something that is not secret.
const (
	subprotocolMarker = "access_token"
	subprotocolPrefix = "access_token."
	kubernetesPrefix  = "base64url.bearer.authorization.k8s.io."
)

// TakeToken removes the subprotocols that are there for the token, and returns how many there were and the token of the last. If
// nothing else was offered, the gateway selects one of them itself: a browser that offered some gives up when none is selected.
func (h *Handshake) TakeToken() (token []byte, times int) {
	var entry, marker []byte
	rest := h.protocols[:0:0]
	for _, protocol := range h.protocols {
		if plain, ok := bytes.CutPrefix(protocol, []byte(subprotocolPrefix)); ok {
			token, entry, times = plain, protocol, times+1
		} else if encoded, ok := bytes.CutPrefix(protocol, []byte(kubernetesPrefix)); ok {
			token, entry, times = decodedToken(encoded), protocol, times+1
		} else if string(protocol) == subprotocolMarker {
			marker = protocol
		} else {
			rest = append(rest, protocol)
		}
	}
	if times == 0 {
		return nil, 0
	}
	if h.protocols = rest; len(rest) == 0 {
		if h.selected = entry; marker != nil {
			h.selected = marker
		}
	}
	return token, times
}

// decodedToken decodes the canonical form only. Any other is an empty token, which is refused like every bad one.
func decodedToken(encoded []byte) []byte {
	decoded, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return []byte{}
	}
	return decoded
}
