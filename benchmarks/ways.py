"""The ways to write, each run in a process of its own.

``ours`` is gept's. ``specified`` is the specification's: json, psycopg2, ``execute_values`` with
ON CONFLICT, 1000 rows a page. ``limit`` is what nothing can beat: psql copies a ready binary file
straight into an identical table, without any check.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .payloads import body, rows, tick

POLLS = 20
WARM = 2
BULK_BUCKETS = 250
REAPED = 0.5
"""Seconds within which a server has counted the CPU of a connection that has ended."""
COLUMNS = "item_id, timestamp, avg_high_price, high_price_volume, avg_low_price, low_price_volume"
EPOCH_OF_POSTGRES = datetime(2000, 1, 1, tzinfo=UTC)


class Ours:
    """gept's own way: typed decoding, binary COPY, one counted upsert, the ledger beside it."""

    def __init__(self, address: str) -> None:
        from gept.collectors.five_minutes import COLLECTOR
        from gept.store import Database, Store

        self.collector = COLLECTOR
        self.database = Database(address)
        self.database.open()
        self.store = Store(self.database)

    def poll(self, number: int, payload: bytes) -> None:
        """Take one answer to committed rows and ledger."""
        from gept.model import Response, Status, Tick
        from gept.store import Entry

        at = tick(number)
        request = next(iter(self.collector.requests(Tick(at))))
        decoded = self.collector.decode(Response(request, payload, at), Tick(at))
        self.store.commit(self.collector, decoded, Entry("5m", at, Status.DONE, at, at))

    def bulk(self) -> None:
        """Write all buckets in one transaction."""
        from gept.store.writer import Batch, Writer

        every = (row for number in range(BULK_BUCKETS) for row in self._rows[number])
        with self.database.transaction() as cursor:
            Writer(cursor, self.collector.table).write(Batch(every, tick(0)))

    def prepare_bulk(self) -> None:
        """Make the rows, which both ways get ready-made."""
        self._rows = [list(rows(number)) for number in range(BULK_BUCKETS)]


class Specified:
    """The specification's way."""

    def __init__(self, address: str) -> None:
        import psycopg2
        from psycopg2.extras import execute_values

        self.connection = psycopg2.connect(address)
        self.execute_values = execute_values
        self.statement = (
            f"INSERT INTO price_data_5min ({COLUMNS}) VALUES %s "
            "ON CONFLICT (item_id, timestamp) DO NOTHING"
        )

    def _write(self, found: list[tuple[Any, ...]]) -> None:
        with self.connection.cursor() as cursor:
            self.execute_values(cursor, self.statement, found, page_size=1000)
        self.connection.commit()

    def poll(self, number: int, payload: bytes) -> None:
        """Take one answer to committed rows."""
        answer = json.loads(payload)
        at = datetime.fromtimestamp(answer["timestamp"], UTC)
        self._write(
            [
                (
                    int(item),
                    at,
                    sides["avgHighPrice"],
                    sides["highPriceVolume"],
                    sides["avgLowPrice"],
                    sides["lowPriceVolume"],
                )
                for item, sides in answer["data"].items()
            ]
        )

    def bulk(self) -> None:
        """Write all buckets in one transaction."""
        self._write(self._rows)

    def prepare_bulk(self) -> None:
        """Make the rows, which both ways get ready-made."""
        self._rows = [row for number in range(BULK_BUCKETS) for row in rows(number)]


class Limit:
    """psql and a file."""

    def __init__(self, address: str) -> None:
        self.address = address

    def prepare_bulk(self) -> None:
        """Write the binary file."""
        self.file = Path(os.environ["BENCH_FOLDER"]) / "bulk.bin"
        if not self.file.exists():
            with self.file.open("wb") as output:
                output.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                output.writelines(_packed())
                output.write(b"\xff\xff")

    def bulk(self) -> None:
        """Copy it into an identical table."""
        copy = f"\\copy copied FROM '{self.file}' (FORMAT binary)"
        psql = os.environ["BENCH_PSQL"]
        subprocess.run([psql, "-q", "-d", self.address, "-c", copy], check=True)


def _packed() -> Iterator[bytes]:
    for number in range(BULK_BUCKETS):
        at = (tick(number) - EPOCH_OF_POSTGRES) // timedelta(microseconds=1)
        for item, _, *amounts in rows(number):
            fields = [struct.pack(">hiiiq", 6, 4, item, 8, at)]
            fields += [
                struct.pack(">i", -1) if n is None else struct.pack(">iq", 8, n) for n in amounts
            ]
            yield b"".join(fields)


WAYS: dict[str, Callable[[str], Any]] = {"ours": Ours, "specified": Specified, "limit": Limit}


def client_cpu() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def server_cpu(postmaster: int) -> float:
    """Return the CPU seconds of a server with all its processes, also of those that have ended."""
    ticks = sum(_ticks(postmaster)[:4])
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(process: int) -> list[int]:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11:15]]


def measured(work: Callable[[], None], postmaster: int) -> dict[str, float]:
    """Return what a piece of work cost, in seconds."""
    before = (client_cpu(), server_cpu(postmaster), time.perf_counter())
    work()
    wall = time.perf_counter() - before[2]
    client = client_cpu() - before[0]
    time.sleep(REAPED)
    return {"client": client, "total": client + server_cpu(postmaster) - before[1], "wall": wall}


def main(way: str, work: str, address: str, postmaster: int, first: int) -> None:
    """Do the work once and print what it cost."""
    chosen = WAYS[way](address)
    if work == "bulk":
        chosen.prepare_bulk()
        print(json.dumps(measured(chosen.bulk, postmaster)))  # noqa: T201
        return
    payloads = [(number, body(number)) for number in range(first, first + POLLS + WARM)]
    for number, payload in payloads[:WARM]:
        chosen.poll(number, payload)

    def polls() -> None:
        for number, payload in payloads[WARM:]:
            chosen.poll(number, payload)

    cost = measured(polls, postmaster)
    print(json.dumps({name: value / POLLS for name, value in cost.items()}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
