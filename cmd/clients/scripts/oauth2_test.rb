require "json"
require "net/http"
require "oauth2"

issuer, client_id, client_secret, redirect_uri = ENV.values_at("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")

client = OAuth2::Client.new(
  client_id, client_secret,
  site: issuer, authorize_url: "/oauth/authorize", token_url: "/oauth/token", auth_scheme: :basic_auth
)
address = client.auth_code.authorize_url(redirect_uri: redirect_uri, scope: "hello:read", state: "a state")
visited = JSON.parse(Net::HTTP.post(URI(ENV["USER_URL"]), address).body)["url"]
parameters = URI.decode_www_form(URI(visited).query).to_h
raise "another state" unless parameters["state"] == "a state"
token = client.auth_code.get_token(parameters["code"], redirect_uri: redirect_uri)
raise "refused" unless token.get("/hello").status == 200

refreshed = token.refresh!
raise "the same token" if refreshed.token == token.token
raise "refused" unless refreshed.get("/hello").status == 200
