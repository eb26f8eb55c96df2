package app_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

const nginxConfig = `
daemon off;
pid PLACE/pid;
error_log stderr crit;
events {}
http {
  access_log off;
  client_body_temp_path PLACE/body; proxy_temp_path PLACE/proxy; fastcgi_temp_path PLACE/fastcgi;
  uwsgi_temp_path PLACE/uwsgi; scgi_temp_path PLACE/scgi;
  client_header_timeout 3s; client_body_timeout 3s; keepalive_timeout 1s; large_client_header_buffers 4 32k;
  upstream gatehouse { server GATEHOUSE; keepalive 8; }
  server {
    listen FRONT;
    location / {
      proxy_pass http://gatehouse;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_request_buffering BUFFERING;
      client_max_body_size 0;
    }
  }
}
`

const haproxyConfig = `
global
  tune.bufsize 32768
defaults
  mode http
  timeout connect 5s
  timeout client 3s
  timeout server 10s
  timeout http-request 3s
  timeout http-keep-alive 1s
  http-reuse always
frontend front
  bind FRONT
  default_backend gatehouse
backend gatehouse
  server gatehouse GATEHOUSE
`

// TestNoRequestIsReadInTwoWaysBehindAProxy sends every case through a proxy that reads and writes it its own way, on
// connections that its callers share.
func TestNoRequestIsReadInTwoWaysBehindAProxy(t *testing.T) {
	for _, proxy := range []struct {
		name, binary, config string
		arguments            []string
	}{
		{"nginx", "nginx", strings.Replace(nginxConfig, "BUFFERING", "on", 1), []string{"-p", "PLACE", "-c"}},
		{"nginx that passes bodies on as they come", "nginx", strings.Replace(nginxConfig, "BUFFERING", "off", 1), []string{"-p", "PLACE", "-c"}},
		{"HAProxy", "haproxy", haproxyConfig, []string{"-db", "-f"}},
	} {
		t.Run(proxy.name, func(t *testing.T) {
			r, upstream, token := startRaw(t)
			front := startProxy(t, proxy.binary, proxy.config, r.app.Addr().String(), proxy.arguments...)
			passed := 0
			for _, c := range sendAll(t, front, token, nil) {
				whole, cut := upstream.of(c.id)
				passed += len(whole)
				require.LessOrEqual(t, len(whole)+cut, c.entitled(), c.name)
				for _, forwarded := range whole {
					require.NotContains(t, forwarded.target, "smuggled", c.name)
					require.Equal(t, []string{"7"}, forwarded.header["X-Gatehouse-Subject"], c.name)
				}
				if c.name == "many requests, in pieces of 1" {
					require.Len(t, whole, 12, "what is well-formed passes")
				}
			}
			t.Logf("%d requests passed", passed)
			require.Greater(t, passed, 50)
			upstream.requireNothingElse(t)
		})
	}
}

// startProxy runs a proxy in front of Gatehouse and returns its address.
func startProxy(t *testing.T, name, config, gatehouse string, arguments ...string) string {
	t.Helper()
	binary, err := exec.LookPath(name)
	if err != nil {
		binary = "/usr/sbin/" + name // which Debian keeps off the path of users
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skipf("needs %s, which make test installs", name)
	}
	address := gatewaytest.Unreachable(t)
	place := t.TempDir()
	placed := strings.NewReplacer("PLACE", place, "FRONT", address, "GATEHOUSE", gatehouse)
	for i := range arguments {
		arguments[i] = placed.Replace(arguments[i])
	}
	file := filepath.Join(place, "configuration")
	require.NoError(t, os.WriteFile(file, []byte(placed.Replace(config)), 0o600))
	command := exec.Command(binary, append(arguments, file)...)
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	require.NoError(t, command.Start())
	ended := make(chan string, 1)
	go func() { ended <- fmt.Sprint(command.Wait()) }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(startTimeout):
			_ = command.Process.Kill()
			<-ended
		}
	})
	require.Eventually(t, func() bool {
		select {
		case how := <-ended:
			ended <- how
			require.FailNow(t, "it has ended", "%s: %s", how, output.String())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, startTimeout, 10*time.Millisecond)
	return address
}
