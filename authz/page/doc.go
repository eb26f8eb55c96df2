// Package page is what a person sees in a browser: signing in, deciding about an application, what went wrong. It owns the words,
// the layout, and the header fields that keep a page from being framed, stored or given a script.
//
// It knows neither requests nor sessions. authz says what is on a page, where its forms go, and what is done with them.
//
// Pages work without JavaScript, and have none. Elements that people use have an id: login, password, sign-in, host-sign-in,
// cancel, allow, deny, not-you, disconnect, disconnect-all, keep, sign-out, sign-out-everywhere.
package page
