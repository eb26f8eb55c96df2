-- A transaction that reads for long would keep these locks waiting, and everybody
-- else behind them: better to fail, and be run again.
SET LOCAL lock_timeout = '3s';

--bun:split

ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz; -- null: written by the version before, from created_at on

--bun:split

UPDATE signing_keys SET signs_from = created_at;

--bun:split

ALTER TABLE clients ADD COLUMN disabled_at timestamptz;

--bun:split

CREATE TABLE audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL,
    actor  text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL
);
