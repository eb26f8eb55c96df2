package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// TestConformance holds every database to the same contract, with a pool of its
// usual size and with a single connection.
func TestConformance(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		for name, options := range map[string][]registry.Option{
			"pool":           nil,
			"one connection": {registry.WithPoolSize(1)},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				conformance(t, func(t *testing.T) *world {
					c := newClock()
					return newWorld(t, open(t, db.url(t), append(options, registry.WithNow(c.Now))...), c)
				})
			})
		}
	})
}

func conformance(t *testing.T, open func(*testing.T) *world) {
	for name, test := range map[string]func(*testing.T, *world){
		"client round trip":                 clientRoundTrip,
		"client names":                      clientNames,
		"client update":                     clientUpdate,
		"client secret":                     clientSecret,
		"client deletion":                   clientDeletion,
		"client deletion outlives tokens":   clientDeletionOutlivesTokens,
		"client disabled":                   clientDisabled,
		"document client kept":              documentClientKept,
		"document clients bounded":          documentClientsBounded,
		"document client barred":            documentClientBarred,
		"purged document clients":           purgedDocumentClients,
		"purged against allowing":           purgedAgainstAllowing,
		"registration round trip":           registrationRoundTrip,
		"registration updated":              registrationUpdated,
		"registrations bounded":             registrationsBounded,
		"registrations bounded at once":     registrationsBoundedAtOnce,
		"registration allowed":              registrationAllowed,
		"registration ended":                registrationEnded,
		"registration barred":               registrationBarred,
		"purged registrations":              purgedRegistrations,
		"purged against registrations":      purgedAgainstRegistrations,
		"authorization round trip":          authorizationRoundTrip,
		"authorization refused":             authorizationRefused,
		"code redeemed":                     codeRedeemed,
		"code without refresh token":        codeWithoutRefreshToken,
		"code refused":                      codeRefused,
		"code reused":                       codeReused,
		"code reused after end":             codeReusedAfterEnd,
		"code redeemed at once":             codeRedeemedAtOnce,
		"refresh rotated":                   refreshRotated,
		"refresh grace":                     refreshGrace,
		"refresh replayed":                  refreshReplayed,
		"refresh replayed at once":          refreshReplayedAtOnce,
		"refresh replayed late":             refreshReplayedLate,
		"refresh reused":                    refreshReused,
		"refresh refused":                   refreshRefused,
		"refresh without grant":             refreshWithoutGrant,
		"refresh rotated at once":           refreshRotatedAtOnce,
		"refresh reused at once":            refreshReusedAtOnce,
		"refresh rotated against the end":   refreshRotatedAgainstTheEnd,
		"code redeemed against the end":     codeRedeemedAgainstTheEnd,
		"authorized against the deletion":   authorizedAgainstTheDeletion,
		"authorized against the disabling":  authorizedAgainstTheDisabling,
		"everything at once":                everythingAtOnce,
		"grant ended":                       grantEnded,
		"grants of a subject ended":         grantsOfSubjectEnded,
		"everything of a subject ended":     everythingOfSubjectEnded,
		"connections listed":                connectionsListed,
		"last used":                         lastUsed,
		"last used beside a lock":           lastUsedBesideALock,
		"token revoked":                     tokenRevoked,
		"grants bounded":                    grantsBounded,
		"grants bounded at once":            grantsBoundedAtOnce,
		"grants bounded, nobody asked":      grantsBoundedUnasked,
		"grants bounded, dead codes first":  grantsBoundedDeadCodesFirst,
		"grants from before the bound":      grantsFromBeforeTheBound,
		"many grants ended":                 manyGrantsEnded,
		"many grants of a client":           manyGrantsOfClient,
		"token revoked too often":           tokenRevokedTooOften,
		"token revoked too often at once":   tokenRevokedTooOftenAtOnce,
		"token of an ended grant":           tokenOfEndedGrant,
		"revocations in turn":               revocationsInTurn,
		"revocations of a subject":          revocationsOfSubject,
		"revocations delivered":             revocationsDelivered,
		"revocations delivered at once":     revocationsDeliveredAtOnce,
		"revocations delivered by one":      revocationsDeliveredByOne,
		"revocations marked beside a lock":  revocationsMarkedBesideALock,
		"revocations pending":               revocationsPending,
		"revocation raised while delivered": revocationRaisedWhileDelivered,
		"revocations in pages":              revocationsInPages,
		"signing key":                       signingKey,
		"signing key at once":               signingKeyAtOnce,
		"signing key added":                 signingKeyAdded,
		"signing key added at once":         signingKeyAddedAtOnce,
		"signing keys deleted":              signingKeysDeleted,
		"signing keys deleted at once":      signingKeysDeletedAtOnce,
		"signing key retained":              signingKeyRetained,
		"signing key revoked":               signingKeyRevoked,
		"signing keys revoked at once":      signingKeysRevokedAtOnce,
		"purged revocations":                purgedRevocations,
		"purged codes":                      purgedCodes,
		"purged grants":                     purgedGrants,
		"purged after the end":              purgedAfterTheEnd,
		"purged in batches":                 purgedInBatches,
		"purge cancelled":                   purgeCancelled,
		"purged at once":                    purgedAtOnce,
		"purged chain":                      purgedChain,
		"purged against traffic":            purgedAgainstTraffic,
		"grants imported":                   grantsImported,
		"grants imported at once":           grantsImportedAtOnce,
		"grants imported, the bound":        grantsImportedUpToTheBound,
		"grants imported stay ended":        grantsImportedStayEnded,
		"grants taken back":                 grantsTakenBack,
		"grants taken back meanwhile":       takenBackMeanwhile,
		"grants gone at their source":       grantsGoneAtTheirSource,
		"import rehearsed":                  importRehearsed,
		"imported tokens":                   importedTokens,
		"clients imported":                  clientsImported,
		"authorization request":             authorizationRequestRoundTrip,
		"authorization request once":        authorizationRequestOnce,
		"authorization request left out":    authorizationRequestLeftOut,
		"authorization request at once":     authorizationRequestAtOnce,
		"code renewed":                      codeRenewed,
		"code renewed against redemption":   codeRenewedAgainstRedemption,
		"session":                           sessionRoundTrip,
		"session ends by itself":            sessionEndsByItself,
		"sessions of a subject ended":       sessionsOfASubjectEnded,
		"sessions bounded":                  sessionsBounded,
		"sessions at once":                  sessionsAtOnce,
		"host sign-in":                      hostSignIn,
		"host sign-in at once":              hostSignInAtOnce,
		"pushed request":                    pushedRequest,
		"pushed request at once":            pushedRequestAtOnce,
		"pushed requests bounded":           pushedRequestsBounded,
		"pushed requests bounded at once":   pushedRequestsBoundedAtOnce,
		"purged sessions":                   purgedSessions,
		"budget spent":                      budgetSpent,
		"budget once":                       budgetOnce,
		"budget settled once":               budgetSettledOnce,
		"budget windows":                    budgetWindows,
		"budget with another period":        budgetPeriodChanged,
		"budget in another time zone":       budgetZoneChanged,
		"budget at once":                    budgetAtOnce,
		"budget settled against reserving":  budgetSettledAgainstReserving,
		"budget ensured":                    budgetEnsured,
		"budget decided with a grant":       budgetDecided,
		"spends inquired":                   spendsInquired,
		"spends listed and purged":          spendsListedAndPurged,
		"spends unsettled":                  spendsUnsettled,
		"spends of the same":                spendsOfTheSame,
		"audit records":                     auditRecords,
		"audit of traffic":                  auditOfTraffic,
		"audit or nothing":                  auditOrNothing,
		"invalid text":                      invalidText,
		"invalid arguments":                 invalidArguments,
		"times":                             times,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func invalidText(t *testing.T, w *world) {
	w.redeem()
	grant := registry.Grant{ID: "new", ClientID: "app", Subject: "ann"}
	code := registry.Code{Hash: "new", ExpiresAt: start.Add(codeLife)}
	later := start.Add(accessLife)
	for _, bad := range []string{"a\x00b", "a\xffb", "\x00"} {
		calls := map[string]error{
			"create id":           w.CreateClient(w.ctx, registry.Client{ID: bad}),
			"create name":         w.CreateClient(w.ctx, registry.Client{ID: "x", Name: bad}),
			"create redirect":     w.CreateClient(w.ctx, registry.Client{ID: "x", RedirectURIs: []string{"ok", bad}}),
			"create scope":        w.CreateClient(w.ctx, registry.Client{ID: "x", Scopes: []string{bad}}),
			"create grant type":   w.CreateClient(w.ctx, registry.Client{ID: "x", GrantTypes: []string{bad}}),
			"create secret":       w.CreateClient(w.ctx, registry.Client{ID: "x", SecretHash: bad}),
			"client":              second(w.Client(w.ctx, bad)),
			"update id":           second(w.UpdateClient(w.ctx, bad, func(*registry.Client) error { return nil })),
			"update url":          second(w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.URL = bad; return nil })),
			"secret id":           w.SetClientSecret(w.ctx, bad, "hash"),
			"secret":              w.SetClientSecret(w.ctx, "app", bad),
			"delete":              w.DeleteClient(w.ctx, bad, later),
			"disable":             w.DisableClient(w.ctx, bad, later),
			"authorize subject":   w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: "app", Subject: bad}, code),
			"authorize client":    w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: bad, Subject: "ann"}, code),
			"authorize scope":     w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: "app", Subject: "ann", Scopes: []string{bad}}, code),
			"authorize redirect":  w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: "app", Subject: "ann", RedirectURI: bad}, code),
			"revoke grant":        second(w.RevokeTokenOf(w.ctx, bad, "jti", later, 1)),
			"revoke jti":          second(w.RevokeTokenOf(w.ctx, "g1", bad, later, 1)),
			"pending":             second(w.PendingRevocation(w.ctx, registry.KindToken, bad)),
			"pending of":          second(w.PendingRevocationsOf(w.ctx, bad, 1)),
			"authorize challenge": w.Authorize(w.ctx, grant, registry.Code{Hash: "new", Challenge: bad, ExpiresAt: later}),
			"authorize hash":      w.Authorize(w.ctx, grant, registry.Code{Hash: bad, ExpiresAt: later}),
			"code":                third(w.Code(w.ctx, bad)),
			"redeem":              w.RedeemCode(w.ctx, bad, nil, later),
			"redeem first":        w.RedeemCode(w.ctx, "code-g1", &registry.RefreshToken{Hash: bad, ExpiresAt: later}, later),
			"refresh":             third(w.RefreshToken(w.ctx, bad)),
			"rotate":              w.rotate(bad, "next"),
			"rotate next":         w.rotate("refresh-g1", bad),
			"end":                 w.EndGrant(w.ctx, bad, "reason"),
			"end reason":          w.EndGrant(w.ctx, "g1", bad),
			"end subject":         second(w.EndGrants(w.ctx, bad, "app", "reason")),
			"end client":          second(w.EndGrants(w.ctx, "ann", bad, "reason")),
			"end everything":      second(w.EndGrantsOfSubject(w.ctx, bad, "reason")),
			"grant":               second(w.Grant(w.ctx, bad)),
			"connections":         second(w.ConnectionsOf(w.ctx, bad)),
			"live grants":         second(w.LiveGrants(w.ctx, bad, "app", 1)),
			"live grants client":  second(w.LiveGrants(w.ctx, "ann", bad, 1)),
			"uses":                second(w.RecordUses(w.ctx, []registry.Use{{GrantID: bad, On: start}})),
			"revoke":              w.RevokeToken(w.ctx, bad, later),
			"revoked token":       second(w.Revoked(w.ctx, bad, "", "")),
			"revoked grant":       second(w.Revoked(w.ctx, "", bad, "")),
			"revoked client":      second(w.Revoked(w.ctx, "", "", bad)),
			"delivered":           w.MarkDelivered(w.ctx, []registry.Revocation{{Kind: registry.KindToken, ID: bad, ExpiresAt: later}}),
			"page":                second(w.LiveRevocations(w.ctx, registry.Revocation{ID: bad}, 1)),
			"request":             second(w.AuthorizationRequest(w.ctx, bad)),
			"request id":          w.CreateAuthorizationRequest(w.ctx, registry.AuthorizationRequest{ID: bad, BrowserHash: "b", ClientID: "app", CreatedAt: start, ExpiresAt: later}),
			"request parameter": w.CreateAuthorizationRequest(w.ctx, registry.AuthorizationRequest{
				ID: "r", BrowserHash: "b", ClientID: "app", CreatedAt: start, ExpiresAt: later, Parameters: map[string]string{"state": bad},
			}),
			"request refused": w.RefuseRequest(w.ctx, bad, "s"),
			"request allowed": w.decide("r", bad, "g"),
			"code renewed":    w.RenewCode(w.ctx, "r", "s", bad, later),
			"session":         second(w.Session(w.ctx, bad)),
			"session hash":    w.BeginSession(w.ctx, w.session(bad, "ann"), "", "", 1),
			"session subject": w.BeginSession(w.ctx, w.session("s", bad), "", "", 1),
			"session before":  w.BeginSession(w.ctx, w.session("s", "ann"), bad, "", 1),
			"session touched": w.TouchSession(w.ctx, bad, later),
			"session ended":   w.EndSession(w.ctx, bad),
			"sessions ended":  second(w.EndSessionsOf(w.ctx, bad)),
			"sign-in":         w.BeginSignIn(w.ctx, registry.SignIn{StateHash: bad, BrowserHash: "b", ExpiresAt: later}),
			"sign-in answer":  w.AnswerSignIn(w.ctx, "s", "a", bad),
			"sign-in finish":  second(w.FinishSignIn(w.ctx, bad, "a", "b")),

			"key":         second(w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k", Sealed: bad})),
			"key added":   second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: bad})),
			"key deleted": w.DeleteSigningKeys(w.ctx, bad),
		}
		for name, err := range calls {
			require.ErrorIs(t, err, registry.ErrInvalid, "%s %q", name, bad)
		}
	}
	require.NoError(t, w.rotate("refresh-g1", "next"), "a refused call left something behind")
}

