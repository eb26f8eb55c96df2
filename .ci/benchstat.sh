#!/usr/bin/env bash
# Runs the Go benchmarks of what a request passes through, and compares them with those of the last release, which are
# kept in docs/benchmarks.txt; --record replaces them.
set -euo pipefail
cd "$(dirname "$0")/.."

released=docs/benchmarks.txt
now=$(mktemp)
trap 'rm -f "$now"' EXIT
go test -run '^$' -bench . -benchmem -count 6 ./gateway ./gateway/internal/routing ./app ./keys ./denylist | tee "$now"
if [[ -f $released ]]; then
	go tool -modfile=.ci/tools.mod benchstat "released=$released" "now=$now"
fi
[[ ${1:-} != --record ]] || grep -Ev '^(PASS|ok|\?)' "$now" >"$released"
