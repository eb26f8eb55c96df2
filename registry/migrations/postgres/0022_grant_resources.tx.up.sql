SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE grants ADD COLUMN resources jsonb; -- null: the issuer's own
