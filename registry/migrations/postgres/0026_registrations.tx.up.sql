SET LOCAL lock_timeout = '3s';

--bun:split

-- Until when a client that has registered itself stays without a grant; null: an operator has registered it, or a document describes it.
ALTER TABLE clients ADD COLUMN kept_until timestamptz;

--bun:split

CREATE INDEX clients_kept ON clients (kept_until) WHERE kept_until IS NOT NULL;

--bun:split

CREATE TABLE registrations (
    client_id  text COLLATE "C" PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token_hash text COLLATE "C" NOT NULL,
    metadata   text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz -- when a user allowed the client something first; null: nobody has
);

--bun:split

CREATE INDEX registrations_unused ON registrations (created_at) WHERE used_at IS NULL;
