-- Prices. Times are UTC; a bucket's timestamp is its start. Prices are coins, volumes are items; both
-- are bigint, since prices have passed 2^31 - 1. A side without a trade has a NULL price.
-- The key serves reads by item, backwards as well, so no index repeats it; the other serves reads by time.

CREATE TABLE price_data_5min (
    item_id            integer     NOT NULL,
    timestamp          timestamptz NOT NULL,
    avg_high_price     bigint,
    high_price_volume  bigint,
    avg_low_price      bigint,
    low_price_volume   bigint,
    PRIMARY KEY (item_id, timestamp)
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE price_data_5min IS 'Average prices and volumes of each item over each five minutes in which it was traded.';
CREATE INDEX idx_5m_ts ON price_data_5min (timestamp DESC);

CREATE TABLE prices_1h (
    item_id            integer     NOT NULL,
    timestamp          timestamptz NOT NULL,
    avg_high_price     bigint,
    high_price_volume  bigint,
    avg_low_price      bigint,
    low_price_volume   bigint,
    PRIMARY KEY (item_id, timestamp)
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE prices_1h IS 'Average prices and volumes of each item over each hour in which it was traded.';
CREATE INDEX idx_1h_ts ON prices_1h (timestamp DESC);

CREATE TABLE prices_latest_1m (
    item_id    integer     NOT NULL,
    timestamp  timestamptz NOT NULL,
    high       bigint,
    high_time  timestamptz,
    low        bigint,
    low_time   timestamptz,
    PRIMARY KEY (item_id, timestamp)
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE prices_latest_1m IS 'The latest trades of an item in each minute in which they changed, and of every item in the first minute of each UTC day.';
CREATE INDEX idx_latest_1m_ts ON prices_latest_1m (timestamp DESC);

CREATE TABLE prices_current (
    item_id    integer     PRIMARY KEY,
    timestamp  timestamptz NOT NULL,
    high       bigint,
    high_time  timestamptz,
    low        bigint,
    low_time   timestamptz
) WITH (fillfactor = 70);
COMMENT ON TABLE prices_current IS 'The latest trades of each item.';
COMMENT ON COLUMN prices_current.timestamp IS 'The minute in which they last changed.';

CREATE FUNCTION prices_at(moment timestamptz)
RETURNS TABLE (item_id integer, "timestamp" timestamptz, high bigint, high_time timestamptz, low bigint, low_time timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT ON (p.item_id) p.item_id, p.timestamp, p.high, p.high_time, p.low, p.low_time
    FROM prices_latest_1m p
    WHERE p.timestamp > moment - interval '2 days' AND p.timestamp <= moment
    ORDER BY p.item_id, p.timestamp DESC
$$;
COMMENT ON FUNCTION prices_at IS 'The latest trades of every item as they were at a moment; the ledger tells which minutes were collected.';
