.DEFAULT_GOAL := help
.PHONY: help run build test cluster-test soak fuzz bench bench-record lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the mock server: demo data, nothing to set up, commands to try
	go run ./cmd/mock_server

build: ## build the server into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/gatehouse ./cmd/server

test: ## install what is missing, lint, and run every test against a private Postgres and Redis
	.ci/test.sh

cluster-test: ## kill and restart a whole installation under traffic, at full length, with a report
	.ci/install.sh
	go test -count=1 -timeout 150m -v ./cmd/cluster -full

DURATION ?= 5m
soak: ## everything that callers and upstreams do, for DURATION (5m), and what the processes hold before and after
	.ci/install.sh
	go test -count=1 -timeout 0 -v ./cmd/cluster -run TestSoak -soak $(DURATION)
	GATEHOUSE_SOAK=$(DURATION) go test -count=1 -timeout 0 -v ./gateway -run TestNoAnswerReachesAStranger

bench: ## compare the gateway with nginx and HAProxy, and its handlers with the last release; flags of cmd/bench in BENCH
	.ci/install.sh
	POSTGRES_DURABLE=1 .ci/with-services.sh go run ./cmd/bench $(BENCH)
	.ci/benchstat.sh

bench-record: ## the same, and keep the figures in docs/; those of the handlers as the release that later ones are compared with
	.ci/install.sh
	POSTGRES_DURABLE=1 .ci/with-services.sh go run ./cmd/bench -write docs $(BENCH)
	.ci/benchstat.sh --record

fuzz: ## run every fuzz target for FUZZTIME (30s each), one after another
	.ci/fuzz.sh

lint: ## gofmt, go vet, staticcheck, errcheck, errorlint
	.ci/lint.sh
