// Package demoapp is the demo application: a page in plain JavaScript that is a public client with PKCE, for whoever wants to
// see by clicking what Gatehouse does. It connects, shows what it got, makes the requests that the routes allow, and shows
// what happens when access ends.
//
// The browser holds its tokens, in the tab's session storage; the server only hands out files and is told nothing. It owns
// the page and where it listens. What the page can do follows from the routes that it is told of.
package demoapp
