-- Not a transaction, as 0003 is not: each statement can be run again.
--
-- Each index of what is undelivered gets a predicate that one query only has. With the same one, Postgres took either of them for
-- any query when many revocations had just been written, and read all that waited to find one.

DROP INDEX CONCURRENTLY IF EXISTS revocations_next;

--bun:split

CREATE INDEX CONCURRENTLY revocations_next ON revocations (turn, expires_at) WHERE NOT delivered AND turn >= 0; -- all have

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_pending_of;

--bun:split

CREATE INDEX CONCURRENTLY revocations_pending_of ON revocations (subject) WHERE NOT delivered AND subject >= ''; -- all have

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_in_turn;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS revocations_pending_of_subject;
