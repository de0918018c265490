-- The ground's own tables. Each table declares how it is spread over a distributed engine:
-- `distributed by (column)`, `reference` (a copy everywhere) or `local` (one node).

CREATE SCHEMA ground;

-- local
CREATE TABLE ground.migration (
    number      integer     NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    checksum    text        NOT NULL,
    applied_at  timestamptz NOT NULL
);

-- Commands by id: repeating one gives its first answer. Small on purpose: the records a command
-- made are found through it, and rows go after the retention.
-- distributed by (command_id)
CREATE TABLE ground.command (
    command_id    text        NOT NULL PRIMARY KEY CHECK (length(command_id) BETWEEN 1 AND 300),
    content_hash  bytea       NOT NULL CHECK (length(content_hash) = 32),
    answer        bytea,
    at            timestamptz NOT NULL
) WITH (fillfactor = 60);

CREATE INDEX command_at ON ground.command (at);


CREATE SCHEMA events;

-- Facts as their transactions wrote them, not yet numbered.
-- distributed by (subject)
CREATE TABLE events.outbox (
    outbox_id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    subject      text        NOT NULL,
    fact_id      uuid        NOT NULL,
    name         text        NOT NULL,
    version      smallint    NOT NULL,
    occurred_at  timestamptz NOT NULL,
    command_id   text        NOT NULL,
    caused_by    uuid,
    actor        text        NOT NULL,
    traceparent  text,
    body         jsonb       NOT NULL,
    PRIMARY KEY (outbox_id, subject)
);

-- The numbered log. A position is given after commit, by one sequencer, without gaps. Cut by
-- position.
-- distributed by (subject)
CREATE TABLE events.log (
    position     bigint      NOT NULL,
    subject      text        NOT NULL,
    fact_id      uuid        NOT NULL,
    name         text        NOT NULL,
    version      smallint    NOT NULL,
    occurred_at  timestamptz NOT NULL,
    command_id   text        NOT NULL,
    caused_by    uuid,
    actor        text        NOT NULL,
    traceparent  text,
    body         jsonb       NOT NULL,
    PRIMARY KEY (position, subject)
) PARTITION BY RANGE (position);
COMMENT ON TABLE events.log IS 'append only';

CREATE INDEX log_subject ON events.log (subject, position);

CREATE TABLE events.log_default PARTITION OF events.log DEFAULT;

-- Facts that went to the archive, by name. Every subscription had passed them.
-- local
CREATE TABLE events.carried (
    name   text   NOT NULL PRIMARY KEY,
    facts  bigint NOT NULL CHECK (facts > 0)
);

-- The position given last; one row.
-- local
CREATE TABLE events.head (
    one       boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint  NOT NULL CHECK (position >= 0)
);
INSERT INTO events.head (position) VALUES (0);

-- How far each subscription has handled the log; moved in the transaction of its effects.
-- local
CREATE TABLE events.subscription (
    name        text        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL CHECK (position >= 0),
    handled     bigint      NOT NULL DEFAULT 0 CHECK (handled >= 0),
    updated_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Facts a subscription could not handle, and those of the same subject waiting behind them.
-- distributed by (subject)
CREATE TABLE events.dead_letter (
    subscription  text        NOT NULL,
    position      bigint      NOT NULL,
    subject       text        NOT NULL,
    name          text        NOT NULL,
    reason        text        NOT NULL,
    attempts      integer     NOT NULL CHECK (attempts >= 0),
    parked_at     timestamptz NOT NULL,
    PRIMARY KEY (subscription, position, subject)
);


CREATE SCHEMA jobs;

-- Deferred work; done in the transaction that removes it.
-- distributed by (job_id)
CREATE TABLE jobs.job (
    job_id      uuid        NOT NULL PRIMARY KEY,
    kind        text        NOT NULL,
    arguments   jsonb       NOT NULL,
    run_at      timestamptz NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    state       text        NOT NULL CHECK (state IN ('waiting', 'dead')),
    error       text,
    created_at  timestamptz NOT NULL
);

CREATE INDEX job_due ON jobs.job (run_at) WHERE state = 'waiting';

-- Periodic work and when it is due next.
-- local
CREATE TABLE jobs.timetable (
    name        text        NOT NULL PRIMARY KEY,
    next_at     timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz,
    error       text
);


CREATE SCHEMA decisions;

-- Every automatic decision: what was known, what was possible, what was chosen and why. Cut by
-- time.
-- distributed by (subject)
CREATE TABLE decisions.decision (
    subject         text        NOT NULL,
    decision_id     uuid        NOT NULL,
    kind            text        NOT NULL,
    policy          text        NOT NULL,
    policy_version  integer     NOT NULL,
    at              timestamptz NOT NULL,
    inputs          bytea       NOT NULL,
    inputs_hash     bytea       NOT NULL CHECK (length(inputs_hash) = 32),
    outcome         bytea       NOT NULL,
    reason          text        NOT NULL,
    PRIMARY KEY (subject, decision_id)
) PARTITION BY RANGE (decision_id);
COMMENT ON TABLE decisions.decision IS 'append only';

CREATE INDEX decision_at ON decisions.decision (at);

CREATE TABLE decisions.decision_default PARTITION OF decisions.decision DEFAULT;


CREATE SCHEMA archive;

-- Partitions on their way to the archive, and those that are there. frozen: nothing more is
-- written to it; written: its file is in the store and says the same; archived: only there.
-- until_key is the first key after it, until_at an instant that everything in it lies before.
-- local
CREATE TABLE archive.partition (
    relation     text        NOT NULL,
    name         text        NOT NULL,
    since_key    text,
    until_key    text        NOT NULL,
    until_at     timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('frozen', 'written', 'archived')),
    file         text,
    sha256       bytea CHECK (length(sha256) = 32),
    bytes        bigint CHECK (bytes > 0),
    rows         bigint CHECK (rows >= 0),
    frozen_at    timestamptz NOT NULL,
    archived_at  timestamptz,
    PRIMARY KEY (relation, name),
    CHECK (state = 'frozen' OR (file IS NOT NULL AND sha256 IS NOT NULL AND bytes IS NOT NULL
                                AND rows IS NOT NULL)),
    CHECK ((state = 'archived') = (archived_at IS NOT NULL))
);

-- Which installation this is, so that two of them never share an archive.
-- local
CREATE TABLE archive.installation (
    one              boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    installation_id  uuid    NOT NULL
);
