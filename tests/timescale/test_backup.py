"""Rows of hypertables are saved and restored like those of any table, compressed chunks included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gept.backup import part
from gept.model import Table
from gept.store import Database
from gept.store.layouts.timescale import lay_out
from gept.store.writer import Batch, Writer

TICK = datetime(2026, 10, 1, 12, tzinfo=UTC)
NAME = "price_data_5min"
WIDTHS = {NAME: timedelta(weeks=1)}
Ask = Callable[..., list[Any]]


@pytest.fixture
def filled(address: str, tables: dict[str, Table], database: Database, query: Ask) -> None:
    """Fill a hypertable and compress it."""
    lay_out(address, tables.values(), timedelta(days=14))
    table = tables["5m"]
    rows: list[Any] = [(item, TICK, item, 1, None, 1) for item in range(50)]
    made = [table.record(*row) for row in rows]
    with database.transaction() as cursor:
        Writer(cursor, table).write(Batch(made, TICK))
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks(%s::regclass) each", NAME)


def test_compressed_rows_are_saved_restored_and_corrected(
    filled: None, address: str, tmp_path: Path, query: Ask
) -> None:
    before = query(f"SELECT * FROM {NAME} ORDER BY item_id")
    backup = part.back_up(address, tmp_path, NAME, (TICK, None), TICK)
    query("SELECT decompress_chunk(each, TRUE) FROM show_chunks(%s::regclass) each", NAME)
    query(f"DELETE FROM {NAME} WHERE item_id < 20")
    query(f"UPDATE {NAME} SET avg_high_price = -1 WHERE item_id = 30")
    query("SELECT compress_chunk(each, TRUE) FROM show_chunks(%s::regclass) each", NAME)

    kept = part.restore(backup, address, WIDTHS, overwrite=False)
    taken = part.restore(backup, address, WIDTHS, overwrite=True)

    assert backup.manifest.rows == 50
    assert backup.manifest.timescaledb is not None
    assert (kept.inserted, kept.unchanged, kept.different) == (20, 29, 1)
    assert (taken.inserted, taken.updated, taken.unchanged) == (0, 1, 49)
    assert query(f"SELECT * FROM {NAME} ORDER BY item_id") == before
