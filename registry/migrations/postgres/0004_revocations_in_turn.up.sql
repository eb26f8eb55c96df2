-- Not a transaction, as 0003 is not: each statement can be run again.

SET lock_timeout = '3s';

--bun:split

-- What a process of the version before writes has the defaults: nobody's, and first.
ALTER TABLE revocations
    ADD COLUMN IF NOT EXISTS subject  text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS grant_id text COLLATE "C" NOT NULL DEFAULT '', -- of a token's revocation
    ADD COLUMN IF NOT EXISTS turn     integer NOT NULL DEFAULT 0;

--bun:split

RESET lock_timeout;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_in_turn;

--bun:split

CREATE INDEX CONCURRENTLY revocations_in_turn ON revocations (turn, expires_at) WHERE NOT delivered;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_pending_of_subject;

--bun:split

CREATE INDEX CONCURRENTLY revocations_pending_of_subject ON revocations (subject) WHERE NOT delivered;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_of_grant;

--bun:split

CREATE INDEX CONCURRENTLY revocations_of_grant ON revocations (grant_id) WHERE grant_id <> '';

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_pending; -- revocations_in_turn serves what used it
