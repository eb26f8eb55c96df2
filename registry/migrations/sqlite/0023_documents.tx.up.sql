ALTER TABLE clients ADD COLUMN fingerprint text NOT NULL DEFAULT ''; -- empty: an operator has registered it

--bun:split

ALTER TABLE grants ADD COLUMN fingerprint text NOT NULL DEFAULT ''; -- of the client, as the user was shown it

--bun:split

CREATE INDEX grants_by_client ON grants (client_id);

--bun:split

CREATE INDEX clients_of_documents ON clients (updated_at)
    WHERE fingerprint <> '' AND deleted_at IS NULL AND disabled_at IS NULL;
