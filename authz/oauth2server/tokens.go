package oauth2server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Token is what one consent has come to: an access token, a refresh token or both, of which at least one lives.
type Token struct {
	// Key tells it from others as long as it is there, whichever of its tokens live: it holds one of them.
	Key         string
	ClientID    string
	UserID      string // empty for a token of the client itself
	RedirectURI string
	Scopes      []string
	CreatedAt   time.Time // of this pair: when the code was redeemed, or the last refresh

	Access           string // empty: there is none, or it has expired
	AccessIssuedAt   time.Time
	AccessExpiresAt  time.Time
	AccessLifespan   time.Duration // 0: it has no end of its own
	Refresh          string        // empty: there is none, or it has expired
	RefreshIssuedAt  time.Time
	RefreshExpiresAt time.Time
}

// tokenData is a row's data, as github.com/go-oauth2/oauth2/v4 writes its models.Token. Durations are nanoseconds; 0 is no
// end.
type tokenData struct {
	ClientID         string
	UserID           string
	RedirectURI      string
	Scope            string
	Access           string
	AccessCreateAt   time.Time
	AccessExpiresIn  time.Duration
	Refresh          string
	RefreshCreateAt  time.Time
	RefreshExpiresIn time.Duration
}

const tokenPage = 1000

// tokensQuery skips codes, and what was refreshed or is about to be removed: oauth2server removes rows once they have
// expired, whatever their tokens say.
const tokensQuery = `SELECT id, created_at, expires_at, COALESCE(access, ''), COALESCE(refresh, ''), data::text FROM oauth2_tokens
WHERE id < $1 AND deleted_at IS NULL AND expires_at > $2 AND (access <> '' OR refresh <> '') ORDER BY id DESC LIMIT $3`

type tokenRow struct {
	id              int64
	createdAt       *time.Time
	expiresAt       time.Time
	access, refresh string
	data            string
}

// Tokens gives take everything that lives at a time, the newest first, in pages. unreadable counts rows that oauth2server
// itself could not read. An error of take is returned as it is.
func (s *Source) Tokens(ctx context.Context, at time.Time, take func([]Token) error) (unreadable int, err error) {
	for before := int64(math.MaxInt64); ; {
		rows, err := s.tx.Query(ctx, tokensQuery, before, at, tokenPage)
		if err != nil {
			return unreadable, fmt.Errorf("read tokens of oauth2server: %w", err)
		}
		read, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r tokenRow, err error) {
			err = row.Scan(&r.id, &r.createdAt, &r.expiresAt, &r.access, &r.refresh, &r.data)
			return r, err
		})
		if err != nil {
			return unreadable, fmt.Errorf("read tokens of oauth2server: %w", err)
		}
		var page []Token
		for _, row := range read {
			before = row.id
			token, ok := row.token(at)
			switch {
			case !ok:
				unreadable++
			case token.Access != "" || token.Refresh != "":
				page = append(page, token)
			}
		}
		if len(page) > 0 {
			if err := take(page); err != nil {
				return unreadable, err
			}
		}
		if len(read) < tokenPage {
			return unreadable, nil
		}
	}
}

// token is what the row is good for, by the rules of oauth2server: a token counts that is in its column and in data, and an
// access token ends with its refresh token.
func (r tokenRow) token(at time.Time) (t Token, ok bool) {
	var data tokenData
	if json.Unmarshal([]byte(r.data), &data) != nil || data.ClientID == "" || data.AccessCreateAt.IsZero() {
		return Token{}, false
	}
	if data.RefreshCreateAt.IsZero() {
		data.RefreshCreateAt = data.AccessCreateAt
	}
	t = Token{
		Key: cmp.Or(data.Refresh, data.Access), ClientID: data.ClientID, UserID: data.UserID, RedirectURI: data.RedirectURI, Scopes: strings.Fields(data.Scope),
		CreatedAt: data.AccessCreateAt.UTC(), AccessLifespan: data.AccessExpiresIn,
	}
	if r.createdAt != nil {
		t.CreatedAt = r.createdAt.UTC()
	}
	refreshEnd := end(data.RefreshCreateAt, data.RefreshExpiresIn, r.expiresAt)
	if r.refresh != "" && r.refresh == data.Refresh && refreshEnd.After(at) {
		t.Refresh, t.RefreshIssuedAt, t.RefreshExpiresAt = r.refresh, data.RefreshCreateAt.UTC(), refreshEnd
	}
	accessEnd := end(data.AccessCreateAt, data.AccessExpiresIn, r.expiresAt)
	if data.Refresh != "" && refreshEnd.Before(accessEnd) {
		accessEnd = refreshEnd
	}
	if r.access != "" && r.access == data.Access && accessEnd.After(at) {
		t.Access, t.AccessIssuedAt, t.AccessExpiresAt = r.access, data.AccessCreateAt.UTC(), accessEnd
	}
	return t, true
}

// end is when something ends that lasts so long, and no longer than its row.
func end(from time.Time, lasts time.Duration, row time.Time) time.Time {
	if until := from.Add(lasts); lasts != 0 && until.Before(row) {
		return until.UTC()
	}
	return row.UTC()
}
