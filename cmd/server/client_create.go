package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/authz/admin"
	"gatehouse/authz/client"
	"gatehouse/registry"
)

// maxSecretLine bounds what is read of standard input; what is too long for a secret is refused later.
const maxSecretLine = 4 << 10

// createdRecord is a client that was just registered, or whose secret was just replaced, with everything that it is, for
// programs. The names are those of the admin API, whose answer to a registration calls the id clientId.
type createdRecord struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret,omitempty"`
	clientRecord
}

func createdOf(c registry.Client, secret string) createdRecord {
	return createdRecord{ClientID: c.ID, ClientSecret: secret, clientRecord: recordOf(c)}
}

func newClientCreate(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	var settings client.Settings
	var secretFromInput bool
	var keysFile string
	create := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Register a client",
		Long: "Registers an application and prints its id and its secret. The secret is shown this once: only a hash is kept.\n" +
			"One with --jwks or --jwks-uri has keys instead.\n" +
			"A client that acts for users needs --redirect-uri or --domain.",
		Example: "  gatehouse client create --name 'My application' --redirect-uri https://app.example/callback\n" +
			"  gatehouse client create --name 'Mobile' --public --redirect-uri http://127.0.0.1/callback --scope balance:read\n" +
			"  gatehouse client create --name 'Report' --grant-type client_credentials --scope balance:read --json\n" +
			"  gatehouse client create --name 'Report' --grant-type client_credentials --jwks-uri https://report.example/jwks.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if secretFromInput {
				if settings.Secret, err = readSecret(cmd.InOrStdin()); err != nil {
					return misused(cmd, err)
				}
			}
			if settings.Keys, err = readKeys(keysFile); err != nil {
				return misused(cmd, err)
			}
			op.needs.Routes = len(settings.Scopes)+len(settings.DefaultScopes)+len(settings.RequiredScopes) > 0
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				client, secret, err := operator.CreateClient(ctx, settings)
				if err != nil {
					return explain(err, "client", settings.ID)
				}
				if secretFromInput {
					secret = "" // whoever chose it knows it
				}
				client = asStored(ctx, operator, client)
				return out.print(cmd, createdOf(client, secret), func(t *table) { clientDetails(t, client, secret) })
			})
		},
	}
	flags := create.Flags()
	flags.StringVar(&settings.ID, "id", "", "id of the client (default: 16 random letters and digits)")
	flags.BoolVar(&secretFromInput, "secret-stdin", false,
		"read a secret that someone chose from standard input (default: 256 random bits)")
	flags.StringVar(&settings.Name, "name", "", "name that users are shown")
	flags.StringVar(&settings.URL, "url", "", "landing page")
	flags.StringVar(&settings.ImageURL, "image-url", "", "picture that users are shown")
	flags.StringVar(&settings.Domain, "domain", "", "callback: every path of an origin, * for one label of its host")
	flags.StringArrayVar(&settings.RedirectURIs, "redirect-uri", nil, "callback: this URI exactly; can be repeated")
	flags.StringSliceVar(&settings.Scopes, "scope", nil,
		"scope that it may ask for; can be repeated (default: every scope of the routes)")
	flags.StringSliceVar(&settings.DefaultScopes, "default-scope", nil,
		"scope of a request that names none; can be repeated (default: such a request is refused)")
	flags.StringSliceVar(&settings.RequiredScopes, "required-scope", nil,
		"scope that users cannot leave out, where it asks for it; can be repeated")
	flags.StringSliceVar(&settings.GrantTypes, "grant-type", nil,
		"authorization_code, refresh_token or client_credentials; can be repeated")
	flags.BoolVar(&settings.Public, "public", false, "it cannot keep a secret, and gets none")
	flags.BoolVar(&settings.DPoPBound, "dpop-bound", false, "it gets no access token that is not bound to a key of its own (DPoP)")
	flags.BoolVar(&settings.PushedOnly, "require-pushed", false, "it has to push its authorization requests (RFC 9126)")
	flags.StringVar(&keysFile, "jwks", "", "file with its public keys (JWKS): it signs who it is (private_key_jwt), and gets no secret")
	flags.StringVar(&settings.KeysURL, "jwks-uri", "", "https URL of its public keys, instead of --jwks")
	completeFlag(create, "grant-type", client.AuthorizationCode, client.RefreshToken, client.ClientCredentials)
	op.actorFlag(create)
	out.flag(create)
	return create
}

// asStored is the client as it is now. Where that cannot be read it is as it was: its secret has to be shown in any case.
func asStored(ctx context.Context, operator *admin.Operator, c registry.Client) registry.Client {
	if now, err := operator.Client(ctx, c.ID); err == nil {
		return now
	}
	return c
}

// readSecret reads one line, so that no secret is seen in the list of processes.
func readSecret(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, maxSecretLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := strings.TrimRight(line, "\r\n")
	if secret == "" {
		return "", errors.New("there is no secret on standard input")
	}
	return secret, nil
}
