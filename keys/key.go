package keys

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// Key is a private signing key. It is immutable and safe for concurrent use. Its String form does not show the key.
type Key struct {
	public  PublicKey
	private crypto.Signer
	jwk     jwk.Key
}

// PublicKey verifies what one Key signed. It is immutable and safe for concurrent use.
type PublicKey struct {
	// ID is the kid: the key's RFC 7638 thumbprint for keys made here.
	ID string
	// Algorithm is the only one that a token naming this key may use.
	Algorithm string

	signatures signatures
	jwk        jwk.Key
	// thumbprint tells keys apart whatever their IDs are.
	thumbprint thumbprint
}

type thumbprint [sha256.Size]byte

// Generate makes a new key for "ES256", "RS256" (2048 bits) or "EdDSA" (Ed25519). The error wraps
// ErrUnsupportedAlgorithm for any other name.
func Generate(alg string) (*Key, error) {
	raw, err := generatePrivate(alg)
	if err != nil {
		return nil, err
	}
	private, err := jwk.FromRaw(raw)
	if err != nil {
		return nil, fmt.Errorf("make JWK: %w", err)
	}
	thumbprint, err := private.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make key id: %w", err)
	}
	for name, value := range map[string]any{
		jwk.KeyIDKey:     base64.RawURLEncoding.EncodeToString(thumbprint),
		jwk.AlgorithmKey: jwa.SignatureAlgorithm(alg),
		jwk.KeyUsageKey:  jwk.ForSignature,
	} {
		if err := private.Set(name, value); err != nil {
			return nil, fmt.Errorf("set %s of JWK: %w", name, err)
		}
	}
	return fromPrivateJWK(private)
}

// ID is the kid that tokens signed with this key carry.
func (k *Key) ID() string { return k.public.ID }

// Algorithm is the JWS name of the key's signature algorithm.
func (k *Key) Algorithm() string { return k.public.Algorithm }

// Public is the half that may be shown to everyone.
func (k *Key) Public() PublicKey { return k.public }

// String names the key without showing it.
func (k *Key) String() string { return fmt.Sprintf("%s key %s", k.Algorithm(), k.ID()) }

// Sign returns the compact JWS (RFC 7515 section 7.1) of claims. The header holds alg and kid of the key and typ; equal
// arguments give an equal header, so that every token of a key begins alike.
func (k *Key) Sign(typ string, claims any) (string, error) {
	header, err := json.Marshal(header{Algorithm: k.Algorithm(), KeyID: k.ID(), Type: typ})
	if err != nil {
		return "", fmt.Errorf("encode token header: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode token claims: %w", err)
	}
	token := base64.RawURLEncoding.AppendEncode(nil, header)
	token = append(token, '.')
	token = base64.RawURLEncoding.AppendEncode(token, body)
	signature, err := sign(k.private, token)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	token = append(token, '.')
	token = base64.RawURLEncoding.AppendEncode(token, signature)
	return string(token), nil
}

func fromPrivateJWK(private jwk.Key) (*Key, error) {
	var raw any
	if err := private.Raw(&raw); err != nil {
		return nil, fmt.Errorf("read JWK: %w", err)
	}
	signer, ok := raw.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: JWK %q is not a private key", ErrUnsupportedAlgorithm, private.KeyID())
	}
	half, err := private.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("take public half of JWK: %w", err)
	}
	public, err := fromPublicJWK(half)
	if err != nil {
		return nil, err
	}
	return &Key{public: public, private: signer, jwk: private}, nil
}

func fromPublicJWK(public jwk.Key) (PublicKey, error) {
	if public.KeyID() == "" {
		return PublicKey{}, fmt.Errorf("JWK has no kid")
	}
	var raw any
	if err := public.Raw(&raw); err != nil {
		return PublicKey{}, fmt.Errorf("read JWK %q: %w", public.KeyID(), err)
	}
	alg, err := signatureAlgorithm(public.Algorithm(), raw)
	if err != nil {
		return PublicKey{}, fmt.Errorf("JWK %q: %w", public.KeyID(), err)
	}
	digest, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, fmt.Errorf("make thumbprint of JWK %q: %w", public.KeyID(), err)
	}
	return PublicKey{
		ID: public.KeyID(), Algorithm: alg, signatures: signaturesOf(raw), jwk: public,
		thumbprint: sha256.Sum256(append([]byte(alg+" "), digest...)),
	}, nil
}
