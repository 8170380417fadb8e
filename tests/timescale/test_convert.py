"""A filled table becomes a hypertable, whatever is written meanwhile and wherever it ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event as Flag
from typing import Any

import psycopg
import pytest

from gept.errors import StoreBroken, UsageError
from gept.model import Table
from gept.store import Database
from gept.store.conversion import Job, abandon, convert, copying, drop, plan, standing
from gept.store.layouts import plain

Ask = Callable[..., list[Any]]
NAME = "price_data_5min"
OLDEST = datetime(2026, 9, 3, tzinfo=UTC)
NOW = datetime(2026, 10, 1, 12, 31, 20, tzinfo=UTC)
AFTER = timedelta(days=14)
FILL = """
    INSERT INTO price_data_5min
    SELECT item, '2026-09-03Z'::timestamptz + bucket * interval '2 hours', item, bucket, NULL, 0
    FROM generate_series(0, 335) AS bucket, generate_series(1, 20) AS item
"""
UPSERT = """
    INSERT INTO price_data_5min VALUES (%s, %s, %s, 1, 1, 1)
    ON CONFLICT (item_id, timestamp) DO UPDATE SET avg_high_price = excluded.avg_high_price
"""
DELETE = "DELETE FROM price_data_5min WHERE item_id = %s AND timestamp = %s"
ALL = f"SELECT * FROM {NAME} ORDER BY timestamp, item_id"
INDEXES = f"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '{NAME}'::regclass ORDER BY 1"
WRITES = [
    "INSERT INTO price_data_5min VALUES (77, '2026-09-03 00:05Z', 1, 1, 1, 1)",
    "UPDATE price_data_5min SET avg_low_price = 5 WHERE timestamp < '2026-09-05Z' AND item_id = 2",
    "DELETE FROM price_data_5min WHERE timestamp = '2026-09-04Z'",
    "UPDATE price_data_5min SET timestamp = '2026-09-28 00:05Z' WHERE timestamp = '2026-09-03Z' AND item_id = 9",
    "INSERT INTO price_data_5min VALUES (78, '2026-09-30 12:05Z', 1, 1, 1, 1)",
    (
        "INSERT INTO price_data_5min VALUES (2, '2026-09-11 00:00Z', 9, 9, 9, 9)"
        " ON CONFLICT (item_id, timestamp) DO UPDATE SET avg_high_price = 9"
    ),
    "DELETE FROM price_data_5min WHERE item_id = 4",
]


@pytest.fixture
def job() -> Job:
    return Job(AFTER, lambda: NOW, lambda _: None)


@pytest.fixture
def table(tables: dict[str, Table]) -> Table:
    return tables["5m"]


@pytest.fixture
def filled(
    address: str, database: Database, table: Table, query: Ask, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Give a database with four weeks of prices in native partitions, copied in small pieces."""
    with database.transaction() as cursor:
        plain.ensure(cursor, NAME, timedelta(weeks=1), OLDEST, NOW)
    query(FILL)
    monkeypatch.setattr(copying, "MOST", 500)
    return address


def is_hypertable(query: Ask) -> bool:
    return bool(
        query(
            "SELECT 1 FROM timescaledb_information.hypertables"
            " WHERE hypertable_schema = 'public' AND hypertable_name = %s",
            NAME,
        )
    )


def killed(address: str, table: Table, job: Job, steps: int) -> bool:
    """Convert, and end after some steps; tell whether there was more to do."""
    with closing(convert(address, [table], job)) as running:
        return all(next(running, None) is not None for _ in range(steps))


