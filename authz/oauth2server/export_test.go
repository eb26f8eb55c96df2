package oauth2server

import "context"

// Exec runs a statement in the source's transaction.
func (s *Source) Exec(ctx context.Context, statement string) error {
	_, err := s.tx.Exec(ctx, statement)
	return err
}
