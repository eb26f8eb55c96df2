-- What a process of the version before writes has the defaults: nobody's, and first.
ALTER TABLE revocations ADD COLUMN subject text NOT NULL DEFAULT '';

--bun:split

ALTER TABLE revocations ADD COLUMN grant_id text NOT NULL DEFAULT ''; -- of a token's revocation

--bun:split

ALTER TABLE revocations ADD COLUMN turn integer NOT NULL DEFAULT 0;

--bun:split

CREATE INDEX revocations_in_turn ON revocations (turn, expires_at) WHERE NOT delivered;

--bun:split

CREATE INDEX revocations_pending_of_subject ON revocations (subject) WHERE NOT delivered;

--bun:split

CREATE INDEX revocations_of_grant ON revocations (grant_id) WHERE grant_id <> '';

--bun:split

DROP INDEX revocations_pending; -- revocations_in_turn serves what used it
