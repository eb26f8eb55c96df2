package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestHowLongAPushedRequestIsGoodIsWithinTheBoundsOfTheStandard(t *testing.T) {
	for lifespan, want := range map[time.Duration]string{
		5*time.Second - 1:    "5s",
		0:                    "5s",
		-time.Minute:         "5s",
		5 * time.Second:      "",
		time.Minute:          "",
		10 * time.Minute:     "",
		10*time.Minute + 1:   "10m",
		7 * time.Second / 2:  "5s",
		11 * time.Second / 2: "second",
		24 * 365 * time.Hour: "10m",
	} {
		c := config.Default()
		c.Pushed.Lifespan = lifespan
		err := c.Validate(config.AuthzOnly)
		if want == "" {
			if err != nil {
				require.NotContains(t, err.Error(), "pushed_requests", lifespan)
			}
			continue
		}
		require.ErrorContains(t, err, "pushed_requests.lifespan")
		require.ErrorContains(t, err, want, lifespan)
	}
}
