#!/usr/bin/env bash
# fuzz.sh [NAME]: runs each fuzz target whose name contains NAME for FUZZTIME (30s), one after another, and goes on after
# one that fails. What a target finds is written to testdata/fuzz beside it, to be committed with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
while read -r directory; do
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(f \*testing\.F\).*/\1/p' "$directory"/*_test.go); do
		[[ $target == *"${1:-}"* ]] || continue
		echo "== $directory $target"
		go test "./$directory" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 200x -parallel "${FUZZWORKERS:-1}" || failed+=("$target")
	done
done < <(git grep -lE '^func Fuzz[A-Za-z0-9_]+\(f \*testing\.F\)' -- '*_test.go' | xargs dirname | sort -u)

((!${#failed[@]})) || { echo "failed: ${failed[*]}" >&2; exit 1; }
