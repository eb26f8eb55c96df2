#!/usr/bin/env bash
# Checks the whole project: format, vet, linters, and every test against a real Postgres and Redis. A test that is skipped
# fails, except for what this processor lacks and, outside CI, for what only root may do.
set -euo pipefail
cd "$(dirname "$0")/.."

may_skip='this processor'
[[ -n ${CI:-} ]] || ((EUID == 0)) || may_skip+='|only root'

# All but the race detector's is compiled once: for the linters and for the servers that tests build as a release is built.
release=(env CGO_ENABLED=0 "GOFLAGS=${GOFLAGS:-} -trimpath")

.ci/install.sh
"${release[@]}" .ci/lint.sh
"${release[@]}" go build -o bin/skips ./.ci/skips
# go test need not vet: lint.sh has.
(cd deploy && "${release[@]}" ../bin/skips -allow "$may_skip" go test -vet=off ./...) # a module of its own: who uses the project does not download Kubernetes' types
"${release[@]}" bin/skips go test -vet=off ./.ci/skips github.com/ory/x/...
"${release[@]}" bin/skips go test -vet=off -run Allocates ./app # the race detector would count its own
# Most start processes: what they were last time proves nothing. The registry's races are the database's: the race detector would see
# none of them, and makes SQLite many times slower.
.ci/with-services.sh "${release[@]}" bin/skips -allow "$may_skip" go test -vet=off -count=1 -timeout 15m ./registry
raced=$(go list ./... | grep -vx gatehouse/registry)
# shellcheck disable=SC2086 # one word for each package
exec .ci/with-services.sh bin/skips -allow "$may_skip" go test -race -vet=off -count=1 -p 3 -timeout 15m $raced
