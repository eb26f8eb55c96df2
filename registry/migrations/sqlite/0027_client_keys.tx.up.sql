ALTER TABLE clients ADD COLUMN jwks text NOT NULL DEFAULT ''; -- the public keys of a client that signs who it is

--bun:split

ALTER TABLE clients ADD COLUMN jwks_uri text NOT NULL DEFAULT ''; -- or where they are; both empty: it does not sign
