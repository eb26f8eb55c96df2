ALTER TABLE grants ADD COLUMN resources text; -- null: the issuer's own
