-- How far the conversion of each table is, and which times of it were written since: these are copied anew.
CREATE SCHEMA IF NOT EXISTS converting;
CREATE TABLE IF NOT EXISTS converting.progress (
    name      text        PRIMARY KEY,
    stage     text        NOT NULL DEFAULT 'copy' CHECK (stage IN ('copy', 'done')),
    position  timestamptz NOT NULL DEFAULT '0001-01-01Z',
    rows      bigint      NOT NULL DEFAULT 0,
    expected  bigint,
    begun_at  timestamptz NOT NULL DEFAULT now(),
    moved_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE converting.progress IS 'How far `gept db convert` is with each table.';
COMMENT ON COLUMN converting.progress.position IS 'All rows before it are in the hypertable, but for what converting.changes names.';
CREATE TABLE IF NOT EXISTS converting.changes (
    id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text        NOT NULL,
    low   timestamptz NOT NULL,
    high  timestamptz NOT NULL
);
COMMENT ON TABLE converting.changes IS 'The first and the last time of the rows that one statement has written to a table that is being converted.'