func always(registry.SigningKey) bool { return true }

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

func invalidArguments(t *testing.T, w *world) {
	w.redeem()
	later := w.Now().Add(accessLife)
	for name, err := range map[string]error{
		"empty client id":       w.CreateClient(w.ctx, registry.Client{}),
		"no subject":            w.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app"}, registry.Code{Hash: "h", ExpiresAt: later}),
		"negative lifespan":     w.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app", Subject: "ann", AccessLifespan: -1}, registry.Code{Hash: "h", ExpiresAt: later}),
		"a resource with NUL":   w.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app", Subject: "ann", Resources: []string{"a\x00"}}, registry.Code{Hash: "h", ExpiresAt: later}),
		"code without expiry":   w.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app", Subject: "ann"}, registry.Code{Hash: "h"}),
		"code of another grant": w.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app", Subject: "ann"}, registry.Code{Hash: "h", GrantID: "g1", ExpiresAt: later}),
		"no access expiry":      w.RedeemCode(w.ctx, "code-g1", nil, time.Time{}),
		"token without expiry":  rotate(w.Registry, "refresh-g1", registry.RefreshToken{Hash: "next"}, grace, later),
		"token without hash":    rotate(w.Registry, "refresh-g1", registry.RefreshToken{ExpiresAt: later}, grace, later),
		"token of another grant": rotate(w.Registry, "refresh-g1",
			registry.RefreshToken{Hash: "next", GrantID: "g2", ExpiresAt: later}, grace, later),
		"its own successor": w.rotate("refresh-g1", "refresh-g1"),
		"year 10000":        w.RevokeToken(w.ctx, "jti", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"no deny time":      w.DeleteClient(w.ctx, "app", time.Time{}),
		"disabled, no time": w.DisableClient(w.ctx, "app", time.Time{}),
		"empty jti":         w.RevokeToken(w.ctx, "", later),
		"no grants": second(w.Registry.Authorize(w.ctx, registry.Grant{ID: "g", ClientID: "app", Subject: "ann"},
			registry.Code{Hash: "h", ExpiresAt: later}, 0)),
		"no grant":           second(w.RevokeTokenOf(w.ctx, "", "jti", later, 1)),
		"negative bound":     second(w.RevokeTokenOf(w.ctx, "g1", "jti", later, -1)),
		"no limit":           second(w.PendingRevocations(w.ctx, 0)),
		"no sessions":        w.BeginSession(w.ctx, w.session("s", "ann"), "", "", 0),
		"session of nobody":  w.BeginSession(w.ctx, w.session("s", ""), "", "", 1),
		"sessions of nobody": second(w.EndSessionsOf(w.ctx, "")),
		"request of no browser": w.CreateAuthorizationRequest(w.ctx,
			registry.AuthorizationRequest{ID: "r", ClientID: "app", CreatedAt: start, ExpiresAt: later}),
		"request without end": w.CreateAuthorizationRequest(w.ctx,
			registry.AuthorizationRequest{ID: "r", BrowserHash: "b", ClientID: "app", CreatedAt: start}),
		"request of no session": w.decide("r", "", "g"),
		"no purge limit":        second(w.Purge(w.ctx, margin, 0)),
		"negative margin":       second(w.Purge(w.ctx, -1, 1)),
		"no audit limit":        second(w.Audit(w.ctx, registry.AuditRecord{}, 0)),
		"key without id":        second(w.EnsureSigningKey(w.ctx, registry.SigningKey{})),
		"key added without":     second(w.AddSigningKey(w.ctx, always, registry.SigningKey{})),
		"key out of range": second(w.AddSigningKey(w.ctx, always,
			registry.SigningKey{ID: "k", SignsFrom: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})),
		"empty key deleted": w.DeleteSigningKeys(w.ctx, "k", ""),
	} {
		require.ErrorIs(t, err, registry.ErrInvalid, name)
	}
	require.NoError(t, w.rotate("refresh-g1", "next"), "a refused call left something behind")
}

// times come back as the same instant, in UTC, to the microsecond; also those
// whose fraction ends in zeros or is none, which sort as text only with care.
func times(t *testing.T, w *world) {
	zone := time.FixedZone("", 5*3600+1800)
	base := time.Date(2031, 2, 4, 10, 30, 0, 0, zone)
	var want []time.Time
	for i, fraction := range []time.Duration{
		0, 1 * time.Microsecond, 10 * time.Microsecond, 99999 * time.Microsecond, 100 * time.Millisecond,
		100001 * time.Microsecond, 500 * time.Millisecond, 510 * time.Millisecond, 999999999,
	} {
		at := base.Add(fraction)
		want = append(want, stored(at))
		require.NoError(t, w.RevokeToken(w.ctx, string(rune('a'+i)), at))
	}
	for i := range want {
		w.Set(want[i].Add(-time.Nanosecond))
		pending, err := w.PendingRevocations(w.ctx, 100)
		require.NoError(t, err)
		require.Len(t, pending, len(want)-i, "before %v", want[i])
		for j, revocation := range pending {
			require.Equal(t, want[i+j], revocation.ExpiresAt)
		}
		w.Set(want[i])
		pending, err = w.PendingRevocations(w.ctx, 100)
		require.NoError(t, err)
		require.Len(t, pending, len(want)-i-1, "at %v", want[i])
	}
}
