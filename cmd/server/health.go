package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
)

const (
	// healthTimeout is more than the server itself takes to find out, so that its answer arrives.
	healthTimeout = 3 * time.Second
	// healthReportLimit bounds what is read of an answer that may not be Gatehouse's.
	healthReportLimit = 4 << 10
)

func newHealth(configPath *string) *cobra.Command {
	var base string
	var live bool
	health := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is ready",
		Long: "Asks /readyz of the admin listener that is configured and prints nothing when all is well. Otherwise it says\n" +
			"what is wrong and ends with exit code 1, after 3 seconds at the latest. A container's health check needs no\n" +
			"shell for it, and no valid configuration: what is wrong with it is for the server to say.",
		Example: "  gatehouse health\n" +
			"  gatehouse health --live\n" +
			"  gatehouse health --url http://gateway-1:8082",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if base == "" {
				base = adminURL(*configPath)
			}
			path := "/readyz"
			if live {
				path = "/healthz"
			}
			return probe(cmd.Context(), strings.TrimSuffix(base, "/")+path)
		},
	}
	health.Flags().StringVar(&base, "url", "", "URL of the admin listener, instead of the configured one")
	health.Flags().BoolVar(&live, "live", false, "ask only whether the server is alive (/healthz)")
	return health
}

// adminURL is the admin listener of the server that has this configuration. What cannot be read of the configuration has
// its default.
func adminURL(configPath string) string {
	cfg, _ := config.Load(configPath, config.GatewayOnly, os.Environ())
	host, port, err := net.SplitHostPort(cfg.Admin.Listen)
	if err != nil {
		return "http://" + cfg.Admin.Listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // Go serves it on :: too, and a container may have no ::1
	}
	return "http://" + net.JoinHostPort(host, port)
}

// probe returns nil when url answers 200 in time. A redirect is not an answer, and no proxy is asked.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	report, err := io.ReadAll(io.LimitReader(response.Body, healthReportLimit))
	if err != nil {
		return fmt.Errorf("%s: %s: %w", url, response.Status, err)
	}
	return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(report)))
}
