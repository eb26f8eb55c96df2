package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/authz/admin"
)

// importRecord is what became of oauth2server's data, for programs.
type importRecord struct {
	DryRun   bool `json:"dryRun"`
	Complete bool `json:"complete"` // false: it was broken off

	Clients struct {
		Taken        int             `json:"taken"`
		Known        int             `json:"known"`
		DrawnSecrets int             `json:"drawnSecrets"`
		NotTaken     []refusedRecord `json:"notTaken"`
		Changed      []changedRecord `json:"changed"`
	} `json:"clients"`
	Grants struct {
		Taken         int            `json:"taken"`
		Known         int            `json:"known"`
		Ended         int            `json:"ended"` // gone at oauth2server since an earlier run
		RefreshTokens int            `json:"refreshTokens"`
		AccessTokens  int            `json:"accessTokens"`
		OverMax       map[string]int `json:"overMaxPerClient"`
		TakenBack     map[string]int `json:"takenBack"`
		OfNoClient    map[string]int `json:"ofNoClient"`
		OfNoUser      int            `json:"ofNoUser"`
		Unreadable    int            `json:"unreadable"`
	} `json:"grants"`
	UnknownScopes map[string]int `json:"unknownScopes"`
}

type refusedRecord struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Why     string `json:"why"`
	Command string `json:"command,omitempty"`
}

type changedRecord struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Notes []string `json:"notes"`
}

func importOf(report admin.ImportReport, rehearse, complete bool) importRecord {
	r := importRecord{DryRun: rehearse, Complete: complete, UnknownScopes: report.LostScopes}
	r.Clients.Taken, r.Clients.Known, r.Clients.DrawnSecrets = report.Clients, report.KnownClients, report.DrawnSecrets
	r.Clients.NotTaken, r.Clients.Changed = []refusedRecord{}, []changedRecord{}
	for _, c := range report.Refused {
		r.Clients.NotTaken = append(r.Clients.NotTaken, refusedRecord{c.ID, c.Name, c.Why, takingCommand(c)})
	}
	for _, c := range report.Changed {
		r.Clients.Changed = append(r.Clients.Changed, changedRecord(c))
	}
	r.Grants.Taken, r.Grants.Known, r.Grants.Ended = report.Grants, report.KnownGrants, report.Gone
	r.Grants.RefreshTokens, r.Grants.AccessTokens = report.RefreshTokens, report.AccessTokens
	r.Grants.OverMax, r.Grants.TakenBack, r.Grants.OfNoClient = report.OverMax, report.TakenBack, report.OfNoClient
	r.Grants.OfNoUser, r.Grants.Unreadable = report.OfNoUser, report.Unreadable
	return r
}

// takingCommand registers a client that the import could not, after which another run takes its grants. Its secret is read from
// standard input. It is empty where there is no such command.
func takingCommand(c admin.RefusedClient) string {
	if c.Deleted {
		return ""
	}
	words := []string{"gatehouse client create --id", quoted(c.ID), "--name", quoted(c.Name)}
	if c.Public {
		words = append(words, "--public")
	} else {
		words = append(words, "--secret-stdin")
	}
	if len(c.Redirects) == 0 {
		words = append(words, "--redirect-uri 'https://…'")
	}
	for _, uri := range c.Redirects {
		words = append(words, "--redirect-uri", quoted(uri))
	}
	return strings.Join(words, " ")
}

// quoted is one word for a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func importTable(t *table, report admin.ImportReport, rehearse, complete bool) {
	taken, ended := "taken", "ended"
	if rehearse {
		t.row("nothing was changed: this is what would be")
		taken, ended = "would be taken", "would end"
	}
	if !complete {
		t.row("broken off: run it again, it goes on")
	}
	t.row("clients", strconv.Itoa(report.Clients)+" "+taken, fmt.Sprintf("%d here already", report.KnownClients),
		fmt.Sprintf("%d not taken", len(report.Refused)))
	t.row("grants", strconv.Itoa(report.Grants)+" "+taken, fmt.Sprintf("%d taken before", report.KnownGrants),
		fmt.Sprintf("%d not taken", report.Lost()))
	t.row("tokens", fmt.Sprintf("%d refresh", report.RefreshTokens), fmt.Sprintf("%d access", report.AccessTokens))
	lines(t, report, ended)
	for _, c := range report.Changed {
		for _, note := range c.Notes {
			t.row(fmt.Sprintf("client %s (%s): %s", c.ID, c.Name, note))
		}
	}
	for _, c := range report.Refused {
		t.row(fmt.Sprintf("client %s (%s) not taken: %s", c.ID, c.Name, c.Why))
		if command := takingCommand(c); command != "" {
			t.row("  to take it: " + command + " and then this import again, for its grants")
		}
	}
}

// lines are what an operator has to know, each only where it is so.
func lines(t *table, report admin.ImportReport, ended string) {
	if report.Gone > 0 {
		t.row(fmt.Sprintf("%d grants of an earlier run %s: oauth2server has their tokens no longer", report.Gone, ended))
	}
	for _, id := range slices.Sorted(maps.Keys(report.OverMax)) {
		t.row(fmt.Sprintf("client %s: %d grants not taken, users have newer ones (grants.max_per_client); their tokens work nowhere",
			id, report.OverMax[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(report.TakenBack)) {
		t.row(fmt.Sprintf("client %s: %d grants not taken, what their users allowed it was taken back here: it has to ask them again", id, report.TakenBack[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(report.OfNoClient)) {
		t.row(fmt.Sprintf("client %s: %d grants not taken, the client is not here", id, report.OfNoClient[id]))
	}
	if report.OfNoUser > 0 {
		t.row(fmt.Sprintf("%d access tokens of clients for themselves not taken: they can ask for others", report.OfNoUser))
	}
	if report.Unreadable > 0 {
		t.row(fmt.Sprintf("%d rows not taken: oauth2server cannot read them either", report.Unreadable))
	}
	for _, scope := range slices.Sorted(maps.Keys(report.LostScopes)) {
		t.row(fmt.Sprintf("scope %s: %d grants have it, no route has", scope, report.LostScopes[scope]))
	}
	if report.DrawnSecrets > 0 {
		t.row(fmt.Sprintf("%d clients have a secret that oauth2server has drawn. Such a secret can be computed from the client's id:", report.DrawnSecrets))
		t.row("  give them new ones (gatehouse client secret ID)")
	}
}
