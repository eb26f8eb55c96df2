package gateway

import (
	"gatehouse/gateway/internal/lastused"
	"gatehouse/keys"
)

// UseReporter is told on which day grants were used, in the background and in batches.
type UseReporter = lastused.Reporter

// noteUses begins to note uses, if anybody wants to know.
func (g *Gateway) noteUses(config *Config) {
	if config.Uses == nil {
		return
	}
	g.uses = lastused.New(config.Uses, config.Now, config.Log)
	g.background.Go(func() { g.uses.Run(g.running) })
}

// noteUse notes that a request with a token passes. A request that stays open, a WebSocket say, counts on the day on which
// it began.
func (g *Gateway) noteUse(claims *keys.Claims) {
	if g.uses != nil {
		g.uses.Use(claims)
	}
}

// UsesDropped is how many requests have passed without a note that their grant was used: too many others waited to be
// reported.
func (g *Gateway) UsesDropped() int64 {
	if g.uses == nil {
		return 0
	}
	return g.uses.Dropped()
}
