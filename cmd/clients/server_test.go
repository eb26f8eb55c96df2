package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is more than anything takes on a machine that has much else to do.
const patience = time.Minute

// directory is where the server is built and the libraries are installed, once for all tests.
var directory string

// gatehouse is the server, which all tests share.
var gatehouse server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if directory, err = os.MkdirTemp("", "gatehouse-clients-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(directory)
	build := exec.Command("go", "build", "-C", "../..", "-trimpath", "-o", filepath.Join(directory, "gatehouse"), "./cmd/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
		return 1
	}
	gatehouse.dir = filepath.Join(directory, "dev")
	if err := gatehouse.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := gatehouse.stop(); err != nil {
		fmt.Fprintf(os.Stderr, "the server did not end well: %v\n%s", err, &gatehouse.log)
		return 1
	}
	return code
}

// server is `gatehouse dev`: the server with a user, and with a route GET /hello for the scope hello:read.
type server struct {
	issuer, admin, password string
	// dir is where dev keeps its files, and configure writes more of its configuration there once the issuer is known; nil: it is as made.
	dir       string
	configure func(s *server) error

	command *exec.Cmd
	log     bytes.Buffer
	ended   chan struct{}
}

// start begins again when another program has taken the ports meanwhile.
func (s *server) start() (err error) {
	for range 3 {
		if err = s.tryStart(); err == nil {
			return nil
		}
	}
	return err
}

func (s *server) tryStart() error {
	public, admin, err := freeAddresses()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(public)
	if err != nil {
		return err
	}
	s.issuer, s.admin, s.ended = "http://localhost:"+port, "http://"+admin, make(chan struct{})
	if s.configure != nil {
		if err := s.configure(s); err != nil {
			return err
		}
	}
	s.command = exec.Command(filepath.Join(directory, "gatehouse"), "dev", "--dir", s.dir, "--demo-port", "0")
	s.command.Env = []string{
		"GATEHOUSE_LISTEN=" + public, "GATEHOUSE_ADMIN_LISTEN=" + admin, "GATEHOUSE_ISSUER=" + s.issuer, "GATEHOUSE_CLIENTS_REGISTRATION_MODE=open",
		"GATEHOUSE_CORS_ORIGINS=*",
	}
	s.command.Stderr = &s.log
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	kill := time.AfterFunc(patience, func() { _ = s.command.Process.Kill() })
	var said strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "stop ") {
		said.WriteString(lines.Text() + "\n")
	}
	password := regexp.MustCompile(`login demo and password (\w+)`).FindStringSubmatch(said.String())
	if !kill.Stop() || password == nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		return fmt.Errorf("the server does not start: %s\n%s", said.String(), s.log.String())
	}
	s.password = password[1]
	go func() {
		for lines.Scan() { // Wait may not be called before the pipe was read
		}
		close(s.ended)
	}()
	return nil
}

func (s *server) stop() error {
	err := s.command.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { _ = s.command.Process.Kill() })
	defer kill.Stop()
	<-s.ended
	return errors.Join(err, s.command.Wait())
}

func freeAddresses() (public, admin string, err error) {
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", "", err
		}
		defer listeners[i].Close()
	}
	return listeners[0].Addr().String(), listeners[1].Addr().String(), nil
}

// redirectURI is where nobody listens: the user tells the test where the browser was led.
const redirectURI = "http://localhost/callback"

// application is a client that is registered with the server.
type application struct {
	ID     string `json:"clientId"`
	Secret string `json:"clientSecret"`
}

// register registers a client that may use every grant. Its redirect URIs are good at any port.
func register(t *testing.T, public bool) application {
	t.Helper()
	return gatehouse.register(t, public, nil)
}

// register does so at another server, and with more settings.
func (s *server) register(t *testing.T, public bool, more map[string]any) application {
	t.Helper()
	grants := []string{"authorization_code", "refresh_token"}
	if !public {
		grants = append(grants, "client_credentials")
	}
	settings := map[string]any{
		"name": strings.TrimPrefix(strings.ReplaceAll(t.Name(), "_", " "), "Test"), "public": public, "grantTypes": grants,
		"redirectUris": []string{
			redirectURI, "http://localhost/connect/gatehouse/callback", "http://localhost/auth/callback/gatehouse", "http://127.0.0.1/callback",
		},
	}
	maps.Copy(settings, more)
	body, err := json.Marshal(settings)
	require.NoError(t, err)
	response, err := http.Post(s.admin+"/admin/clients", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	var registered application
	require.NoError(t, json.NewDecoder(response.Body).Decode(&registered))
	require.NotEmpty(t, registered.ID, "status %d", response.StatusCode)
	return registered
}
