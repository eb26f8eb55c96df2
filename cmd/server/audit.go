package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/authz/admin"
	"gatehouse/registry"
)

// auditPage is how many records are read at once at most.
const auditPage = 500

func newAudit(configPath *string) *cobra.Command {
	audit := &cobra.Command{
		Use:     "audit",
		Short:   "See who changed what, and when",
		Example: "  gatehouse audit list",
	}
	audit.AddCommand(newAuditList(configPath))
	return audit
}

// auditRecord is a registry.AuditRecord for programs.
type auditRecord struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Target string    `json:"target"`
	Detail string    `json:"detail"`
}

func newAuditList(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	var before int64
	var limit int
	list := &cobra.Command{
		Use:   "list",
		Short: "List changes, newest first",
		Long: "Prints who changed a client, a grant, a token or a key, from the command line, over the admin API, or by\n" +
			"schedule. Each page ends with how to get the next one.",
		Example: "  gatehouse audit list\n" +
			"  gatehouse audit list --before 1200 --limit 100 --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || before < 0 {
				return misused(cmd, fmt.Errorf("--limit must be at least 1, and --before the id of a record"))
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				records, more, err := readAudit(ctx, operator.Registry, before, limit)
				if err != nil {
					return err
				}
				if err := out.print(cmd, records, func(t *table) { auditTable(t, records) }); err != nil || !more || out.json {
					return err
				}
				_, err = fmt.Fprintf(cmd.ErrOrStderr(), "There are older ones: --before %d\n", records[len(records)-1].ID)
				return err
			})
		},
	}
	list.Flags().Int64Var(&before, "before", 0, "only records before the one with this id")
	list.Flags().IntVar(&limit, "limit", 50, "how many records at most")
	out.flag(list)
	return list
}

// readAudit returns up to limit records from before one on, and whether there are more.
func readAudit(ctx context.Context, db *registry.Registry, before int64, limit int) (_ []auditRecord, more bool, err error) {
	records := []auditRecord{}
	after := registry.AuditRecord{ID: before}
	for {
		page, err := db.Audit(ctx, after, min(auditPage, limit+1))
		if err != nil || len(page) == 0 {
			return records, false, err
		}
		for _, r := range page {
			if len(records) == limit {
				return records, true, nil
			}
			records = append(records, auditRecord{r.ID, r.At, r.Actor, r.Action, r.Target, r.Detail})
		}
		after = page[len(page)-1]
	}
}

func auditTable(t *table, records []auditRecord) {
	t.row("ID", "AT", "ACTOR", "ACTION", "TARGET", "DETAIL")
	for _, r := range records {
		t.row(strconv.FormatInt(r.ID, 10), when(r.At), r.Actor, r.Action, r.Target, r.Detail)
	}
}
