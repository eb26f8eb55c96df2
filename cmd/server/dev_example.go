package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

// serveExample serves an upstream for who has none yet. It answers with what the gateway told it about the caller.
func (d *devDemo) serveExample() ([]gateway.Route, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("example upstream: %w", err)
	}
	d.serve(listener, http.HandlerFunc(hello))
	return []gateway.Route{{
		Path: "/hello", Methods: []string{http.MethodGet}, Origin: "http://" + listener.Addr().String(),
		Scope: "hello:read", Description: "Be greeted by name.", Credential: "headers",
	}}, nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	told := map[string]string{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Gatehouse-") {
			told[name] = strings.Join(values, ", ")
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the gateway has gone when this fails
		"message": "Hello, " + r.Header.Get("X-Gatehouse-Subject") + "!", "the_gateway_says": told,
	})
}

// tell prints what to do next.
func (d *devDemo) tell(out io.Writer, cfg config.Config) error {
	var text strings.Builder
	if d.origin != "" {
		fmt.Fprintf(&text, "\nOpen %s, a demo application, and connect it.\n", d.origin)
	} else {
		fmt.Fprintf(&text, "\nThere is no demo application, because its client %q was deleted or disabled.\n", devClientID)
	}
	if d.password != "" {
		fmt.Fprintf(&text, "Sign in with login %s and password %s\n", devUser, d.password)
	}
	fmt.Fprintf(&text, `
server         %s
configuration  %s   (secrets are in it; put your own routes there)
clients        %s client create --config %s --name 'My application' --redirect-uri http://localhost:9999/callback
stop           Ctrl-C; it goes on from there when you start it again

`, cfg.Issuer, d.dir.config(), d.program, d.dir.config())
	_, err := io.WriteString(out, text.String())
	return err
}
