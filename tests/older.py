"""Makes a database as the specification's SQL makes it, with what years of use leave in it."""

from __future__ import annotations

from typing import Any

import psycopg

TABLES = """
    CREATE TABLE prices_latest_1m (
        timestamp TIMESTAMPTZ NOT NULL, item_id INTEGER NOT NULL, high INTEGER, high_time TIMESTAMPTZ,
        low INTEGER, low_time TIMESTAMPTZ, PRIMARY KEY (item_id, timestamp));
    CREATE TABLE price_data_5min (
        item_id INTEGER NOT NULL, timestamp TIMESTAMPTZ NOT NULL, avg_high_price INTEGER,
        high_price_volume INTEGER, avg_low_price INTEGER, low_price_volume INTEGER);
    CREATE TABLE prices_1h (
        item_id INTEGER NOT NULL, timestamp TIMESTAMPTZ NOT NULL, avg_high_price INTEGER,
        high_price_volume INTEGER, avg_low_price INTEGER, low_price_volume INTEGER,
        PRIMARY KEY (item_id, timestamp));
    CREATE TABLE osrs_news (
        guid VARCHAR(255) PRIMARY KEY, title VARCHAR(500), link TEXT, description TEXT,
        category VARCHAR(100), pub_date TIMESTAMPTZ, created_at TIMESTAMPTZ DEFAULT NOW());
    CREATE TABLE items (
        item_id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, examine TEXT, members BOOLEAN,
        tradeable BOOLEAN, lowalch INTEGER, highalch INTEGER, cost INTEGER, wiki_url TEXT,
        buy_limit INTEGER, updated_at TIMESTAMP DEFAULT NOW());
    CREATE TABLE prices_latest (
        id BIGSERIAL PRIMARY KEY, item_id INTEGER, timestamp TIMESTAMPTZ, high BIGINT, high_time BIGINT,
        low BIGINT, low_time BIGINT);
    CREATE TABLE predictions (time TIMESTAMPTZ, item_id INTEGER, value REAL);
    CREATE INDEX idx_5m_item_ts ON price_data_5min (item_id, timestamp DESC);
    CREATE INDEX idx_5m_ts ON price_data_5min (timestamp DESC);
    CREATE INDEX idx_latest_1m_ts ON prices_latest_1m (timestamp DESC);
    CREATE INDEX idx_latest_1m_item_ts ON prices_latest_1m (item_id, timestamp DESC);
    CREATE INDEX idx_1h_item_ts ON prices_1h (item_id, timestamp DESC);
    CREATE INDEX idx_1h_ts ON prices_1h (timestamp DESC);
    CREATE INDEX idx_news_date ON osrs_news (pub_date DESC);
    CREATE INDEX idx_news_category ON osrs_news (category);
"""
BUCKETS = """
    INSERT INTO price_data_5min
    SELECT item, '2026-10-01Z'::timestamptz + bucket * interval '5 minutes', nullif(mod(item, 7), 0) * 1000 + bucket,
        item + bucket, nullif(mod(item, 5), 0) * 900 + bucket, item
    FROM generate_series(0, %(buckets)s - 1) AS bucket, generate_series(1, %(items)s) AS item
    WHERE mod(item + bucket, 11) <> 0
"""
DUPLICATES = """
    INSERT INTO price_data_5min SELECT * FROM price_data_5min WHERE mod(item_id, 13) = 0 AND item_id < %(items)s;
    INSERT INTO price_data_5min SELECT item_id, timestamp, avg_high_price, high_price_volume + 5, avg_low_price, low_price_volume
    FROM price_data_5min WHERE item_id = 17;
    INSERT INTO price_data_5min SELECT item_id, timestamp, avg_high_price, high_price_volume + 3, avg_low_price, low_price_volume
    FROM price_data_5min WHERE item_id = 19 AND timestamp < '2026-10-01 02:00Z'
"""
ODD = """
    INSERT INTO price_data_5min VALUES
        (4, '2026-10-01 00:02Z', 1, 1, 1, 1), (0, '2026-10-01 00:05Z', 1, 1, 1, 1),
        (5, '2026-10-01 00:05Z', -1, 1, 1, 1), (6, '1999-01-01Z', 1, 1, 1, 1), (7, '2090-01-01Z', 1, 1, 1, 1);
    INSERT INTO prices_1h SELECT item, '2026-10-01Z'::timestamptz + hour * interval '1 hour', item, 1, NULL, 0
    FROM generate_series(0, 23) AS hour, generate_series(1, 62) AS item;
    INSERT INTO prices_latest_1m SELECT '2026-10-20 00:00:07.123456Z'::timestamptz + minute * interval '60.2 seconds',
        item, item + minute, '2026-10-19 23:59Z', NULL, NULL
    FROM generate_series(0, 30) AS minute, generate_series(1, 40) AS item;
    INSERT INTO prices_latest_1m VALUES ('2026-10-20 00:00:50Z', 3, 99, NULL, 98, NULL);
    INSERT INTO prices_latest (item_id, timestamp, high, high_time, low, low_time) VALUES
        (3, '2026-10-20 00:01:30Z', 77, 1760918000, NULL, NULL), (3, '2026-10-18 00:01:30Z', 3000000000, 1760918000, 5, NULL),
        (NULL, '2026-10-18Z', 1, NULL, NULL, NULL);
    INSERT INTO osrs_news VALUES ('g1', 'A post', 'https://secure.runescape.com/m=news/a', 'text', 'Game Updates', '2026-10-01Z'),
        ('g2', 'A page', 'https://oldschool.runescape.wiki/w/A', NULL, 'wiki_edit', '2026-10-02Z');
    INSERT INTO items VALUES (2, 'Cannonball', 'Ammo', true, true, 2, 3, 5, NULL, 11000, '2026-10-01'), (6, 'Cannon base', NULL, true, true, 1, 1, 1, NULL, NULL, NULL);
    INSERT INTO predictions VALUES (now(), 2, 0.5)
"""


def make(address: str, *, buckets: int = 60, items: int = 400, odd: bool = True) -> None:
    """Fill a database; the last written of two rows that contradict one another comes last."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        about: dict[str, Any] = {"buckets": buckets, "items": items}
        for text in (TABLES, BUCKETS, DUPLICATES, ODD if odd else "SELECT"):
            for statement in text.split(";\n"):
                connection.execute(statement, about if "%(" in text else None)
        connection.execute("ANALYZE")
