ALTER TABLE signing_keys ADD COLUMN retain integer; -- nanoseconds; null: written by the version before

--bun:split

CREATE TABLE key_revocations (
    id         text PRIMARY KEY,
    expires_at timestamp NOT NULL,
    created_at timestamp NOT NULL,
    delivered  boolean NOT NULL
);
