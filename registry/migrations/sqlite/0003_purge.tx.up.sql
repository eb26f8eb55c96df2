ALTER TABLE grants ADD COLUMN needed_until timestamp; -- as of the last look; null: nobody looked

--bun:split

CREATE INDEX grants_by_need ON grants (COALESCE(needed_until, created_at));

--bun:split

CREATE INDEX codes_by_grant ON codes (grant_id);

--bun:split

CREATE INDEX codes_by_expiry ON codes (expires_at);

--bun:split

CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

--bun:split

CREATE INDEX revocations_by_expiry ON revocations (expires_at);
