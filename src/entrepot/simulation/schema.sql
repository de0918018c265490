-- What the simulated world still has to do, and how far a run has come. The retailer's own tables
-- know nothing of it.

CREATE SCHEMA simulation;

-- local
CREATE TABLE simulation.run (
    run_id      text        NOT NULL PRIMARY KEY,
    seed        bigint      NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    reached_at  timestamptz NOT NULL,
    state       text        NOT NULL CHECK (state IN ('running', 'draining', 'ended')),
    counts      jsonb       NOT NULL
) WITH (fillfactor = 50);

-- Things that will happen by themselves: a picker is done, a parcel arrives, a supplier delivers.
-- local
CREATE TABLE simulation.pending (
    kind     text        NOT NULL,
    key      text        NOT NULL,
    due_at   timestamptz NOT NULL,
    payload  jsonb       NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE INDEX pending_due ON simulation.pending (due_at);

-- How each virtual day ended: the backlog and the stock, which no table tells afterwards.
-- local
CREATE TABLE simulation.day (
    run_id     text   NOT NULL REFERENCES simulation.run,
    day        date   NOT NULL,
    day_close  jsonb  NOT NULL,
    PRIMARY KEY (run_id, day)
);

CREATE VIEW simulation.v_run AS
SELECT run_id, seed, starts_at, ends_at, reached_at, state, counts FROM simulation.run;

CREATE VIEW simulation.v_day AS
SELECT run_id, day, day_close FROM simulation.day;
