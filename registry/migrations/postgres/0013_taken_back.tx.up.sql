-- From which servers grants were ever taken over.
CREATE TABLE import_sources (
    source text COLLATE "C" PRIMARY KEY
);

--bun:split

INSERT INTO import_sources (source) SELECT DISTINCT source FROM imported_grants;

--bun:split

-- What was taken back here since then. No import brings it back, however often the grant was refreshed where it comes from.
CREATE TABLE taken_back (
    subject       text COLLATE "C" NOT NULL,
    client_id     text COLLATE "C" NOT NULL,
    taken_back_at timestamptz NOT NULL,
    PRIMARY KEY (subject, client_id)
);

--bun:split

INSERT INTO taken_back (subject, client_id, taken_back_at)
SELECT g.subject, g.client_id, max(g.ended_at) FROM imported_grants AS ig JOIN grants AS g ON g.id = ig.grant_id
WHERE g.ended_at IS NOT NULL AND g.end_reason NOT IN ('gone_at_source', 'replaced', 'client_deleted', 'client_disabled')
GROUP BY g.subject, g.client_id;
