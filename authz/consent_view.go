package authz

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// shownField is where the page says what the client was shown with, where that can change.
const shownField = "shown"

// scopeField is what the page calls the box of a scope.
func scopeField(name string) string { return "scope-" + name }

// chosenScopes are those of the request that the user left ticked, and those that the client cannot do without. Whatever else is in
// the form counts for nothing.
func (k *keptRequest) chosenScopes(form url.Values) (chosen []string) {
	for _, name := range k.request.GetRequestedScopes() {
		if form.Has(scopeField(name)) || slices.Contains(k.client.RequiredScopes, name) {
			chosen = append(chosen, name)
		}
	}
	return chosen
}

// consentView is the page of a request. It says what the client has of the user already, so that what is new stands out.
func (s *Server) consentView(ctx context.Context, v browser.Visitor, k keptRequest) (page.Consent, error) {
	view := page.Consent{
		Application: client.ShownName(k.client.Name, k.client.ID),
		Picture:     k.client.ImageURL,
		User:        v.ShownName(),
		Account:     s.pages.Link(browser.AccountPath),
		Decide:      page.Form{Action: s.pages.Link(browser.RequestPath(k.ID)), Token: v.FormToken()},
		SignOut:     page.Form{Action: s.pages.Link(browser.SignOutPath), Token: v.FormToken(), Request: k.ID},
	}
	if site, err := url.Parse(k.client.URL); err == nil && client.IsWeb(site) && site.Host != "" {
		view.Website, view.Publisher = k.client.URL, site.Host
	}
	if client.IsWeb(k.redirectURI) {
		view.Domain = k.redirectURI.Host
	} else {
		view.Scheme = k.redirectURI.Scheme
	}
	if k.isStranger() {
		view.Service, view.Shown, view.IsOnlyLocal = s.pages.Service, k.client.Fingerprint, client.OnlyLoopback(k.client)
		if k.document != nil {
			view.Host = k.document.Host
		} else {
			view.AnswersTo = client.HostOf(k.sentTo)
		}
	}
	view.Lasts = cmp.Or(k.consent.accessLifespan, s.issuer.accessLifespan)
	if view.IsRenewed = slices.Contains(client.GrantTypesOf(k.client), client.RefreshToken); view.IsRenewed {
		view.Lasts = max(view.Lasts, s.issuer.refreshLifespan)
	}
	live, err := s.registry.LiveGrants(ctx, v.Session.Subject, k.client.ID, s.issuer.maxGrants)
	if len(live) > 0 {
		view.IsConnected, view.Since = true, live[len(live)-1].CreatedAt
	}
	view.Resources = s.issuer.resources.told(k.resources)
	// What was allowed to the client as it described itself otherwise, is asked about again, and so is what was allowed elsewhere.
	same := slices.DeleteFunc(live, func(g registry.Grant) bool { return g.Fingerprint != k.client.Fingerprint })
	view.HasChanged = view.IsConnected && len(same) == 0
	here := slices.DeleteFunc(same, func(g registry.Grant) bool { return !s.issuer.resources.cover(g.Resources, k.consent.resources) })
	view.Asked, view.Held = s.groupScopes(k, here)
	if err == nil {
		view.Budgets, err = s.consentBudgets(ctx, v, k)
	}
	return view, err
}

// groupScopes sorts what is asked for: what no live grant has, by what it lets the client do, and the rest.
func (s *Server) groupScopes(k keptRequest, live []registry.Grant) (asked []page.ScopeGroup, held []page.Scope) {
	groups := []page.ScopeGroup{
		{Heading: page.Say("consent.group_spend"), Spends: true},
		{Heading: page.Say("consent.group_write")},
		{Heading: page.Say("consent.group_read")},
	}
	at := map[Risk]int{Spend: 0, Write: 1, Read: 2}
	names := slices.Compact(slices.Sorted(slices.Values(k.request.GetRequestedScopes())))
	slices.SortStableFunc(names, func(a, b string) int { return at[s.scopes.riskOf(a)] - at[s.scopes.riskOf(b)] })
	for _, name := range names {
		risk := s.scopes.riskOf(name)
		shown := page.Scope{
			Name: name, Description: s.scopes.Shown(name), Spends: risk == Spend, Needed: slices.Contains(k.client.RequiredScopes, name),
		}
		if slices.ContainsFunc(live, func(g registry.Grant) bool { return slices.Contains(g.Scopes, name) }) {
			held = append(held, shown)
			continue
		}
		group := &groups[at[risk]]
		group.Scopes = append(group.Scopes, shown)
	}
	return slices.DeleteFunc(groups, func(g page.ScopeGroup) bool { return len(g.Scopes) == 0 }), held
}
