ALTER TABLE signing_keys ADD COLUMN signs_from timestamp; -- null: written by the version before, from created_at on

--bun:split

UPDATE signing_keys SET signs_from = created_at;

--bun:split

ALTER TABLE clients ADD COLUMN disabled_at timestamp;

--bun:split

CREATE TABLE audit (
    id     integer PRIMARY KEY AUTOINCREMENT,
    at     timestamp NOT NULL,
    actor  text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL
);
