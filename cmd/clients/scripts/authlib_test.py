from application import call, client_id, client_secret, issuer, redirect_uri, visit
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
import requests

session = OAuth2Session(
    client_id, client_secret, scope="hello:read", redirect_uri=redirect_uri, code_challenge_method="S256"
)
code_verifier = generate_token(48)
address, state = session.create_authorization_url(issuer + "/oauth/authorize", code_verifier=code_verifier)
callback = visit(address)
token = session.fetch_token(
    issuer + "/oauth/token", authorization_response=callback, state=state, code_verifier=code_verifier
)
assert call(token["access_token"]) == 200

keys = JsonWebKey.import_key_set(requests.get(issuer + "/.well-known/jwks.json").json())
claims = JsonWebToken(["ES256"]).decode(token["access_token"], keys, claims_options={"iss": {"value": issuer}, "aud": {"value": issuer}})
claims.validate()
assert claims["sub"] == "demo"

known = session.introspect_token(issuer + "/oauth/introspect", token["access_token"]).json()
assert known["active"] and known["client_id"] == client_id

refreshed = session.refresh_token(issuer + "/oauth/token", token["refresh_token"])
assert refreshed["access_token"] != token["access_token"]
session.revoke_token(issuer + "/oauth/revoke", refreshed["refresh_token"])
assert call(refreshed["access_token"]) == 401
