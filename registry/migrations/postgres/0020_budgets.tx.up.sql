CREATE TABLE budgets (
    subject      text COLLATE "C" NOT NULL,
    client_id    text COLLATE "C" NOT NULL,
    unit         text COLLATE "C" NOT NULL,
    most         bigint NOT NULL, -- for a window; negative: no limit
    most_at_once bigint NOT NULL, -- likewise
    period       text NOT NULL,
    anchored_at  timestamptz, -- null: windows are those of the calendar
    revision     bigint NOT NULL, -- how often the user has changed the lines above
    window_start timestamptz NOT NULL,
    window_end   timestamptz, -- null: it has none
    spent        bigint NOT NULL, -- in the window
    held         bigint NOT NULL, -- likewise
    PRIMARY KEY (subject, client_id, unit)
) WITH (fillfactor = 70); -- for HOT updates

--bun:split

CREATE TABLE spends (
    id          text COLLATE "C" PRIMARY KEY,
    subject     text COLLATE "C" NOT NULL,
    client_id   text COLLATE "C" NOT NULL,
    unit        text COLLATE "C" NOT NULL,
    once        text COLLATE "C" NOT NULL, -- what may be paid once; empty: it is not known
    route       text NOT NULL,
    lookup      text NOT NULL, -- how the upstream is asked what became of it; empty: it cannot be
    state       text COLLATE "C" NOT NULL,
    held        bigint NOT NULL,
    posted      bigint NOT NULL,
    reserved_at timestamptz NOT NULL,
    settled_at  timestamptz,
    inquire_at  timestamptz, -- null: nobody has to
    inquiries   integer NOT NULL
) WITH (fillfactor = 85);

--bun:split

CREATE UNIQUE INDEX spends_once ON spends (subject, client_id, once) WHERE once <> '' AND state <> 'voided';

--bun:split

CREATE INDEX spends_of_client ON spends (subject, client_id, reserved_at, id);

--bun:split

CREATE INDEX spends_to_inquire ON spends (inquire_at) WHERE inquire_at IS NOT NULL;

--bun:split

CREATE INDEX spends_by_age ON spends (reserved_at);
