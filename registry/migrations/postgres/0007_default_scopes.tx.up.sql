SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE clients ADD COLUMN default_scopes jsonb;
