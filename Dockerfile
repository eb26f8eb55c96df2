# The server as an image with nothing else in it: one static binary and the CA certificates.
#
#   docker build -t gatehouse:0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) .
#   docker run --rm gatehouse:0.1.0 --version

ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine AS build
ENV GOTOOLCHAIN=local CGO_ENABLED=0
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
# What --version and the log say was built: the build does not see the repository.
ARG COMMIT=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X gatehouse/app.commit=$COMMIT" -o /gatehouse ./cmd/server

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /gatehouse /gatehouse
# A number, so that an orchestrator can see that it is not root. Nothing in the image belongs to this user.
USER 65532:65532
# config.yaml is mounted here, and a targets_file it names is looked for here. To configure by the environment alone, set
# GATEHOUSE_CONFIG to nothing.
WORKDIR /etc/gatehouse
ENV GATEHOUSE_CONFIG=/etc/gatehouse/config.yaml
# The public and the admin listener. Both listen on loopback unless the configuration says otherwise.
EXPOSE 8081 8082
# Alive, not ready: some orchestrators kill what is unhealthy, and a gateway that waits for Redis must not be killed.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/gatehouse", "health", "--live"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/gatehouse"]
CMD ["serve"]
