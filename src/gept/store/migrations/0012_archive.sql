-- Days whose prices were deleted from here once an archive held them.

CREATE TABLE dropped_days (
    collector   text        NOT NULL,
    day         date        NOT NULL,
    table_name  text        NOT NULL,
    place       text        NOT NULL,
    rows        bigint      NOT NULL,
    checksum    text        NOT NULL,
    dropped_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collector, day)
);
COMMENT ON TABLE dropped_days IS
    'UTC days whose rows are only in an archive. Their ticks stay in the ledger, so that nobody asks for them again; they are no longer wanted, so that nothing says they are here.';
COMMENT ON COLUMN dropped_days.place IS 'The folder or bucket that holds the day.';
COMMENT ON COLUMN dropped_days.checksum IS 'Of the rows, as the manifest of the day has it.';
