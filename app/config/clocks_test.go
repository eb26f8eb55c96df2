package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/denylist"
)

func TestWhatAllowsForClocksThatDifferFitsTogether(t *testing.T) {
	require.LessOrEqual(t, maxClockLeeway, keyring.ClockSkew)
	require.GreaterOrEqual(t, denylist.ClockMargin, 2*keyring.ClockSkew)
	require.Greater(t, outbox.PurgeMargin, denylist.ClockMargin)
	require.Greater(t, keyring.Retention, outbox.PurgeMargin)

	usual := Default()
	require.LessOrEqual(t, usual.ClockLeeway, maxClockLeeway)
	require.GreaterOrEqual(t, usual.PublishSlack(), minPublishSlack)
}
