from application import call, client_id, client_secret, issuer, redirect_uri, visit
from requests_oauthlib import OAuth2Session

session = OAuth2Session(client_id, redirect_uri=redirect_uri, scope=["hello:read"])
address, state = session.authorization_url(issuer + "/oauth/authorize")
callback = visit(address)
token = session.fetch_token(issuer + "/oauth/token", authorization_response=callback, client_secret=client_secret)
assert call(token["access_token"]) == 200
assert session.get(issuer + "/hello").status_code == 200

refreshed = session.refresh_token(issuer + "/oauth/token", auth=(client_id, client_secret))
assert refreshed["access_token"] != token["access_token"]
assert call(refreshed["access_token"]) == 200
