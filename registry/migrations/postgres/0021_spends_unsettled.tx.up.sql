-- What is unknown is listed, and its age is watched; what was voided is looked for by what it was for.
CREATE INDEX spends_unknown ON spends (reserved_at, id) WHERE state = 'unknown';

--bun:split

CREATE INDEX spends_voided ON spends (subject, once) WHERE once <> '' AND state = 'voided';
