"""The schema: numbered, checksummed, applied once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from gept.errors import StoreAway, StoreBroken
from gept.store import Server
from gept.store.faults import translated
from gept.store.schema.migrate import migrate, pending, shipped, status

Query = Callable[..., list[Any]]

SPECIFIED = {
    "price_data_5min": "item_id timestamp avg_high_price high_price_volume avg_low_price low_price_volume",
    "prices_1h": "item_id timestamp avg_high_price high_price_volume avg_low_price low_price_volume",
    "prices_latest_1m": "item_id timestamp high high_time low low_time",
    "osrs_news": "guid title link description category pub_date created_at",
    "player_counts": "timestamp count fetched_at",
    "items": "item_id name examine members tradeable lowalch highalch cost wiki_url buy_limit icon last_seen updated_at",
}


@pytest.mark.parametrize("table", SPECIFIED)
def test_the_specified_columns_are_there(table: str, query: Query) -> None:
    found = query("SELECT column_name FROM information_schema.columns WHERE table_name = %s", table)

    assert set(SPECIFIED[table].split()) <= {name for (name,) in found}


def test_no_amount_is_narrower_than_64_bits_and_no_text_is_bounded(query: Query) -> None:
    narrow = query(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND (character_maximum_length IS NOT NULL "
        "OR data_type = 'integer' AND column_name ~ 'price|volume|high|low|count|limit|cost')"
    )

    assert narrow == []


def test_no_index_is_the_beginning_of_another(query: Query) -> None:
    indexes = query(
        "SELECT indrelid, indexrelid::regclass::text, indkey::text || ' ' FROM pg_index "
        "JOIN pg_class ON oid = indrelid WHERE relnamespace = 'public'::regnamespace "
        "AND indpred IS NULL AND NOT relispartition"
    )
    redundant = [
        (name, other)
        for table, name, columns in indexes
        for other_table, other, others in indexes
        if table == other_table and name != other and others.startswith(columns)
    ]

    assert redundant == []


def test_every_table_and_view_tells_what_it_is(query: Query) -> None:
    untold = query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND obj_description(oid) IS NULL"
    )

    assert untold == [("schema_migrations",)]


def test_a_second_run_does_nothing(address: str) -> None:
    assert migrate(address) == []
    assert pending(status(address)) == []


def test_a_fleet_may_migrate_at_once(postgres: Server) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gept_fleet")
    url = postgres.url("gept_fleet")

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: len(migrate(url)), range(4)))

    assert sorted(applied) == [0, 0, 0, len(shipped())]


def test_a_database_that_does_not_know_texts_is_refused_untouched(postgres: Server) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE gept_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        )
    url = postgres.url("gept_ascii")

    with pytest.raises(StoreBroken, match="encoding SQL_ASCII, and gept needs UTF8; .*DB_NAME"):
        migrate(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('ledger') IS NULL").fetchone() == (True,)


def test_a_changed_migration_is_refused(address: str, query: Query) -> None:
    query("UPDATE schema_migrations SET checksum = 'x' WHERE number = 2")

    with pytest.raises(StoreBroken, match="migration 2 .prices. is not the one"):
        migrate(address)


def test_a_database_of_a_newer_gept_is_refused(address: str, query: Query) -> None:
    query("INSERT INTO schema_migrations VALUES ('gept', 9999, 'future', 'x')")

    with pytest.raises(StoreBroken, match="newer gept"):
        migrate(address)


def test_a_database_that_is_away_is_told_so() -> None:
    with pytest.raises(StoreAway):
        migrate("postgresql://nobody@127.0.0.1:1/nothing")


def test_a_server_that_is_too_old_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gept.store.schema.migrate.OLDEST_SERVER", 99)

    with pytest.raises(StoreBroken, match="gept needs 99 or newer; upgrade"):
        migrate(address)


def test_what_the_database_refuses_is_told_with_a_remedy(address: str, query: Query) -> None:
    with psycopg.connect(address) as connection:
        try:
            connection.execute("SELECT * FROM nowhere")
        except psycopg.Error as error:
            assert "; run `gept db migrate`" in str(translated(error))  # noqa: PT017
