"""Archive, drop and restore on hypertables, compressed and not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gept.archive.dropping import Dropping
from gept.archive.places import Folder
from gept.archive.restoring import restore
from gept.archive.shelf import Shelf
from gept.archive.writing import Archive
from gept.collectors import load_all
from gept.model import Table
from gept.store.copying.closed import closed
from gept.store.layouts.timescale import lay_out

Ask = Callable[..., list[Any]]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIRST = datetime(2026, 9, 3, tzinfo=UTC)
WEEK = timedelta(days=7)
ROWS = """
    INSERT INTO price_data_5min SELECT item, tick, 5000000000 + item, 1, NULL, 0
    FROM generate_series(1, 3) AS item, generate_series(%s, %s - interval '1 second', interval '5 minutes') AS tick
"""
TICKS = """
    INSERT INTO ledger (collector, tick, status, settled, rows, first_asked_at, asked_at, committed_at)
    SELECT '5m', tick, 'done', true, 3, tick, tick, tick
    FROM generate_series(%s, %s - interval '1 second', interval '5 minutes') AS tick
"""
COMPRESS = "SELECT compress_chunk(c, TRUE) FROM show_chunks('price_data_5min') AS c"
ALL = "SELECT * FROM price_data_5min ORDER BY 1, 2"


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_a_chunk_is_dropped_alone_and_comes_back(
    address: str, tables: dict[str, Table], query: Ask, tmp_path: Path, compressed: bool
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    query(ROWS, FIRST - WEEK, FIRST + WEEK)
    query(TICKS, FIRST - WEEK, FIRST + WEEK)
    if compressed:
        query(COMPRESS)
    before = query(ALL)
    shelf = Shelf(Folder(tmp_path), load_all()["5m"])

    with closed(address) as days:
        list(Archive(days, shelf, NOW).write(FIRST, FIRST + WEEK))
        dropping = Dropping(days, shelf)
        [(part, why)] = dropping.parts(FIRST, FIRST + WEEK)
        dropping.drop(part)
        left = query(ALL)
        for day in shelf.days():
            restore(days, shelf, day, replace=False)

    assert why == ""
    assert left == [row for row in before if row[1] < FIRST]
    assert left
    assert query(ALL) == before


def test_a_compressed_day_is_replaced(
    address: str, tables: dict[str, Table], query: Ask, tmp_path: Path
) -> None:
    lay_out(address, tables.values(), timedelta(days=14))
    end = FIRST + timedelta(days=1)
    query(ROWS, FIRST, end)
    query(TICKS, FIRST, end)
    before, shelf = query(ALL), Shelf(Folder(tmp_path), load_all()["5m"])

    with closed(address) as days:
        list(Archive(days, shelf, NOW).write(FIRST, end))
        query("UPDATE price_data_5min SET avg_high_price = 1 WHERE item_id = 2")
        query(COMPRESS)
        restore(days, shelf, FIRST.date(), replace=True)

    assert query(ALL) == before
