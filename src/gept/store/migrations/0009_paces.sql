-- How fast each source is asked by all processes together, and which backfills rest.

CREATE TABLE paces (
    source   text        PRIMARY KEY,
    free_at  timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE paces IS 'Each source, and when the next request of a repair or a backfill may be made to it.';
COMMENT ON COLUMN paces.free_at IS 'By the clock of the database, so that machines whose clocks differ share one pace.';

CREATE TABLE paused_backfills (
    collector  text        PRIMARY KEY,
    paused_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE paused_backfills IS 'The collectors whose backfills rest until they are resumed, in whatever process they run.';
