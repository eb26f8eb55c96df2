package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// visitor is a user's browser, in which the user is signed in.
type visitor struct {
	*applicant
	client  *http.Client
	address string // where it says that it is
}

// newVisitor has another user sign in at the host application.
func (a *applicant) newVisitor(ctx context.Context) (*visitor, error) {
	n := a.users.Add(1)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{
		applicant: a,
		client:    &http.Client{Timeout: a.client.Timeout, Transport: a.client.Transport, CheckRedirect: a.client.CheckRedirect, Jar: jar},
		address:   net.IPv4(10, byte(n>>16), byte(n>>8), byte(n)).String(),
	}
	_, page, err := v.open(ctx, "/account/sign-in")
	if err != nil {
		return nil, err
	}
	to, err := v.submit(ctx, "/account/sign-in/host", url.Values{"form_token": {formToken(page)}})
	if err != nil {
		return nil, err
	}
	proof, err := proofOf(n)
	if err != nil {
		return nil, err
	}
	if _, err = v.submit(ctx, "/account/sign-in/return", url.Values{"state": {to.Query().Get("state")}, "token": {proof}}); err != nil {
		return nil, err
	}
	_, _, err = v.open(ctx, "/account/sign-in/return")
	return v, err
}

// allow has the user come from the application, see its page, and allow all that it asks for; then the application redeems the code.
func (v *visitor) allow(ctx context.Context) error {
	header, _, err := v.open(ctx, "/oauth/authorize?"+v.authorization().Encode())
	if err != nil {
		return err
	}
	at := strings.TrimPrefix(header.Get("Location"), v.server)
	_, page, err := v.open(ctx, at)
	if err != nil {
		return err
	}
	decided := url.Values{"form_token": {formToken(page)}, "decision": {"allow"}}
	for _, box := range scopeBoxes.FindAllSubmatch(page, -1) {
		decided.Set(html.UnescapeString(string(box[1])), "1")
	}
	to, err := v.submit(ctx, at, decided)
	if err != nil {
		return err
	}
	if to.Query().Get("code") == "" {
		return errors.New("the user was not asked: there is no code")
	}
	_, err = v.redeem(ctx, to)
	return err
}

var (
	formTokens = regexp.MustCompile(`name="form_token" value="([^"]*)"`)
	scopeBoxes = regexp.MustCompile(`name="(scope-[^"]*)"`)
)

// formToken is that of the last form of a page, which is what the page is about.
func formToken(page []byte) string {
	all := formTokens.FindAllSubmatch(page, -1)
	if len(all) == 0 {
		return ""
	}
	return html.UnescapeString(string(all[len(all)-1][1]))
}

// open gets a page, or where it leads.
func (v *visitor) open(ctx context.Context, path string) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.server+path, nil)
	if err != nil {
		return nil, nil, err
	}
	return v.visit(request, http.StatusOK, http.StatusSeeOther)
}

// submit sends a form of a page of the server's, and returns where that leads.
func (v *visitor) submit(ctx context.Context, path string, form url.Values) (*url.URL, error) {
	request, err := formRequest(ctx, v.server+path, form)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Origin", v.server)
	header, _, err := v.visit(request, http.StatusSeeOther)
	if err != nil {
		return nil, err
	}
	return url.Parse(header.Get("Location"))
}

func (v *visitor) visit(request *http.Request, statuses ...int) (http.Header, []byte, error) {
	request.Header.Set("Accept", "text/html")
	request.Header.Set("X-Forwarded-For", v.address)
	header, page, err := send(v.client, request, statuses...)
	if err != nil {
		return nil, nil, fmt.Errorf("as a browser: %w", err)
	}
	return header, page, nil
}
