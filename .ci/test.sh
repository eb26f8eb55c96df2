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
(cd cmd/clients && "${release[@]}" ../../bin/skips go test -vet=off -count=1 ./...) # likewise: nor client libraries
"${release[@]}" bin/skips go test -vet=off ./.ci/skips github.com/ory/x/...
"${release[@]}" bin/skips go test -vet=off -run Allocates ./app # the race detector would count its own
# Most start processes: what they were last time proves nothing. The race detector looks at the rooms and at app, which joins them. The
# registry's races are the database's, and what is below cmd is about whole processes: it would make both many times slower.
all=$(go list ./...)
raced=$(grep -vE '^gatehouse/(registry|cmd)(/|$)' <<<"$all")
others=$(grep -E '^gatehouse/(registry|cmd)(/|$)' <<<"$all")
tests=(bin/skips -allow "$may_skip" go test -vet=off -count=1 -timeout 15m -p 3)
# shellcheck disable=SC2086 # one word for each package
.ci/with-services.sh "${release[@]}" "${tests[@]}" $others
# shellcheck disable=SC2086
exec .ci/with-services.sh "${tests[@]}" -race $raced
