-- How far the adoption of older tables is, and the rows of theirs that are in no table of gept's.
CREATE TABLE adoption (
    source      text        NOT NULL,
    part        text        NOT NULL,
    target      text        NOT NULL,
    stage       text        NOT NULL DEFAULT 'copy' CHECK (stage IN ('copy', 'enter', 'check', 'done', 'dropped')),
    position    bigint,
    types       jsonb       NOT NULL,
    by_time     boolean     NOT NULL,
    expected    bigint,
    rows        bigint      NOT NULL DEFAULT 0,
    inserted    bigint      NOT NULL DEFAULT 0,
    duplicates  bigint      NOT NULL DEFAULT 0,
    conflicts   bigint      NOT NULL DEFAULT 0,
    set_aside   bigint      NOT NULL DEFAULT 0,
    checked     bigint      NOT NULL DEFAULT 0,
    lost        bigint      NOT NULL DEFAULT 0,
    oldest      timestamptz,
    newest      timestamptz,
    begun_at    timestamptz NOT NULL DEFAULT now(),
    moved_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, part)
);
COMMENT ON TABLE adoption IS 'How far `gept db adopt` is with each older table, or each part of it.';
COMMENT ON COLUMN adoption.position IS 'Where its stage goes on: a page of the part; with by_time, and for entering, microseconds since 1970.';
CREATE TABLE adopted_conflicts (
    source  text        NOT NULL,
    reason  text        NOT NULL,
    content jsonb       NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE adopted_conflicts IS 'Rows of older tables that could not stand in the table of gept''s, with the reason.';
CREATE INDEX adopted_conflicts_row ON adopted_conflicts USING hash (content)
