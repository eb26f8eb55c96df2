package main

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"time"
)

// hostTokenLife is how long the proof lasts that the host application sends with its user's browser.
const hostTokenLife = time.Minute

const loginStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 26rem; margin: 2rem auto; padding: 0 1rem; }
button { font: inherit; padding: .6rem; width: 100%; margin: .4rem 0; }`

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo host application</title>
<style>` + loginStyle + `</style>
</head>
<body>
<main>
<h1>Demo host application</h1>
<p>It stands for the application in which users have their accounts, and in which you would sign in here. Who are you?</p>
{{range .Users}}<form method="post" action="{{$.ReturnTo}}">
<input type="hidden" name="state" value="{{$.State}}">
<input type="hidden" name="token" value="{{.Token}}">
<button>User {{.ID}}</button>
</form>
{{end}}<p><a href="{{.ReturnTo}}">Nobody: go back</a></p>
</main>
</body>
</html>
`))

// login is the host application's login page. It asks for no password, and sends whoever somebody says to be back to the one
// address that it knows, whatever return_to says.
func (w *wallet) login(out http.ResponseWriter, r *http.Request) {
	type user struct {
		ID    int64
		Token string
	}
	view := struct {
		ReturnTo, State string
		Users           []user
	}{ReturnTo: w.returnTo, State: r.URL.Query().Get("state")}
	if r.URL.Query().Get("return_to") != w.returnTo {
		http.Error(out, "return_to is not "+w.returnTo, http.StatusBadRequest)
		return
	}
	for _, u := range demoUsers {
		if u.IsSuspended {
			continue
		}
		token, err := userJWT(w.secret, u.ID, w.now(), hostTokenLife)
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		view.Users = append(view.Users, user{u.ID, token})
	}
	digest := sha256.Sum256([]byte(loginStyle))
	h := out.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	_ = loginPage.Execute(out, view) // the caller is gone, and nobody else to tell
}
