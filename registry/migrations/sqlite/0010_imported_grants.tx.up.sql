-- What was taken over of another server: one row for each grant, which stays until
-- everything of it would have expired there. As long as it does, the grant is not
-- taken a second time, also when it has ended here and was removed.
CREATE TABLE imported_grants (
    grant_id          text PRIMARY KEY,
    source            text NOT NULL,
    refresh_hash      text NOT NULL,
    access_hash       text, -- null: it has no access token
    access_issued_at  timestamp,
    access_expires_at timestamp,
    expires_at        timestamp NOT NULL,
    seen_at           timestamp NOT NULL, -- the last import that found it at the source
    delivered         boolean NOT NULL -- gateways were told of the access token
);

--bun:split

CREATE UNIQUE INDEX imported_grants_by_access ON imported_grants (access_hash) WHERE access_hash IS NOT NULL;

--bun:split

CREATE INDEX imported_grants_by_expiry ON imported_grants (expires_at);

--bun:split

CREATE INDEX imported_grants_by_sight ON imported_grants (source, seen_at);

--bun:split

CREATE INDEX imported_grants_pending ON imported_grants (access_hash) WHERE NOT delivered;
