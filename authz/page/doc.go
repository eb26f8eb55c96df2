// Package page is what a person sees in a browser: signing in, deciding about an application, what went wrong. It owns the words,
// the layout, and the header fields that keep a page from being framed, stored or given a script.
//
// The words are in messages/, a file for each language, with the same keys in all. A template says {{text "key" "name" .Value}}, or rich
// in place of text where the message has markup, which is <strong> and <a> alone. Go says Say("key", "name", value): such a Message gets its
// words when the page is written, and a template shows it with say. A message is a whole sentence; what it is about has a place in it,
// {name}.
//
// It knows neither requests nor sessions. authz says what is on a page, where its forms go, and what is done with them.
//
// Pages work without JavaScript, and have none. Elements that people use have an id: login, password, sign-in, host-sign-in,
// cancel, allow, deny, not-you, disconnect, disconnect-all, keep, sign-out, sign-out-everywhere; the box of a scope is scope- and
// its name.
package page
