ALTER TABLE clients ADD COLUMN required_scopes text;
