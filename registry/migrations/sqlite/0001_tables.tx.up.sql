-- Times are text as bun writes it, in UTC: it sorts as the times do.

CREATE TABLE clients (
    id            text PRIMARY KEY,
    name          text NOT NULL,
    url           text NOT NULL,
    image_url     text NOT NULL,
    domain        text NOT NULL,
    redirect_uris text,
    scopes        text,
    grant_types   text,
    public        boolean NOT NULL,
    secret_hash   text NOT NULL,
    created_at    timestamp NOT NULL,
    updated_at    timestamp NOT NULL,
    deleted_at    timestamp
);

--bun:split

CREATE TABLE grants (
    id                text PRIMARY KEY,
    client_id         text NOT NULL REFERENCES clients (id),
    subject           text NOT NULL,
    scopes            text,
    redirect_uri      text NOT NULL,
    access_lifespan   integer NOT NULL, -- nanoseconds
    created_at        timestamp NOT NULL,
    access_expires_at timestamp,
    ended_at          timestamp,
    end_reason        text NOT NULL
);

--bun:split

CREATE INDEX grants_live_by_subject ON grants (subject, client_id) WHERE ended_at IS NULL;

--bun:split

CREATE INDEX grants_live_by_client ON grants (client_id) WHERE ended_at IS NULL;

--bun:split

CREATE TABLE codes (
    hash             text PRIMARY KEY,
    grant_id         text NOT NULL REFERENCES grants (id),
    challenge        text NOT NULL,
    challenge_method text NOT NULL,
    redirect_uri     text NOT NULL,
    expires_at       timestamp NOT NULL,
    used_at          timestamp
);

--bun:split

CREATE TABLE refresh_tokens (
    hash           text PRIMARY KEY,
    grant_id       text NOT NULL REFERENCES grants (id),
    created_at     timestamp NOT NULL,
    expires_at     timestamp NOT NULL,
    used_at        timestamp,
    successor_hash text NOT NULL
);

--bun:split

CREATE TABLE revocations (
    kind       text NOT NULL CHECK (kind IN ('token', 'grant', 'client')),
    id         text NOT NULL,
    expires_at timestamp NOT NULL,
    created_at timestamp NOT NULL,
    delivered  boolean NOT NULL,
    PRIMARY KEY (kind, id)
);

--bun:split

CREATE INDEX revocations_pending ON revocations (expires_at) WHERE NOT delivered;

--bun:split

CREATE TABLE signing_keys (
    id         text PRIMARY KEY,
    algorithm  text NOT NULL,
    sealed     text NOT NULL,
    created_at timestamp NOT NULL
);
