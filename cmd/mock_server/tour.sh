# variables: Names for what follows: the server, what makes its answers readable, the JWT of the user, and two tokens
export BASE={{.Issuer}}
export PRETTY={{.App}}/pretty
export USER_JWT={{.UserJWT}}
export ACCESS_TOKEN={{.Tokens.AccessToken}}
export REFRESH_TOKEN={{.Tokens.RefreshToken}}

# printed-token [GET /balance]: The access token passes the gateway: the balance of the user
curl -s "$BASE/balance" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# authorize: The user, signed in with the JWT, allows an application what it asks for: the redirect carries a code
export CODE="$(curl -s -o /dev/null -w '%{redirect_url}' "$BASE/oauth/authorize" -H "Authorization: Bearer $USER_JWT" \
  -d response_type=code -d client_id=id -d redirect_uri={{.Redirect}} \
  -d 'scope={{.Scope}}' | sed 's/.*[?&]code=\([^&]*\).*/\1/')"; echo "$CODE"

# exchange: The application gets an access token and a refresh token for the code
export TOKENS="$(curl -s "$BASE/oauth/token" -u id:secret \
  -d grant_type=authorization_code -d redirect_uri={{.Redirect}} -d "code=$CODE")"; echo "$TOKENS" | curl -sT- "$PRETTY"
export ACCESS_TOKEN="$(echo "$TOKENS" | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"
export REFRESH_TOKEN="$(echo "$TOKENS" | sed 's/.*"refresh_token": *"\([^"]*\)".*/\1/')"

# balance [GET /balance]: The new access token passes the gateway too
curl -s "$BASE/balance" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# create-invoice [POST /invoices]: Create an invoice over 1000 sat
export INVOICE="$(curl -s "$BASE/invoices" -H "Authorization: Bearer $ACCESS_TOKEN" -H 'Content-Type: application/json' \
  -d '{"amount": 1000, "description": "Lunch"}')"; echo "$INVOICE" | curl -sT- "$PRETTY"
export PAYMENT_HASH="$(echo "$INVOICE" | sed 's/.*"payment_hash": *"\([^"]*\)".*/\1/')"

# invoice [POST /invoices, GET /invoices/{payment_hash}]: Look at it: nobody has paid it yet
curl -s "$BASE/invoices/$PAYMENT_HASH" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# pay [POST /payments/bolt11]: Pay an invoice of a shop: {{.ShopAmount}} sat and a fee
export SHOP_INVOICE="$(curl -s {{.Wallet}}/shop/invoice | sed 's/.*"payment_request": *"\([^"]*\)".*/\1/')"
curl -s "$BASE/payments/bolt11" -H "Authorization: Bearer $ACCESS_TOKEN" -H 'Content-Type: application/json' \
  -d "{\"invoice\": \"$SHOP_INVOICE\"}" | curl -sT- "$PRETTY"

# keysend [POST /payments/keysend]: Send 21 sat to the shop without an invoice
curl -s "$BASE/payments/keysend" -H "Authorization: Bearer $ACCESS_TOKEN" -H 'Content-Type: application/json' \
  -d '{"amount": 21, "destination": "{{.ShopKey}}", "memo": "Thanks!"}' | curl -sT- "$PRETTY"

# balance-after [GET /balance, POST /payments/bolt11]: The balance is lower by what was paid, fees included
curl -s "$BASE/balance" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# introspect: What an access token is good for, asked by a client (RFC 7662)
curl -s "$BASE/oauth/introspect" -u id:secret -d "token=$ACCESS_TOKEN" | curl -sT- "$PRETTY"

# introspect-own: The same, asked with the token itself, in the older form
curl -s "$BASE/oauth/token/introspect" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# refresh: Trade the refresh token for a new pair
export TOKENS="$(curl -s "$BASE/oauth/token" -u id:secret -d grant_type=refresh_token -d "refresh_token=$REFRESH_TOKEN")"; echo "$TOKENS" | curl -sT- "$PRETTY"
export ACCESS_TOKEN="$(echo "$TOKENS" | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"
export REFRESH_TOKEN="$(echo "$TOKENS" | sed 's/.*"refresh_token": *"\([^"]*\)".*/\1/')"

# refreshed-balance [GET /balance]: The new access token passes the gateway
curl -s "$BASE/balance" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# revoke: Revoke that access token; the answer is 200 (RFC 7009)
curl -s -o /dev/null -w '%{http_code}\n' "$BASE/oauth/revoke" -u id:secret -d "token=$ACCESS_TOKEN"

# revoked-balance [GET /balance]: The next request with it gets 401
curl -s -i "$BASE/balance" -H "Authorization: Bearer $ACCESS_TOKEN" | curl -sT- "$PRETTY"

# revoked-introspect: Introspection says that it is not active
curl -s "$BASE/oauth/introspect" -u id:secret -d "token=$ACCESS_TOKEN" | curl -sT- "$PRETTY"

# public-authorize: A public client with PKCE; this time the user signs in with login and password
export CODE_VERIFIER={{.Verifier}}
export CODE="$(curl -s -o /dev/null -w '%{redirect_url}' "$BASE/oauth/authorize" -d login={{.User.Login}} -d password={{.User.Password}} \
  -d response_type=code -d client_id=public -d redirect_uri={{.Redirect}} -d 'scope={{.Scope}}' \
  -d code_challenge_method=S256 -d code_challenge={{.Challenge}} | sed 's/.*[?&]code=\([^&]*\).*/\1/')"; echo "$CODE"

# public-exchange: It has no secret, and shows with the verifier that it asked for the code
export TOKENS="$(curl -s "$BASE/oauth/token" -u public: \
  -d grant_type=authorization_code -d redirect_uri={{.Redirect}} -d "code=$CODE" -d "code_verifier=$CODE_VERIFIER")"; echo "$TOKENS" | curl -sT- "$PRETTY"
export REFRESH_TOKEN="$(echo "$TOKENS" | sed 's/.*"refresh_token": *"\([^"]*\)".*/\1/')"

# client-credentials: A token for an application itself, without a user
curl -s "$BASE/oauth/token" -u test_client:test_secret -d grant_type=client_credentials -d 'scope={{.Scope}}' | curl -sT- "$PRETTY"

# applications: The applications that the user has connected
curl -s "$BASE/clients" -H "Authorization: Bearer $USER_JWT" | curl -sT- "$PRETTY"

# disconnect: Disconnect one of them: every token that it has for this user ends
curl -s -w '%{http_code}\n' -X DELETE "$BASE/clients/public" -H "Authorization: Bearer $USER_JWT"

# disconnected-refresh: Its refresh token is refused now
curl -s "$BASE/oauth/token" -u public: -d grant_type=refresh_token -d "refresh_token=$REFRESH_TOKEN" | curl -sT- "$PRETTY"

# scopes: What applications can ask for
curl -s "$BASE/oauth/scopes" | curl -sT- "$PRETTY"

# jwks: The public keys that verify access tokens
curl -s "$BASE/.well-known/jwks.json" | curl -sT- "$PRETTY"

# metadata: What the server offers, and where (RFC 8414)
curl -s "$BASE/.well-known/oauth-authorization-server" | curl -sT- "$PRETTY"

# create-client: Register an application; only the mock server lets everybody do that
curl -s "$BASE/admin/clients" -H 'Content-Type: application/json' -d '{"name": "My application", "url": "http://localhost:4000",
  "domain": "http://localhost:4000/callback", "imageUrl": "http://localhost:4000/icon.png"}' | curl -sT- "$PRETTY"

# list-clients: All applications
curl -s "$BASE/admin/clients" | curl -sT- "$PRETTY"
