package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/authz"
)

// operation is what the commands have in common that work on the database themselves.
type operation struct {
	configPath *string
	needs      app.Needs
	actor      string
}

// actorFlag is for commands that change something.
func (o *operation) actorFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.actor, "actor", defaultActor(), "who the audit records name")
}

// run opens what the work needs and closes it again. The error of the work comes first.
func (o *operation) run(cmd *cobra.Command, work func(context.Context, *authz.Operator) error) (err error) {
	config, err := loadFor(*o.configPath, o.needs)
	if err != nil {
		return err
	}
	operator, closeAll, err := app.Operate(cmd.Context(), config, o.needs, o.actor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	return work(cmd.Context(), operator)
}

// loadFor reads the configuration; its error lists every problem of what is needed and is one of configuration.
func loadFor(path string, needs app.Needs) (app.Config, error) {
	config, err := app.LoadForOperator(path, needs, os.Environ())
	if err != nil {
		return config, fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	return config, nil
}
