#!/usr/bin/env bash
# Checks the whole project: format, vet, linters, and every test against a real Postgres and Redis.
set -euo pipefail
cd "$(dirname "$0")/.."

.ci/install.sh
.ci/lint.sh
go test -C deploy ./... # a module of its own: who uses the project does not download Kubernetes' types
go test -run Allocates ./app # the race detector would count its own
exec .ci/with-services.sh go test -race -count=1 -timeout 15m ./... # most start processes: what they were last time proves nothing
