import jwt
import requests
from application import client_id, client_secret, issuer

own = {"grant_type": "client_credentials", "scope": "hello:read"}
token = requests.post(issuer + "/oauth/token", own, auth=(client_id, client_secret)).json()["access_token"]

keys = jwt.PyJWKClient(issuer + "/.well-known/jwks.json")
key = keys.get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=issuer, issuer=issuer)
assert claims["client_id"] == client_id and claims["scope"] == "hello:read"

for algorithm, audience in ("RS256", issuer), ("ES256", "https://other.example"):
    try:
        jwt.decode(token, key.key, algorithms=[algorithm], audience=audience)
    except jwt.InvalidTokenError:
        continue
    raise AssertionError(f"accepted with {algorithm} for {audience}")
