CREATE TABLE authorization_requests (
    id           text PRIMARY KEY,
    browser_hash text NOT NULL,
    client_id    text NOT NULL,
    parameters   text NOT NULL,
    created_at   timestamp NOT NULL,
    expires_at   timestamp NOT NULL,
    session_hash text NOT NULL, -- that was begun for it, or has decided
    used_at      timestamp,
    grant_id     text NOT NULL -- empty: there was none
);

--bun:split

CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);

--bun:split

CREATE TABLE sessions (
    hash         text PRIMARY KEY,
    subject      text NOT NULL,
    name         text NOT NULL,
    method       text NOT NULL,
    signed_in_at timestamp NOT NULL,
    idle_until   timestamp NOT NULL,
    ends_at      timestamp NOT NULL
);

--bun:split

CREATE INDEX sessions_by_subject ON sessions (subject, idle_until);

--bun:split

CREATE INDEX sessions_by_idleness ON sessions (idle_until);

--bun:split

CREATE TABLE sign_ins (
    state_hash   text PRIMARY KEY,
    browser_hash text NOT NULL,
    request_id   text NOT NULL, -- empty: for no authorization request
    expires_at   timestamp NOT NULL,
    answer_hash  text NOT NULL, -- empty: the host application has not answered
    subject      text NOT NULL
);

--bun:split

CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);
