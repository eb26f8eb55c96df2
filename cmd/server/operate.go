package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/client"
)

// operation is what all commands that work on the database have in common.
type operation struct {
	configPath *string
	needs      config.Needs
	actor      string
}

// actorFlag is for commands that change something.
func (o *operation) actorFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.actor, "actor", defaultActor(), "who the audit records name")
}

// run opens what the work needs and closes it again. The error of the work comes first.
func (o *operation) run(cmd *cobra.Command, work func(context.Context, *admin.Operator) error) (err error) {
	cfg, err := loadFor(*o.configPath, o.needs)
	if err != nil {
		return err
	}
	var untold error
	operator, closeAll, err := app.Operate(cmd.Context(), cfg, o.needs, o.actor, func(_ string, err error) { untold = err })
	if err != nil {
		return namingDatabase(err, cfg, *o.configPath)
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	if err := work(cmd.Context(), operator); err != nil || untold == nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), "Done, but servers that run could not be told, and may go by what the client was for up to %s: %s\n", client.Staleness, untold)
	return err
}

// loadFor reads the configuration. Its error is an errConfiguration that lists every problem of what is needed.
func loadFor(path string, needs config.Needs) (config.Config, error) {
	cfg, err := config.LoadForOperator(path, needs, os.Environ())
	if err != nil {
		return cfg, fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	return cfg, nil
}

// namingDatabase adds, to an error about the database, which one it is and who said so.
func namingDatabase(err error, cfg config.Config, path string) error {
	var database *app.DatabaseError
	if !errors.As(err, &database) {
		return err
	}
	return fmt.Errorf("%w\ndatabase_url is %s (%s)", err, cfg.DatabaseURL, config.DatabaseSource(path, os.Environ()))
}
