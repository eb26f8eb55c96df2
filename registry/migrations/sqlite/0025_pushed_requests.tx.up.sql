ALTER TABLE clients ADD COLUMN pushed_only boolean NOT NULL DEFAULT FALSE; -- it has to send its requests ahead

--bun:split

CREATE INDEX authorization_requests_pushed_by ON authorization_requests (client_id, created_at) WHERE browser_hash = '';

--bun:split

CREATE INDEX authorization_requests_pushed ON authorization_requests (created_at) WHERE browser_hash = '' AND client_id > '';
