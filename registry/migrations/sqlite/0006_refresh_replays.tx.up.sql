ALTER TABLE refresh_tokens ADD COLUMN predecessor_hash text NOT NULL DEFAULT '';

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN replays integer NOT NULL DEFAULT 0;

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN replayed_late boolean NOT NULL DEFAULT FALSE;

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN answer text; -- sealed

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN answer_for text NOT NULL DEFAULT '';

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN answer_until timestamp;

--bun:split

CREATE INDEX refresh_tokens_by_answer ON refresh_tokens (answer_until) WHERE answer_until IS NOT NULL;
