ALTER TABLE clients ADD COLUMN dpop_bound boolean NOT NULL DEFAULT FALSE; -- its access tokens are all bound to a key

--bun:split

ALTER TABLE codes ADD COLUMN bound_to text; -- the thumbprint of a key; null: to none

--bun:split

ALTER TABLE refresh_tokens ADD COLUMN bound_to text; -- likewise
