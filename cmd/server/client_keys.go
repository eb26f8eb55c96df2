package main

import (
	"fmt"
	"io"
	"os"
)

// maxKeysFile bounds what is read; what is too large for a key set is refused later.
const maxKeysFile = 1 << 20

// readKeys is what a file with a key set says; "" without a file.
func readKeys(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("--jwks: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxKeysFile))
	if err != nil {
		return "", fmt.Errorf("--jwks: %w", err)
	}
	if len(text) == 0 {
		return "", fmt.Errorf("--jwks: %s is empty", name)
	}
	return string(text), nil
}
