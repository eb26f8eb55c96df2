package deploy_test

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

func loadCompose(t *testing.T, environment map[string]string) (*types.Project, error) {
	t.Helper()
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml"}},
		Environment: maps.Clone(environment), // to which it adds
	}, func(o *loader.Options) { o.SetProjectName("gatehouse", true) })
}

// exampleEnvironment is .env.example, filled in.
func exampleEnvironment(t *testing.T) map[string]string {
	t.Helper()
	environment := map[string]string{}
	for line := range strings.Lines(readFile(t, ".env.example")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		require.True(t, ok, line)
		require.Empty(t, value, "a secret that everyone knows is worse than none")
		environment[name] = strings.Repeat("0123456789abcdef", 4)
	}
	return environment
}

func TestComposeStartsNothingWithoutItsSecrets(t *testing.T) {
	environment := exampleEnvironment(t)
	project, err := loadCompose(t, environment)
	require.NoError(t, err)
	require.NotEmpty(t, project.Services)
	for name := range environment {
		for _, missing := range []func(map[string]string){
			func(e map[string]string) { delete(e, name) },
			func(e map[string]string) { e[name] = "" },
		} {
			without := exampleEnvironment(t)
			missing(without)
			_, err := loadCompose(t, without)
			require.ErrorContains(t, err, ".env.example", name)
		}
	}
}

// gatehouse returns the services that run a role, by name.
func gatehouse(project *types.Project, role string) map[string]types.ServiceConfig {
	found := map[string]types.ServiceConfig{}
	for name, service := range project.Services {
		if slices.Equal(service.Command, types.ShellCommand{role}) {
			found[name] = service
		}
	}
	return found
}

func environmentOf(service types.ServiceConfig) map[string]string {
	values := map[string]string{}
	for name, value := range service.Environment {
		values[name] = *value
	}
	return values
}

func TestComposeGivesEachRoleWhatItNeeds(t *testing.T) {
	project, err := loadCompose(t, exampleEnvironment(t))
	require.NoError(t, err)
	config := parseConfig(t, readFile(t, "config.yaml"))
	for role, count := range map[string]int{"authz": 2, "gateway": 3} {
		services := gatehouse(project, role)
		require.Len(t, services, count)
		for name, service := range services {
			environment := environmentOf(service)
			for variable := range environment {
				requireKnown(t, variable)
			}
			output, err := check(t, role, "config.yaml", environment)
			require.NoError(t, err, "%s: %s", name, output)
			_, hasDatabase := service.Networks["database"]
			require.Equal(t, role == "authz", hasDatabase, name)
			if role == "gateway" {
				require.NotContains(t, environment, "GATEHOUSE_DATABASE_URL")
				require.NotContains(t, environment, "GATEHOUSE_KEYS_SECRET")
			}
			for _, variable := range []string{"GATEHOUSE_DATABASE_URL", "GATEHOUSE_REDIS_URL"} {
				requireReachable(t, project, service, environment[variable])
			}
			require.Greater(t, time.Duration(*service.StopGracePeriod), config.Shutdown.Delay+config.Shutdown.Timeout)
			require.Positive(t, config.Shutdown.Delay)
		}
	}
}

// requireReachable fails unless the host of a URL is a service, or an alias of one, on a network of this one.
func requireReachable(t *testing.T, project *types.Project, from types.ServiceConfig, target string) {
	t.Helper()
	if target == "" {
		return
	}
	parsed, err := url.Parse(target)
	require.NoError(t, err)
	for name, service := range project.Services {
		for network, attachment := range service.Networks {
			if _, shared := from.Networks[network]; shared &&
				(name == parsed.Hostname() || attachment != nil && slices.Contains(attachment.Aliases, parsed.Hostname())) {
				return
			}
		}
	}
	require.Fail(t, from.Name+" cannot reach "+parsed.Hostname())
}

func TestComposeAgreesWithTheConfigurationOfItsParts(t *testing.T) {
	project, err := loadCompose(t, exampleEnvironment(t))
	require.NoError(t, err)
	config := parseConfig(t, readFile(t, "config.yaml"))
	balancer := project.Services["load-balancer"]
	address := balancer.Networks["edge"].Ipv4Address
	require.Equal(t, []string{address}, config.TrustedProxies)

	haproxy := readFile(t, "haproxy.cfg")
	for _, role := range roles {
		for name, service := range gatehouse(project, role) {
			require.Contains(t, haproxy, "    server "+name+" "+name+config.Listen+"\n")
			require.Equal(t, []string{service.Networks["edge"].Ipv4Address}, balancer.ExtraHosts[name])
			require.Contains(t, balancer.DependsOn, name)
			requireReachable(t, project, service, config.Keys.JWKSURL)
			requireReachable(t, project, service, config.Budgets.URL)
			requireReachable(t, project, service, config.Routes[0].Origin)
		}
	}
	require.Equal(t, config.Budgets.Listen, ":"+hostPort(t, config.Budgets.URL))
	require.NotContains(t, haproxy, config.Budgets.Listen, "only gateways may spend")
	for name := range balancer.ExtraHosts {
		require.Contains(t, project.Services, name)
	}
	published := balancer.Ports[0]
	require.Equal(t, "http://localhost:"+published.Published, config.Issuer)
	require.Contains(t, haproxy, "bind :"+itoa(int(published.Target))+"\n")
	require.Equal(t, len(roles), strings.Count(haproxy, "check port "+strings.TrimPrefix(config.Admin.Listen, ":")+" "))
	require.Contains(t, readFile(t, "upstream.conf"), "listen "+hostPort(t, config.Routes[0].Origin)+";")
}

func hostPort(t *testing.T, text string) string {
	t.Helper()
	parsed, err := url.Parse(text)
	require.NoError(t, err)
	return parsed.Port()
}

var pinned = regexp.MustCompile(`^[a-z]+:\d+\.\d+(\.\d+)?(-alpine)?$`)

func TestComposeServicesComeBackAndSayHowTheyAre(t *testing.T) {
	project, err := loadCompose(t, exampleEnvironment(t))
	require.NoError(t, err)
	for name, service := range project.Services {
		require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
		require.NotNil(t, service.HealthCheck, name)
		require.Equal(t, "CMD", service.HealthCheck.Test[0], "%s: not every image has a shell", name)
		require.Regexp(t, pinned, service.Image, name)
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s: nothing here speaks TLS", name)
		}
	}
	for _, argument := range [][]string{{"--appendonly", "yes"}, {"--maxmemory-policy", "noeviction"}} {
		command := project.Services["redis"].Command
		at := slices.Index(command, argument[0])
		require.Positive(t, at)
		require.Equal(t, argument[1], command[at+1])
	}
}
