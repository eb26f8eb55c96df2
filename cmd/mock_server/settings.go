package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"

	"gatehouse/cmd/demoapp"
	"gatehouse/gateway"
)

const usage = `mock_server runs Gatehouse with demo data and a demo wallet behind it, in one process, for development. It needs no
file and no other server, keeps everything in memory, and prints the link of a demo application to click through, and the demo
users, clients and tokens.

Usage: mock_server [--tour]

  --tour            print commands to try, too; the demo application's /tour has the same

Environment:
  PORT              port of the authorization server and gateway on 127.0.0.1; 0 takes a free one   (default 8081)
  MOCK_SERVER_PORT  port of the demo wallet on 127.0.0.1; 0 takes a free one                        (default 3000)
  DEMO_PORT         port of the demo application on 127.0.0.1; a free one where it is taken, or 0   (default 8080)
  JWT_SECRET        signs the user's JWT and the gateway's credential to the wallet                (default 12345)
  TARGET_FILE       a targets.json with the routes to use instead of the demo wallet's
  NO_COLOR          if set, no bold print on a terminal
`

// settings is what the environment decides.
type settings struct {
	port, walletPort, demoPort int

	jwtSecret []byte
	routes    []gateway.Route // of TARGET_FILE; nil means the demo wallet's
}

// readSettings reports everything that is wrong with the environment at once.
func readSettings(getenv func(string) string) (settings, error) {
	var s settings
	var problems [4]error
	s.port, problems[0] = readPort("PORT", cmp.Or(getenv("PORT"), "8081"))
	s.walletPort, problems[1] = readPort("MOCK_SERVER_PORT", cmp.Or(getenv("MOCK_SERVER_PORT"), "3000"))
	s.demoPort, problems[2] = readPort("DEMO_PORT", cmp.Or(getenv("DEMO_PORT"), strconv.Itoa(demoapp.Port)))
	s.jwtSecret = []byte(cmp.Or(getenv("JWT_SECRET"), "12345"))
	if file := getenv("TARGET_FILE"); file != "" {
		s.routes, problems[3] = readTargets(file)
	}
	return s, errors.Join(problems[:]...)
}

func readPort(name, text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a port number", name, text)
	}
	return int(port), nil
}

func readTargets(file string) ([]gateway.Route, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("TARGET_FILE: %w", err)
	}
	routes, _, err := gateway.ParseTargets(data)
	if err != nil {
		return nil, fmt.Errorf("TARGET_FILE %s: %w", file, err)
	}
	return routes, nil
}
