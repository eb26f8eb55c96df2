SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE signing_keys ADD COLUMN retain bigint; -- nanoseconds; null: written by the version before

--bun:split

CREATE TABLE key_revocations (
    id         text COLLATE "C" PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    delivered  boolean NOT NULL
);
