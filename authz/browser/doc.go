// Package browser is who sits at a browser that is on our pages, and how it is answered.
//
// It owns the cookies (cookies.go) and with them who is signed in there, forms that only our own pages can have sent (visitor.go,
// cross_origin.go), what a page has to say about the step before it (notice.go), and that each answer is a page in the reader's
// language, failures included (pages.go, failure.go, language.go). Where one room leads a browser to a page of another stands in
// paths.go. It leaves to the rooms with pages what is on them, to package page how that looks, to package user what a session is.
package browser
