import json
import os

from application import call, issuer, redirect_uri, visit
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey
from authlib.oauth2.rfc7523 import PrivateKeyJWT
import requests


def register(key):
    """Registers a client with a public key of its own, and returns its id."""
    settings = {
        "name": "It signs", "grantTypes": ["authorization_code", "refresh_token"], "redirectUris": [redirect_uri],
        "jwks": {"keys": [json.loads(key.as_json(is_private=False))]},
    }
    answer = requests.post(os.environ["ADMIN_URL"] + "/admin/clients", json=settings)
    answer.raise_for_status()
    assert "clientSecret" not in answer.json()
    return answer.json()["clientId"]


key = JsonWebKey.generate_key("EC", "P-256", is_private=True)
private_key, client_id = key.as_pem(is_private=True), register(key)
session = OAuth2Session(
    client_id, private_key, scope="hello:read", redirect_uri=redirect_uri, code_challenge_method="S256",
    token_endpoint_auth_method="private_key_jwt", revocation_endpoint_auth_method="private_key_jwt",
)
session.register_client_auth_method(PrivateKeyJWT(alg="ES256"))

code_verifier = generate_token(48)
address, state = session.create_authorization_url(issuer + "/oauth/authorize", code_verifier=code_verifier)
token = session.fetch_token(
    issuer + "/oauth/token", authorization_response=visit(address), state=state, code_verifier=code_verifier
)
assert call(token["access_token"]) == 200

known = session.introspect_token(issuer + "/oauth/introspect", token["access_token"]).json()
assert known["active"] and known["client_id"] == client_id
refreshed = session.refresh_token(issuer + "/oauth/token", token["refresh_token"])
assert refreshed["access_token"] != token["access_token"]
session.revoke_token(issuer + "/oauth/revoke", refreshed["refresh_token"])
assert call(refreshed["access_token"]) == 401
