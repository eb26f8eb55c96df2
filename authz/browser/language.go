package browser

import (
	"context"
	"net/http"

	"gatehouse/authz/page"
)

// LocalesField is what an application asks for of the language of our pages (OpenID Connect Core section 3.1.2.1).
const LocalesField = "ui_locales"

// wish is in which languages the reader of a page would like to read. An authorization request that is found on the way to the
// page says so for the application.
type wish struct{ uiLocales string }

type wishKey struct{}

// WithWish lets the request's page be in the language that is asked for on the way to it (WishFor).
func WithWish(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), wishKey{}, &wish{}))
}

// WishFor makes the page that answers the request speak the application's languages; empty: it asks for none.
func WishFor(ctx context.Context, uiLocales string) {
	if w, ok := ctx.Value(wishKey{}).(*wish); ok && uiLocales != "" {
		w.uiLocales = uiLocales
	}
}

// LanguageOf is the language of the page that answers r.
func LanguageOf(r *http.Request) *page.Language {
	var uiLocales string
	if w, ok := r.Context().Value(wishKey{}).(*wish); ok {
		uiLocales = w.uiLocales
	}
	return page.Choose(uiLocales, r.Header.Get("Accept-Language"))
}
