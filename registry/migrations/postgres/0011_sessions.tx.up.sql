CREATE TABLE authorization_requests (
    id           text COLLATE "C" PRIMARY KEY,
    browser_hash text COLLATE "C" NOT NULL,
    client_id    text COLLATE "C" NOT NULL,
    parameters   jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    session_hash text COLLATE "C" NOT NULL, -- that was begun for it, or has decided
    used_at      timestamptz,
    grant_id     text COLLATE "C" NOT NULL -- empty: there was none
);

--bun:split

CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);

--bun:split

CREATE TABLE sessions (
    hash         text COLLATE "C" PRIMARY KEY,
    subject      text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    method       text NOT NULL,
    signed_in_at timestamptz NOT NULL,
    idle_until   timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL
);

--bun:split

CREATE INDEX sessions_by_subject ON sessions (subject, idle_until);

--bun:split

CREATE INDEX sessions_by_idleness ON sessions (idle_until);

--bun:split

CREATE TABLE sign_ins (
    state_hash   text COLLATE "C" PRIMARY KEY,
    browser_hash text COLLATE "C" NOT NULL,
    request_id   text COLLATE "C" NOT NULL, -- empty: for no authorization request
    expires_at   timestamptz NOT NULL,
    answer_hash  text COLLATE "C" NOT NULL, -- empty: the host application has not answered
    subject      text COLLATE "C" NOT NULL
);

--bun:split

CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);
