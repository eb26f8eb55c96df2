-- Not a transaction, as 0003 is not: each statement can be run again.

SET lock_timeout = '3s';

--bun:split

ALTER TABLE clients ADD COLUMN IF NOT EXISTS fingerprint text NOT NULL DEFAULT ''; -- empty: an operator has registered it

--bun:split

ALTER TABLE grants ADD COLUMN IF NOT EXISTS fingerprint text NOT NULL DEFAULT ''; -- of the client, as the user was shown it

--bun:split

RESET lock_timeout;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS grants_by_client;

--bun:split

CREATE INDEX CONCURRENTLY grants_by_client ON grants (client_id);

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS clients_of_documents;

--bun:split

CREATE INDEX CONCURRENTLY clients_of_documents ON clients (updated_at)
    WHERE fingerprint <> '' AND deleted_at IS NULL AND disabled_at IS NULL;