def test_nothing_is_lost_or_doubled_however_often_it_ends_and_whatever_is_written(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    indexes = [(each.replace(" ON ONLY ", " ON "),) for (each,) in query(INDEXES)]
    writes = iter(WRITES)
    while killed(filled, table, job, 1):
        if (statement := next(writes, None)) is not None:
            query(statement)
    stored = query(ALL)

    assert is_hypertable(query)
    assert next(writes, None) is None
    assert len(stored) == 6720 - 20 - 336 + 1 + 2
    assert stored == query("SELECT * FROM converted.price_data_5min ORDER BY timestamp, item_id")
    assert query(INDEXES) == indexes
    assert [each.done for each in standing(filled)] == [True]


def test_the_plan_tells_what_it_takes_and_changes_nothing(
    filled: str, table: Table, query: Ask
) -> None:
    query(f"ANALYZE {NAME}")
    before = query("SELECT count(*) FROM pg_class")

    planned = plan(filled, [table], NOW - AFTER)

    [step] = planned.steps
    assert (step.place.name, step.old.rows) == (NAME, 6720)
    assert 0 < step.space < step.old.bytes * 2
    assert planned.obstacles == []
    assert query("SELECT count(*) FROM pg_class") == before


def test_closed_weeks_are_compressed_and_a_correction_goes_through(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    closed = """
        SELECT count(*) FILTER (WHERE is_compressed) FROM timescaledb_information.chunks
        WHERE hypertable_schema = 'converting' AND hypertable_name = 'price_data_5min'
    """
    killed(filled, table, job, 8)  # 1680 rows of each week in pieces of 500
    before = query(closed)
    query("UPDATE price_data_5min SET avg_low_price = 5 WHERE timestamp < '2026-09-04Z'")
    list(convert(filled, [table], job))

    assert before == [(2,)]
    assert query(
        "SELECT count(*) FROM price_data_5min WHERE avg_low_price = 5 AND timestamp < '2026-09-04Z'"
    ) == [(240,)]


def test_what_reads_and_watches_the_table_goes_on_with_the_new_one(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    query("DO $$ BEGIN IF to_regrole('reader') IS NULL THEN CREATE ROLE reader; END IF; END $$")
    query(
        "CREATE VIEW cheap WITH (security_barrier) AS SELECT item_id, avg_high_price FROM price_data_5min WHERE item_id < 3"
    )
    query("CREATE VIEW cheaper AS SELECT * FROM cheap WHERE item_id < 2")
    query("GRANT SELECT ON price_data_5min, cheap TO reader")
    query("GRANT UPDATE (avg_low_price) ON price_data_5min TO reader")
    query("CREATE TABLE heard (item_id integer)")
    query(
        "CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO heard VALUES (new.item_id); RETURN new; END $$"
    )
    query(
        "CREATE TRIGGER hears BEFORE INSERT ON price_data_5min FOR EACH ROW EXECUTE FUNCTION hear()"
    )

    list(convert(filled, [table], job))
    drop(filled, dry=False)
    query("INSERT INTO price_data_5min VALUES (1, '2026-09-03 00:05Z', 4711, 1, 1, 1)")

    assert query("SELECT * FROM cheaper WHERE avg_high_price = 4711") == [(1, 4711)]
    assert query("SELECT reloptions FROM pg_class WHERE relname = 'cheap'") == [
        (["security_barrier=true"],)
    ]
    assert query(
        "SELECT has_table_privilege('reader', 'price_data_5min', 'SELECT'), has_table_privilege('reader', 'cheap', 'SELECT'),"
        " has_column_privilege('reader', 'price_data_5min', 'avg_low_price', 'UPDATE')"
    ) == [(True, True, True)]
    assert query("SELECT item_id FROM heard") == [(1,)]
    assert query("SELECT obj_description('price_data_5min'::regclass) LIKE 'Average prices%%'") == [
        (True,)
    ]
    assert query(
        "SELECT config->>'compress_after' FROM timescaledb_information.jobs WHERE hypertable_name = 'price_data_5min'"
    ) == [("14 days",)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            "CREATE MATERIALIZED VIEW dear AS SELECT * FROM price_data_5min",
            "materialized view dear",
        ),
        (
            (
                "CREATE FUNCTION all_of_it() RETURNS SETOF price_data_5min LANGUAGE sql"
                " AS 'SELECT * FROM price_data_5min'"
            ),
            "function all_of_it()",
        ),
        (
            "CREATE VIEW whole AS SELECT prices, 1 AS one FROM price_data_5min AS prices",
            "view whole",
        ),
        ("CREATE RULE deaf AS ON DELETE TO price_data_5min DO INSTEAD NOTHING", "rule deaf"),
        ("CREATE POLICY mine ON price_data_5min USING (true)", "policy mine"),
    ],
)
def test_what_cannot_be_made_anew_is_told_before_anything_is_done(
    filled: str, table: Table, job: Job, query: Ask, made: Any, said: str
) -> None:
    query(made)

    [told] = plan(filled, [table], NOW).obstacles
    with pytest.raises(UsageError, match="drop that"):
        list(convert(filled, [table], job))

    assert said in told
    assert standing(filled) == []


def test_that_the_tables_can_change_places_is_tried_before_anything_is_copied(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    query("CREATE SCHEMA converted")
    query("CREATE TABLE converted.price_data_5min_20260903 ()")

    with pytest.raises(UsageError, match="cannot take its place: .* already exists"):
        list(convert(filled, [table], job))

    assert standing(filled) == []
    assert query("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'gept%%'") == []


def test_a_conversion_can_be_given_up(filled: str, table: Table, job: Job, query: Ask) -> None:
    before = query(ALL)
    killed(filled, table, job, 5)

    given_up = abandon(filled, table)

    assert given_up
    assert not abandon(filled, table)
    assert query(ALL) == before
    assert query("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'gept%%'") == []
    list(convert(filled, [table], job))
    assert query(ALL) == before


def test_weeks_that_expire_meanwhile_do_not_come_back(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    killed(filled, table, job, 12)
    query("DROP TABLE price_data_5min_20260903")

    list(convert(filled, [table], job))

    assert query("SELECT min(timestamp) FROM price_data_5min") == [
        (datetime(2026, 9, 10, tzinfo=UTC),)
    ]


def test_rows_that_are_not_the_same_are_not_kept(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    killed(filled, table, job, 1)
    query(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN new.high_price_volume := 999; RETURN new; END $$"
    )
    query(
        "CREATE TRIGGER spoils BEFORE INSERT ON converting.price_data_5min FOR EACH ROW EXECUTE FUNCTION spoil()"
    )

    with pytest.raises(StoreBroken, match="not the same"):
        list(convert(filled, [table], job))

    assert query(
        "SELECT count(*) FROM converting.price_data_5min WHERE high_price_volume = 999"
    ) == [(0,)]


def test_columns_that_change_meanwhile_end_it_with_a_remedy(
    filled: str, table: Table, job: Job, query: Ask
) -> None:
    killed(filled, table, job, 1)
    query("ALTER TABLE price_data_5min ADD COLUMN note text")

    with pytest.raises(UsageError, match="--abandon"):
        list(convert(filled, [table], job))


def test_a_writer_that_never_rests_is_followed_through_the_exchange(
    server: str, table: Table, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST", 200)
    expected: dict[tuple[int, datetime], int] = {}
    begun, over = Flag(), Flag()

    def write() -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            for number in count():
                key = (500 + number % 7, OLDEST + timedelta(hours=number * 37 % 672))
                if number % 3 and key in expected:
                    connection.execute(DELETE, key)
                    del expected[key]
                else:
                    connection.execute(UPSERT, (*key, number))
                    expected[key] = number
                if number == 700:
                    begun.set()
                if over.is_set():
                    return

    with psycopg.connect(server, autocommit=True) as connection:
        with connection.transaction(), connection.cursor() as cursor:
            plain.ensure(cursor, NAME, timedelta(weeks=1), OLDEST, NOW)
        connection.execute(FILL)
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            begun.wait(60)
            try:
                list(convert(server, [table], job))
            finally:
                over.set()
            writing.result(60)
        stored = connection.execute(
            "SELECT item_id, timestamp, avg_high_price FROM price_data_5min WHERE item_id >= 500"
        ).fetchall()
        others = connection.execute("SELECT count(*) FROM price_data_5min WHERE item_id < 500")

        assert {(item, at.astimezone(UTC)): price for item, at, price in stored} == expected
        assert others.fetchone() == (6720,)
    assert [each.done for each in standing(server)] == [True]
