"""The commands, as their user runs them, on a server with TimescaleDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., list[Any]]


def test_migrate_lays_out_and_status_and_compress_tell(
    address: str, query: Ask, tmp_path: Path
) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": address,
        "DB_POOLER": "transaction",
        "DATA_DIR": str(tmp_path),
        "GEPT_COMPRESS_AFTER": "20d",
    }

    def gept(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gept", *arguments]
        return subprocess.run(
            command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    first, second = gept("db", "migrate"), gept("db", "migrate")
    query("INSERT INTO price_data_5min VALUES (2, '2024-10-01Z', 5, 1, 5, 1)")
    planned, done = gept("db", "compress", "--dry-run"), gept("db", "compress")
    told = json.loads(gept("db", "status", "--json").stdout)
    converted = gept("db", "convert", "price_data_5min", "--yes")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "price_data_5min: a hypertable now" in first.stderr
    assert "laid out" not in second.stderr
    assert planned.stdout.endswith("to compress: 1\n")
    assert done.stdout.endswith("compressed: 1\n")
    assert told["layout"]["mode"] == "timescale"
    assert converted.stdout.startswith("nothing is to be converted")
    assert {each["after_seconds"] for each in told["policies"]} == {20 * 86400}
    [prices] = [each for each in told["tables"] if each["table"] == "price_data_5min"]
    assert (prices["parts"], prices["compressed_parts"]) == (1, 1)
