-- Until when a client that has registered itself stays without a grant; null: an operator has registered it, or a document describes it.
ALTER TABLE clients ADD COLUMN kept_until timestamp;

--bun:split

CREATE INDEX clients_kept ON clients (kept_until) WHERE kept_until IS NOT NULL;

--bun:split

CREATE TABLE registrations (
    client_id  text PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token_hash text NOT NULL,
    metadata   text NOT NULL,
    created_at timestamp NOT NULL,
    used_at    timestamp -- when a user allowed the client something first; null: nobody has
);

--bun:split

CREATE INDEX registrations_unused ON registrations (created_at) WHERE used_at IS NULL;
