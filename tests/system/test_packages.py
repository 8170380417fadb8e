"""Collectors of other packages: found, validated and run like ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from services import Services

from system.conftest import Gept

MODULE = '''
"""How many of each item were traded in a day."""

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from gept.decode.json import Amount, ItemId, whole
from gept.errors import DecodeError
from gept.model import Collector, Decoded, Request, Table
from gept.schedule import Every
from gept.sources import Source

VOLUMES = Source("volumes", "GEPT_VOLUMES_URL", "http://127.0.0.1:1", "Daily volumes.")


class Volume(NamedTuple):
    """One item of one day."""

    item_id: int
    timestamp: datetime
    volume: int


class Volumes(Struct):
    """What the source answers."""

    data: dict[ItemId, Amount]


def requests(tick):
    """Ask for every item."""
    yield Request(VOLUMES, "/volumes")


def decode(response, tick):
    """Return one row an item."""
    body = whole(response.body, Volumes)
    if not body.data:
        raise DecodeError("no item")
    return Decoded([(item, tick.at, volume) for item, volume in body.data.items()])


COLLECTOR = Collector(
    name="volumes",
    about="daily volumes",
    source=VOLUMES,
    schedule=Every(timedelta(days=1)),
    table=Table("daily_volumes", Volume, ("item_id", "timestamp")),
    port=9106,
    requests=requests,
    decode=decode,
    migrations="gept_volumes",
)
'''
MIGRATION = """
CREATE TABLE daily_volumes (
    item_id integer NOT NULL, timestamp timestamptz NOT NULL, volume bigint NOT NULL,
    PRIMARY KEY (item_id, timestamp));
"""
TEST = """
from gept.testing import CollectorContract, gept_database, gept_server
from gept_volumes import COLLECTOR

class TestVolumes(CollectorContract):
    collector = COLLECTOR

    def answer(self, request):
        return b'{"timestamp": 1, "data": {"2": 9800898, "4151": 1200}}'
"""

SETTINGS = ("PYTHONPATH", "GEPT_VOLUMES_URL")


@pytest.fixture
def package(gept: Gept, upstream: Services) -> Path:
    """Lay a package beside gept, as an installer would."""
    site = gept.folder / "site"
    (site / "gept_volumes" / "migrations").mkdir(parents=True)
    (site / "gept_volumes" / "__init__.py").write_text(MODULE)
    (site / "gept_volumes" / "migrations" / "0001_volumes.sql").write_text(MIGRATION)
    about = site / "gept_volumes-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gept-volumes\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gept.collectors]\nvolumes = gept_volumes:COLLECTOR\n")
    gept.environ |= dict(zip(SETTINGS, (str(site), upstream.url), strict=True))
    return site


def test_it_is_found_migrated_and_run(package: Path, gept: Gept, upstream: Services) -> None:
    true = upstream.answer
    upstream.answer = lambda path, query, fault: (  # type: ignore[method-assign]
        {"data": {"2": 5, "3": 7}} if path == "/volumes" else true(path, query, fault)
    )

    done = gept("once", "volumes")

    assert "volumes" in done.stdout, done.stderr
    assert " done: 2 inserted" in done.stdout
    assert gept.sql("SELECT item_id, volume FROM daily_volumes ORDER BY 1") == "2|5\n3|7"
    assert "0001 volumes" in gept("db", "status").stdout
    names = [
        each["collector"] for each in json.loads(gept("status", "--json").stdout)["collectors"]
    ]
    assert names[-1] == "volumes"
    gept.environ = {k: v for k, v in gept.environ.items() if k not in SETTINGS}
    assert " of volumes, which is not installed" in gept("db", "status").stdout


def test_the_contract_runs_over_it(package: Path, gept: Gept) -> None:
    (gept.folder / "test_volumes.py").write_text(TEST)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_volumes.py"],
        cwd=gept.folder,
        env=gept.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("port=9106", "port=9100"), "has the port of 5m, 9100"),
        (('name="volumes"', 'name="other"'), "calls itself 'other'"),
        (("COLLECTOR = Collector(", "COLLECTOR = dict("), "is dict, not a gept.model.Collector"),
        (("from msgspec import Struct", "from nowhere import Struct"), "cannot be loaded (Module"),
    ],
)
def test_one_that_does_not_fit_is_told_with_its_package(
    wrong: tuple[str, str], said: str, package: Path, gept: Gept
) -> None:
    module = package / "gept_volumes" / "__init__.py"
    module.write_text(module.read_text().replace(*wrong))

    ended = gept("status")

    assert ended.returncode == 2
    assert "of gept-volumes" in ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ports_and_intervals_of_single_collectors(gept: Gept) -> None:
    strange = gept("status", GEPT_LATESTT_INTERVAL="60", GEPT_5M_INTERVAL="60", GEPT_NEWS_PORT="x")
    value = gept("status", GEPT_LATESTT_INTERVAL="60", GEPT_5M_INTERVAL="60")

    assert (strange.returncode, value.returncode) == (2, 2)
    assert "GEPT_NEWS_PORT: 'x' is not a port" in strange.stderr
    assert "did you mean GEPT_LATEST_INTERVAL?" in value.stderr
    assert "GEPT_5M_INTERVAL" in value.stderr
    assert gept("once", "players", GEPT_PLAYERS_INTERVAL="1h").returncode == 0
    assert gept.sql("SELECT step FROM collectors") == "01:00:00"
