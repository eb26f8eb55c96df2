package main

import (
	"context"
	"fmt"
	"time"
)

// grant is a way to an access token, whose cost at the authorization server is measured: what one applicant does again and again.
type grant struct {
	name  string
	about string
	// most is the goal for the processor time of a token; 0: there is none.
	most time.Duration
	// prepare gets ready what one connection needs, and returns how it gets its next token.
	prepare func(context.Context, *applicant) (next func(context.Context) error, err error)
}

// chains is how many users' refresh tokens a connection renews, in turn.
const chains = 16

// visitors is how many users come through the pages on a connection, in turn.
const visitors = 64

var grants = []grant{
	{
		name: "client credentials", most: 250 * time.Microsecond,
		about: "one request",
		prepare: func(_ context.Context, a *applicant) (func(context.Context) error, error) {
			return a.asItself, nil
		},
	},
	{
		name: "refresh", most: 800 * time.Microsecond,
		about: fmt.Sprintf("one request, of %d users for each connection", chains),
		prepare: func(ctx context.Context, a *applicant) (func(context.Context) error, error) {
			var tokens [chains]string
			for i := range tokens {
				var err error
				if tokens[i], err = a.authorize(ctx); err != nil {
					return nil, err
				}
			}
			at := -1
			return func(ctx context.Context) (err error) {
				at = (at + 1) % chains
				tokens[at], err = a.refresh(ctx, tokens[at])
				return err
			}, nil
		},
	},
	{
		name: "code, with the authorization", most: 2 * time.Millisecond,
		about: "the host application's request for a new user, and the one for the tokens",
		prepare: func(_ context.Context, a *applicant) (func(context.Context) error, error) {
			return func(ctx context.Context) error {
				_, err := a.authorize(ctx)
				return err
			}, nil
		},
	},
	{
		name:  "code, through the pages",
		about: "a signed-in user's way: the application's link, the page, the form, and the request for the tokens",
		prepare: func(ctx context.Context, a *applicant) (func(context.Context) error, error) {
			var browsers [visitors]*visitor
			for i := range browsers {
				var err error
				if browsers[i], err = a.newVisitor(ctx); err != nil {
					return nil, err
				}
			}
			at := -1
			return func(ctx context.Context) error {
				at = (at + 1) % visitors
				return browsers[at].allow(ctx)
			}, nil
		},
	},
}

// grantResult is what all rounds found out about a grant.
type grantResult struct {
	grant
	server string // empty: Gatehouse
	rounds []measured
}

// title is what the report calls it.
func (g grantResult) title() string {
	if g.server == "" {
		return g.name
	}
	return g.name + ": " + g.server
}

// grantComparisons has a line for each grant that another server has, too.
func grantComparisons(results []grantResult) table {
	t := table{{"beside each other", "with", "× CPU of a token"}}
	for _, of := range results {
		for _, to := range results {
			if of.server == "" && to.server != "" && of.name == to.name {
				t = append(t, []string{of.title(), to.title(), ratios(of.rounds, to.rounds).text("%.2f")})
			}
		}
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

// grantCosts has a line for each grant.
func grantCosts(results []grantResult) table {
	t := table{{"grant", "CPU ms/token", "tokens/s", "p50", "p99", "core used", ""}}
	for _, g := range results {
		of := func(figure func(measured) float64) float64 { return median(each(g.rounds, figure)) }
		t = append(t, []string{
			g.title(), g.perToken().text("%.2f"), thousands(of(func(m measured) float64 { return m.rate })),
			latency(median(each(g.rounds, func(m measured) time.Duration { return m.p50 }))),
			latency(median(each(g.rounds, func(m measured) time.Duration { return m.p99 }))),
			fmt.Sprintf("%.0f %%", 100*of(func(m measured) float64 { return m.saturation })),
			g.about,
		})
	}
	return t
}

// perToken is the processor time of a token, in milliseconds.
func (g grantResult) perToken() spread {
	return spreadOf(each(g.rounds, func(m measured) float64 { return m.perRequest.Seconds() * 1000 }))
}

// goal is a line in the table of goals.
func (g grantResult) goal() []string {
	got := g.perToken()
	return []string{
		"CPU of a token: " + g.name, fmt.Sprintf("%.2f ms", g.most.Seconds()*1000),
		got.text("%.2f") + " ms", verdict(got.median <= g.most.Seconds()*1000),
	}
}
