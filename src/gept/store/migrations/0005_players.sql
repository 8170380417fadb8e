-- How many people play.

CREATE TABLE player_counts (
    timestamp   timestamptz PRIMARY KEY,
    count       bigint      NOT NULL,
    fetched_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE player_counts IS 'How many people play, each minute, as the home page of the game tells it.';
COMMENT ON COLUMN player_counts.fetched_at IS 'When the page was read.';
