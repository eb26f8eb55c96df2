ALTER TABLE clients ADD COLUMN default_scopes text;
