.DEFAULT_GOAL := help
.PHONY: help run build test lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the mock server: demo data, nothing to set up, commands to try
	go run ./cmd/mock_server

build: ## build the server into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/gatehouse ./cmd/server

test: ## install what is missing, lint, and run every test against a private Postgres and Redis
	.ci/test.sh

lint: ## gofmt, go vet, staticcheck, errcheck, errorlint
	.ci/lint.sh
