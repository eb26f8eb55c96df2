package authz_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

func requireLanguage(t *testing.T, a answer, language string, shown ...string) {
	t.Helper()
	require.Equal(t, language, a.Header.Get("Content-Language"))
	require.Contains(t, a.Header.Values("Vary"), "Accept-Language")
	require.Contains(t, a.text, `<html lang="`+language+`">`)
	for _, text := range shown {
		require.Contains(t, a.text, text)
	}
}

// The language that the application asks for holds from the first page to the last, whatever the browser would like.
func TestAPersonIsAskedInTheLanguageOfTheApplication(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) {
		c.ScopeTranslations = map[string]map[string]string{"balance:read": {"de": "Ihr Guthaben lesen.", "es": "Leer su saldo."}}
	})
	b := w.browser()
	b.languages = "es-MX,es;q=0.9"
	german := []string{"ui_locales", "fr de-AT", "expires_in", "5400"}
	requireLanguage(t, b.open(request("app", german...)), "de", "Melden Sie sich an, um mit An App fortzufahren", "<title>Anmelden</title>")
	asked := "/oauth/authorize/" + b.page.Request.URL.Query().Get("request")
	requirePage(t, b.signIn("login", "wrong"), http.StatusUnauthorized)
	requireLanguage(t, b.page, "de", "<title>Login oder Passwort ist falsch. Anmelden</title>")
	requireLanguage(t, b.signIn("login", "password"), "de", "An App bittet um Zugriff auf Ihr Konto", "Ihr Guthaben lesen.",
		"Create invoices on your behalf.", "30 Tage lang nicht erneuert")
	denied := b.sent(b.press("deny"))
	require.Equal(t, "The user denied the request.", denied.Get("error_description"), "the application is told in English")
	requireLanguage(t, b.open(asked), "de", "Sie haben das schon entschieden.")
	requireLanguage(t, w.browser().open(asked), "de", "nur, wenn er Cookies zulässt")

	requireLanguage(t, b.open("/account"), "es", "Ninguna aplicación tiene acceso a ella.")
	b.open(request("app"))
	requireLanguage(t, b.page, "es", "An App pide acceso a su cuenta", "Leer su saldo.")
	b.allowed(b.press("allow"))
	requireLanguage(t, b.open("/account"), "es", "Leer su saldo.", "desde el 2 de enero de 2030")

	requireLanguage(t, b.open(request("nobody", "ui_locales", "pt-BR")), "pt", "A aplicação não é conhecida aqui, ou foi desativada.")
	requireLanguage(t, b.open(request("app", "redirect_uri", "https://evil.example", "ui_locales", "de")), "de", "nicht für sie registriert")
	requireLanguage(t, b.open("/oauth/authorize?client_id=app&client_id=app"), "es", "La aplicación envió client_id dos veces.")
	json := w.get("/oauth/authorize?client_id=nobody&ui_locales=de", header("Accept-Language", "de"))
	require.Equal(t, "There is no such client.", json.str("error_description"), "and so is every program")
}
