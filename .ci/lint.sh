#!/usr/bin/env bash
# Format, vet and the linters. Their versions are pinned in tools.mod, which nobody who only uses the project downloads.
# The rule who may import whom is a test: cmd/imports_test.go.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=("$@")
# github.com/ory/x is our stand-in. A dot hides a directory from ./...
((${#packages[@]})) || packages=(./... ./.ci/skips github.com/ory/x/...)

unformatted=$(gofmt -l .)
if [[ -n $unformatted ]]; then
	printf 'not formatted with gofmt:\n%s\n' "$unformatted" >&2
	exit 1
fi

tool() { go tool -modfile=.ci/tools.mod "$@"; }
go vet "${packages[@]}"
(($#)) || go vet -C deploy ./...
(($#)) || go vet -C cmd/clients ./...
tool staticcheck "${packages[@]}"
tool errcheck -exclude .ci/errcheck-exclude.txt "${packages[@]}"
tool go-errorlint "${packages[@]}"
echo "lint: ok"
