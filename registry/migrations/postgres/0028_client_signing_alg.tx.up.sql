SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE clients ADD COLUMN signing_alg text NOT NULL DEFAULT ''; -- the only algorithm that a client signs with; empty: any
