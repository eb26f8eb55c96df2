-- Identifiers and hashes compare bytewise (COLLATE "C"), in the same order as in
-- SQLite: whoever locks several rows does so in that order.

CREATE TABLE clients (
    id            text COLLATE "C" PRIMARY KEY,
    name          text NOT NULL,
    url           text NOT NULL,
    image_url     text NOT NULL,
    domain        text NOT NULL,
    redirect_uris jsonb,
    scopes        jsonb,
    grant_types   jsonb,
    public        boolean NOT NULL,
    secret_hash   text NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deleted_at    timestamptz
);

--bun:split

CREATE TABLE grants (
    id                text COLLATE "C" PRIMARY KEY,
    client_id         text COLLATE "C" NOT NULL REFERENCES clients (id),
    subject           text COLLATE "C" NOT NULL,
    scopes            jsonb,
    redirect_uri      text NOT NULL,
    access_lifespan   bigint NOT NULL, -- nanoseconds
    created_at        timestamptz NOT NULL,
    access_expires_at timestamptz,
    ended_at          timestamptz,
    end_reason        text NOT NULL
);

--bun:split

CREATE INDEX grants_live_by_subject ON grants (subject, client_id) WHERE ended_at IS NULL;

--bun:split

CREATE INDEX grants_live_by_client ON grants (client_id) WHERE ended_at IS NULL;

--bun:split

CREATE TABLE codes (
    hash             text COLLATE "C" PRIMARY KEY,
    grant_id         text COLLATE "C" NOT NULL REFERENCES grants (id),
    challenge        text NOT NULL,
    challenge_method text NOT NULL,
    redirect_uri     text NOT NULL,
    expires_at       timestamptz NOT NULL,
    used_at          timestamptz
);

--bun:split

CREATE TABLE refresh_tokens (
    hash           text COLLATE "C" PRIMARY KEY,
    grant_id       text COLLATE "C" NOT NULL REFERENCES grants (id),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    successor_hash text COLLATE "C" NOT NULL
);

--bun:split

CREATE TABLE revocations (
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('token', 'grant', 'client')),
    id         text COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    delivered  boolean NOT NULL,
    PRIMARY KEY (kind, id)
);

--bun:split

CREATE INDEX revocations_pending ON revocations (expires_at) WHERE NOT delivered;

--bun:split

CREATE TABLE signing_keys (
    id         text COLLATE "C" PRIMARY KEY,
    algorithm  text NOT NULL,
    sealed     text NOT NULL,
    created_at timestamptz NOT NULL
);
