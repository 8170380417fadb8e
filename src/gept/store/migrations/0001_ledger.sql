-- What each collector is to collect, and how each of its ticks stands.

CREATE TABLE collectors (
    name    text           NOT NULL,
    step    interval       NOT NULL,
    wanted  tstzmultirange NOT NULL DEFAULT '{}',
    PRIMARY KEY (name, step)
);
COMMENT ON TABLE collectors IS 'Each collector, the time between two of its ticks, and the ticks that are wanted of it.';
COMMENT ON COLUMN collectors.wanted IS 'A tick in here without a good row in the ledger is a gap.';

CREATE TABLE ledger (
    collector       text        NOT NULL,
    tick            timestamptz NOT NULL,
    status          text        NOT NULL
                    CHECK (status IN ('done', 'empty', 'partial', 'not_yet', 'refused', 'failed')),
    settled         boolean     NOT NULL DEFAULT false,
    attempts        integer     NOT NULL DEFAULT 1,
    rows            bigint      NOT NULL DEFAULT 0,
    inserted        bigint      NOT NULL DEFAULT 0,
    updated         bigint      NOT NULL DEFAULT 0,
    removed         bigint      NOT NULL DEFAULT 0,
    unchanged       bigint      NOT NULL DEFAULT 0,
    rejected        bigint      NOT NULL DEFAULT 0,
    revisions       bigint      NOT NULL DEFAULT 0,
    error           text,
    first_asked_at  timestamptz NOT NULL,
    asked_at        timestamptz NOT NULL,
    committed_at    timestamptz,
    next_try_at     timestamptz,
    PRIMARY KEY (collector, tick)
) WITH (fillfactor = 90);
COMMENT ON TABLE ledger IS 'One row for each tick that was ever asked for, committed together with its rows.';
COMMENT ON COLUMN ledger.status IS 'done: its rows are stored; empty: the source has nothing there and never will; the others are gaps.';
COMMENT ON COLUMN ledger.settled IS 'Whether it was read after its source stopped changing it.';
COMMENT ON COLUMN ledger.rows IS 'How many rows the newest stored answer had.';
COMMENT ON COLUMN ledger.revisions IS 'How many stored rows later answers changed or took back.';
COMMENT ON COLUMN ledger.first_asked_at IS 'When it was asked for first; the longer ago, the longer the pauses.';
COMMENT ON COLUMN ledger.committed_at IS 'When its rows were committed last.';
COMMENT ON COLUMN ledger.next_try_at IS 'When it is asked for again: it is missing, or has to be read once more when settled.';

CREATE INDEX ledger_due ON ledger (collector, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX ledger_good ON ledger (collector, tick) WHERE status IN ('done', 'empty');
