-- Not a transaction, as 0003 is not: each statement can be run again.

SET lock_timeout = '3s';

--bun:split

ALTER TABLE refresh_tokens
    ADD COLUMN IF NOT EXISTS predecessor_hash text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS replays          integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS replayed_late    boolean NOT NULL DEFAULT FALSE,
    ADD COLUMN IF NOT EXISTS answer           text, -- sealed
    ADD COLUMN IF NOT EXISTS answer_for       text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS answer_until     timestamptz;

--bun:split

RESET lock_timeout;

--bun:split

DROP INDEX CONCURRENTLY IF EXISTS refresh_tokens_by_answer;

--bun:split

CREATE INDEX CONCURRENTLY refresh_tokens_by_answer ON refresh_tokens (answer_until) WHERE answer_until IS NOT NULL;
