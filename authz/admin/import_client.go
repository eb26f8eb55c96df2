package admin

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/authz/client"
	"gatehouse/authz/oauth2server"
	"gatehouse/registry"
)

// clientBatch is how many clients are stored together. Their secrets are hashed before, slowly: what is stored of a run that
// was broken off is not hashed again.
const clientBatch = 50

// clients takes those that are not here.
func (r *importing) clients(ctx context.Context, source *oauth2server.Source, at time.Time) error {
	all, err := source.Clients(ctx, at)
	if err != nil {
		return err
	}
	r.report.ReadClients = len(all)
	for batch := range slices.Chunk(all, clientBatch) {
		if err := r.clientBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (r *importing) clientBatch(ctx context.Context, batch []oauth2server.Client) error {
	ids := make([]string, len(batch))
	for i, c := range batch {
		ids[i] = c.ID
	}
	taken, err := r.Registry.TakenClientIDs(ctx, ids...)
	if err != nil {
		return err
	}
	var settings []client.Settings
	var from []oauth2server.Client
	for _, c := range batch {
		if deleted, is := taken[c.ID]; is && deleted {
			r.refuse(c, client.Settings{ID: c.ID, Name: c.Name}, "a client of this id was deleted here", true)
			continue
		} else if is {
			r.report.KnownClients++
			continue
		}
		s, notes, err := c.Settings()
		if err != nil {
			r.refuse(c, s, err.Error(), false)
			continue
		}
		if len(notes) > 0 {
			r.report.Changed = append(r.report.Changed, ChangedClient{ID: s.ID, Name: s.Name, Notes: notes})
		}
		settings, from = append(settings, s), append(from, c)
	}
	return r.store(ctx, settings, from)
}

func (r *importing) refuse(c oauth2server.Client, s client.Settings, why string, deleted bool) {
	var registrable []string
	for _, uri := range c.Redirects {
		if client.CheckRedirectURI(uri) == nil {
			registrable = append(registrable, uri)
		}
	}
	if most := oauth2server.MaxRedirects; len(registrable) > most {
		why += fmt.Sprintf("; %d redirect URIs that it has used are left out of the command, a client has %d at most: %s",
			len(registrable)-most, most, strings.Join(registrable[most:], " "))
		registrable = registrable[:most]
	}
	r.report.Refused = append(r.report.Refused, RefusedClient{
		ID: c.ID, Name: s.Name, Why: why, Redirects: registrable, Deleted: deleted, Public: c.Secret == "",
	})
}

func (r *importing) store(ctx context.Context, settings []client.Settings, from []oauth2server.Client) error {
	if r.run.Rehearse {
		for _, s := range settings {
			r.run.Clients[s.ID] = true
			r.report.Clients++
			if !s.Public && client.IsDrawn(s.ID, s.Secret) {
				r.report.DrawnSecrets++
			}
		}
		return nil
	}
	made, drawn, err := hashAll(settings)
	if err != nil {
		return err
	}
	for i := range made {
		made[i].CreatedAt = from[i].CreatedAt
	}
	created, err := r.by().CreateClients(ctx, made)
	if err != nil {
		return err
	}
	for i, c := range made {
		switch {
		case !created[c.ID]: // by another, just now
			r.report.KnownClients++
		default:
			r.report.Clients++
			if drawn[i] {
				r.report.DrawnSecrets++
			}
		}
	}
	return nil
}

// hashAll makes the clients, on all processors.
func hashAll(settings []client.Settings) (made []registry.Client, drawn []bool, err error) {
	made, drawn = make([]registry.Client, len(settings)), make([]bool, len(settings))
	problems := make([]error, len(settings))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range settings {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			made[i], drawn[i], problems[i] = settings[i].Import()
		})
	}
	all.Wait()
	for _, problem := range problems {
		if problem != nil {
			return nil, nil, problem
		}
	}
	return made, drawn, nil
}
