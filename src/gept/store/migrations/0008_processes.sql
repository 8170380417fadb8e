-- Who collects, and what could not be read.

CREATE TABLE processes (
    id          uuid        PRIMARY KEY,
    host        text        NOT NULL,
    pid         integer     NOT NULL,
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL,
    beat_at     timestamptz NOT NULL,
    collectors  text[]      NOT NULL,
    leads       text[]      NOT NULL,
    last_ticks  jsonb       NOT NULL,
    spooled     integer     NOT NULL
);
COMMENT ON TABLE processes IS 'The processes that collect, each with its heart beat.';
COMMENT ON COLUMN processes.beat_at IS 'When it last said that it lives; it does so every ten seconds.';
COMMENT ON COLUMN processes.collectors IS 'What it follows; of these it leads some, and stands by for the others.';
COMMENT ON COLUMN processes.last_ticks IS 'The newest tick that it ran of each collector.';
COMMENT ON COLUMN processes.spooled IS 'How many answers wait on its disk for the database.';

CREATE TABLE answers (
    collector  text        NOT NULL,
    tick       timestamptz NOT NULL,
    asked_at   timestamptz NOT NULL,
    reason     text        NOT NULL,
    tape       bytea       NOT NULL,
    PRIMARY KEY (collector, tick)
);
ALTER TABLE answers ALTER COLUMN tape SET STORAGE EXTERNAL;
COMMENT ON TABLE answers IS 'Answers that could not be read, or not wholly, as they came; `gept redecode` reads them again.';
COMMENT ON COLUMN answers.tape IS 'The bodies, in gept''s own compressed form.';

ALTER TABLE ledger DROP CONSTRAINT ledger_status_check;
ALTER TABLE ledger ADD CONSTRAINT ledger_status_check
    CHECK (status IN ('done', 'empty', 'partial', 'not_yet', 'refused', 'failed', 'away'));
