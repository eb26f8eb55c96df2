SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE clients ADD COLUMN required_scopes jsonb;
