package main

import (
	"errors"
	"fmt"

	"gatehouse/authz/client"
	"gatehouse/authz/outbox"
	"gatehouse/keys"
	"gatehouse/registry"
)

// The exit codes tell a supervisor whether a restart may help, and a script whether another try may.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUndelivered = 4
	exitNotAll      = 5
)

const exitCodes = "Exit codes: 0 done; 1 failed; 2 the configuration or the command cannot be used, nothing was changed;\n" +
	"3 what was named does not exist; 4 a revocation is recorded but not every gateway knows of it yet: a running\n" +
	"server delivers it as soon as Redis can be reached, and so does the same command once more; 5 an import has gone through,\n" +
	"but for clients that it names and that somebody has to register."

var (
	errConfiguration = errors.New("configuration cannot be used")
	errUsage         = errors.New("command cannot be used")
	errNotFound      = errors.New("not found")
	errNotAll        = errors.New("not all was taken over")
)

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errConfiguration), errors.Is(err, errUsage), errors.Is(err, keys.ErrSealed):
		return exitUsage
	case errors.Is(err, outbox.ErrUndelivered):
		return exitUndelivered
	case errors.Is(err, errNotFound):
		return exitNotFound
	case errors.Is(err, errNotAll):
		return exitNotAll
	default:
		return exitFailure
	}
}

// explain turns an error of the operator's work into one that names what the command was given.
func explain(err error, kind, id string) error {
	var invalid *client.InvalidError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("%w:\n%w", errUsage, errors.Join(invalid.Problems...))
	case errors.Is(err, registry.ErrInvalid):
		return fmt.Errorf("%w: %w", errUsage, err)
	case errors.Is(err, registry.ErrNotFound):
		return fmt.Errorf("%s %q: %w", kind, id, errNotFound)
	case errors.Is(err, registry.ErrExists):
		return fmt.Errorf("%s %q exists already, or did", kind, id)
	default:
		return err
	}
}
