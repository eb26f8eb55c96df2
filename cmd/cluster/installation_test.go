package cluster_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	hostSecret = "the secret of the host application"
	keysSecret = "0123456789abcdef0123456789abcdef"
	// startPatience is for how long a gateway that starts waits for the JWKS before it warns.
	startPatience = 10 * time.Second
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "gatehouse/cmd/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// server is one Gatehouse process.
type server struct {
	*process
	address string
	admin   string
	budgets string // of an authorization server: where gateways ask
}

func (s *server) url() string { return "http://" + s.address }

// installation is everything that runs in production, on one machine.
type installation struct {
	t        *testing.T
	postgres *process
	database string // its URL
	redis    *redisServer
	authz    []*server
	gateways []*server
	upstream *httptest.Server

	// issuer is the authorization servers behind their load balancer, front the gateways behind theirs. The gateways have one to
	// where the authorization servers keep budgets.
	issuer    string
	front     string
	balancers []*balancer
	// environment is that of an authorization server, which commands have, too.
	environment []string
}

// install starts everything. settings are added to the configuration of all servers.
func install(t *testing.T, settings ...string) *installation {
	t.Helper()
	in := &installation{t: t}
	var databaseURL, redisURL string
	in.postgres, databaseURL = newPostgres(t)
	in.database = databaseURL
	in.redis, redisURL = newRedis(t)
	in.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"balance":1}`))
	}))
	t.Cleanup(in.upstream.Close)

	issuerListener, frontListener, budgetsListener := listen(t), listen(t), listen(t)
	in.issuer, in.front = "http://"+issuerListener.Addr().String(), "http://"+frontListener.Addr().String()
	config := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(strings.NewReplacer("ISSUER", in.issuer, "UPSTREAM", in.upstream.URL).Replace(`
issuer: ISSUER
routes:
  - {path: /balance, methods: [GET], origin: UPSTREAM, scope: "balance:read", description: Read your balance., credential: lndhub}
`)+strings.Join(settings, "")), 0o600))
	shared := []string{
		"GATEHOUSE_CONFIG=" + config, "GATEHOUSE_REDIS_URL=" + redisURL, "GATEHOUSE_JWT_SECRET=" + hostSecret,
	}
	in.environment = append(slices.Clone(shared), "GATEHOUSE_DATABASE_URL="+databaseURL, "GATEHOUSE_KEYS_SECRET="+keysSecret)
	for i := range 2 {
		in.authz = append(in.authz, newServer(t, fmt.Sprintf("authz %d", i+1), "authz", in.environment))
	}
	for i := range 3 {
		in.gateways = append(in.gateways, newServer(t, fmt.Sprintf("gateway %d", i+1), "gateway", append(shared,
			"GATEHOUSE_KEYS_JWKS_URL="+in.issuer+"/.well-known/jwks.json", "GATEHOUSE_BUDGETS_URL=http://"+budgetsListener.Addr().String())))
	}
	// All at once, on an empty database: they have to agree on its schema and on one key.
	began := time.Now()
	for _, s := range in.servers() {
		s.launch()
	}
	in.balancers = []*balancer{
		newBalancer(t, issuerListener, in.authz...), newBalancer(t, frontListener, in.gateways...),
		newBudgetsBalancer(t, budgetsListener, in.authz...),
	}
	for _, b := range in.balancers {
		b.awaitAll(t)
	}
	isSlow := time.Since(began) > startPatience
	for _, s := range in.servers() {
		for line := range strings.Lines(s.output.String()) {
			if isSlow && strings.Contains(line, "JWKS cannot be read and never was") {
				continue // on a slow machine the authorization servers were not there in time
			}
			require.NotRegexp(t, `"level":"(WARN|ERROR)"`, line, "%s has no reason to warn", s.name)
		}
	}
	return in
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func (in *installation) servers() []*server {
	return append(append([]*server{}, in.authz...), in.gateways...)
}

func newServer(t *testing.T, name, role string, environment []string) *server {
	t.Helper()
	s := &server{address: freeAddress(t), admin: freeAddress(t)}
	if role == "authz" {
		s.budgets = freeAddress(t)
		environment = append(slices.Clone(environment), "GATEHOUSE_BUDGETS_LISTEN="+s.budgets)
	}
	s.process = &process{
		t: t, name: name,
		command: func() *exec.Cmd {
			cmd := exec.Command(binary, role)
			cmd.Env = append(append([]string{}, environment...), "GATEHOUSE_LISTEN="+s.address, "GATEHOUSE_ADMIN_LISTEN="+s.admin)
			return cmd
		},
		ready: answers("http://" + s.admin + "/readyz"),
	}
	t.Cleanup(s.kill)
	return s
}
