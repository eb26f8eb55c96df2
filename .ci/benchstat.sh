#!/usr/bin/env bash
# Runs the Go benchmarks of what a request passes through, and compares them with those of the last release, which are
# kept in docs/benchmarks.txt; --record replaces them.
set -euo pipefail
cd "$(dirname "$0")/.."

released=docs/benchmarks.txt
now=$(mktemp)
trap 'rm -f "$now"' EXIT
go test -run '^$' -bench . -benchmem -count 6 ./gateway ./gateway/internal/routing ./app ./keys ./denylist | tee "$now"
# What a payment costs, with a Postgres that writes to its disk before it answers.
POSTGRES_DURABLE=1 .ci/with-services.sh go test -run '^$' -bench 'Spend|Payment' -benchtime 2000x -count 6 ./registry ./app | tee -a "$now"
if [[ -f $released ]]; then
	go tool -modfile=.ci/tools.mod benchstat "released=$released" "now=$now"
fi
[[ ${1:-} != --record ]] || grep -Ev '^(PASS|ok|\?)' "$now" >"$released"
