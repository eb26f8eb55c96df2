-- Not a transaction, as 0003 is not: each statement can be run again.

SET lock_timeout = '3s';

--bun:split

ALTER TABLE clients ADD COLUMN IF NOT EXISTS pushed_only boolean NOT NULL DEFAULT FALSE; -- it has to send its requests ahead

--bun:split

RESET lock_timeout;

--bun:split

-- Requests that were sent ahead and have not begun in any browser. The two predicates differ, so that Postgres takes each index for
-- the query that it is for (see 0012).

DROP INDEX CONCURRENTLY IF EXISTS authorization_requests_pushed_by;

--bun:split

CREATE INDEX CONCURRENTLY authorization_requests_pushed_by ON authorization_requests (client_id, created_at) WHERE browser_hash = '';

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS authorization_requests_pushed;

--bun:split

CREATE INDEX CONCURRENTLY authorization_requests_pushed ON authorization_requests (created_at)
    WHERE browser_hash = '' AND client_id > ''; -- all have
