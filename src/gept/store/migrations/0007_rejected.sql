-- Entries that could not be rows, and what tells one bucket's data from another's.

CREATE TABLE rejected_rows (
    collector  text        NOT NULL,
    tick       timestamptz NOT NULL,
    entry      text        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN
               ('wrong_type', 'out_of_range', 'missing_field', 'bad_id', 'null_entry', 'other')),
    reason     text        NOT NULL,
    payload    text        NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    times      bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (collector, tick, entry)
);
COMMENT ON TABLE rejected_rows IS 'Entries of answers that could not be rows, each with its reason, for some weeks.';
COMMENT ON COLUMN rejected_rows.entry IS 'Where it stood in the answer: the id of its item, or its place in a list.';
COMMENT ON COLUMN rejected_rows.payload IS 'What it was, as JSON, cut after 8 KiB.';
COMMENT ON COLUMN rejected_rows.times IS 'How often the tick was asked for and this entry rejected.';

CREATE INDEX rejected_rows_age ON rejected_rows (last_at);

ALTER TABLE ledger ADD COLUMN digest bytea;
COMMENT ON COLUMN ledger.digest IS 'Tells the data of the newest stored answer from those of others; of buckets only.';
