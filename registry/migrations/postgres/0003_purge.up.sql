-- Not a transaction: an index that is built beside the traffic cannot be in one,
-- and a lock on grants must not be held together with one on another table, which
-- a statement of the version before takes in the other order. So each statement
-- can be run again; an index that was not finished exists, and is of no use.

SET lock_timeout = '3s';

--bun:split

ALTER TABLE grants ADD COLUMN IF NOT EXISTS needed_until timestamptz; -- as of the last look; null: nobody looked

--bun:split

RESET lock_timeout;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS grants_by_need;

--bun:split

CREATE INDEX CONCURRENTLY grants_by_need ON grants (COALESCE(needed_until, created_at));

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS codes_by_grant;

--bun:split

CREATE INDEX CONCURRENTLY codes_by_grant ON codes (grant_id);

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS codes_by_expiry;

--bun:split

CREATE INDEX CONCURRENTLY codes_by_expiry ON codes (expires_at);

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS refresh_tokens_by_grant;

--bun:split

CREATE INDEX CONCURRENTLY refresh_tokens_by_grant ON refresh_tokens (grant_id);

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_by_expiry;

--bun:split

CREATE INDEX CONCURRENTLY revocations_by_expiry ON revocations (expires_at);
