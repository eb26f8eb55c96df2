package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/authz/client"
)

// devDirectory is where dev keeps everything: config.yaml, the database, and the password of the demo user. Nobody but its
// owner can read it, and git leaves it out.
type devDirectory struct{ path, password string }

func (d devDirectory) config() string { return filepath.Join(d.path, "config.yaml") }

func (d devDirectory) passwordFile() string { return filepath.Join(d.path, "demo-password") }

// devConfiguration is config.yaml as it is made at the first start.
const devConfiguration = `# Made by gatehouse dev, which reads it at each start. Change it as you like: docs/configuration.md has every key.
# Whoever reads the secrets can be any user.
database_url: %q
redis_url: "embedded:"
jwt_secret: %s    # a host application signs its users' JWTs with it
keys:
  secret: %s    # the database's signing keys open with this one alone
cors:
  origins: ["*"]    # applications under development run anywhere
log:
  format: text

# What is behind the gateway. As long as there is nothing, dev answers GET /hello itself. docs/routes.md has every key.
#
# routes:
#   - path: /orders
#     methods: [GET]
#     origin: http://localhost:3000
#     scope: orders:read
#     description: Read your orders.
#     credential: headers
`

// openDevDirectory returns the directory, and makes what is missing in it. What is there stays as it is.
func openDevDirectory(path string) (devDirectory, error) {
	d := devDirectory{path: path}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return d, err
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return d, err
	}
	database := "sqlite:" + filepath.Join(absolute, "gatehouse.db")
	if err := writeOnce(d.config(), fmt.Sprintf(devConfiguration, database, client.NewSecret(), client.NewSecret())); err != nil {
		return d, err
	}
	if err := writeOnce(filepath.Join(d.path, ".gitignore"), "*\n"); err != nil { // it may be made within somebody's repository
		return d, err
	}
	if err := writeOnce(d.passwordFile(), strings.ToLower(rand.Text()[:16])+"\n"); err != nil {
		return d, err
	}
	password, err := os.ReadFile(d.passwordFile())
	d.password = strings.TrimSpace(string(password))
	if err == nil && d.password == "" {
		err = fmt.Errorf("%s is empty; remove it and start again", d.passwordFile())
	}
	return d, err
}

// writeOnce makes the file, whole or not at all, readable for its owner alone, unless it is there.
func writeOnce(path, content string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, fs.ErrExist) { // who was first has made it
		return err
	}
	return nil
}
