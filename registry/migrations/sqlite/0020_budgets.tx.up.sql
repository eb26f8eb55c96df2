CREATE TABLE budgets (
    subject      text NOT NULL,
    client_id    text NOT NULL,
    unit         text NOT NULL,
    most         integer NOT NULL, -- for a window; negative: no limit
    most_at_once integer NOT NULL, -- likewise
    period       text NOT NULL,
    anchored_at  timestamp, -- null: windows are those of the calendar
    revision     integer NOT NULL, -- how often the user has changed the lines above
    window_start timestamp NOT NULL,
    window_end   timestamp, -- null: it has none
    spent        integer NOT NULL, -- in the window
    held         integer NOT NULL, -- likewise
    PRIMARY KEY (subject, client_id, unit)
);

--bun:split

CREATE TABLE spends (
    id          text PRIMARY KEY,
    subject     text NOT NULL,
    client_id   text NOT NULL,
    unit        text NOT NULL,
    once        text NOT NULL, -- what may be paid once; empty: it is not known
    route       text NOT NULL,
    lookup      text NOT NULL, -- how the upstream is asked what became of it; empty: it cannot be
    state       text NOT NULL,
    held        integer NOT NULL,
    posted      integer NOT NULL,
    reserved_at timestamp NOT NULL,
    settled_at  timestamp,
    inquire_at  timestamp, -- null: nobody has to
    inquiries   integer NOT NULL
);

--bun:split

CREATE UNIQUE INDEX spends_once ON spends (subject, client_id, once) WHERE once <> '' AND state <> 'voided';

--bun:split

CREATE INDEX spends_of_client ON spends (subject, client_id, reserved_at, id);

--bun:split

CREATE INDEX spends_to_inquire ON spends (inquire_at) WHERE inquire_at IS NOT NULL;

--bun:split

CREATE INDEX spends_by_age ON spends (reserved_at);
