package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheAuditIsPaged(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		require.Equal(t, "ID  AT  ACTOR  ACTION  TARGET  DETAIL\n", s.ok("audit", "list"))
		for i := range 5 {
			s.ok("client", "create", "--name", fmt.Sprint("client ", i), "--domain", "https://x.example", "--actor", fmt.Sprint("person ", i))
		}
		all := s.list("audit", "list")
		require.Len(t, all, 5)
		require.Equal(t, []string{"action", "actor", "at", "detail", "id", "target"}, keysOf(all[0]))
		require.Equal(t, "person 4", all[0]["actor"])
		at, err := time.Parse(time.RFC3339, all[0]["at"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Hour)

		var seen []map[string]any
		for before := "0"; ; {
			page := s.list("audit", "list", "--limit", "2", "--before", before)
			if len(page) == 0 {
				break
			}
			seen = append(seen, page...)
			before = strconv.Itoa(int(page[len(page)-1]["id"].(float64)))
		}
		require.Equal(t, all, seen)

		page := s.run("audit", "list", "--limit", "2")
		require.Zero(t, page.code)
		require.Equal(t, 3, strings.Count(page.stdout, "\n"))
		require.Contains(t, page.stderr, fmt.Sprintf("--before %.0f", all[1]["id"]))
		require.Empty(t, s.run("audit", "list", "--limit", "5").stderr, "there are no more")
	})
}

func TestTheActorIsWhoeverIsAtTheTerminal(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	host, err := os.Hostname()
	require.NoError(t, err)
	s.ok("client", "create", "--name", "x", "--domain", "https://x.example")
	actor := s.list("audit", "list")[0]["actor"].(string)
	require.Regexp(t, `^cli .+@`, actor)
	require.True(t, strings.HasSuffix(actor, "@"+host), actor)

	s.refused(2, "identifier is empty", "client", "create", "--name", "y", "--domain", "https://x.example", "--actor", "")
	require.Len(t, s.list("client", "list"), 1, "what nobody did is not done")
}

func TestAnActorIsOneLine(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	for _, actor := range []string{"me\n12 2030-01-01 somebody else", "me\x1b[2K", "me\u202e"} {
		s.refused(2, "not printed", "client", "create", "--name", "y", "--domain", "https://x.example", "--actor", actor)
	}
	require.Empty(t, s.list("audit", "list"))
	s.ok("client", "create", "--name", "y", "--domain", "https://x.example", "--actor", "Jürgen (on call)")
}
