-- For each index a predicate that one query only has: see the same migration for Postgres.
CREATE INDEX revocations_next ON revocations (turn, expires_at) WHERE NOT delivered AND turn >= 0; -- all have

--bun:split

CREATE INDEX revocations_pending_of ON revocations (subject) WHERE NOT delivered AND subject >= ''; -- all have

--bun:split

DROP INDEX revocations_in_turn;

--bun:split

DROP INDEX revocations_pending_of_subject;
