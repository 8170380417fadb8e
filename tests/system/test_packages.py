"""Collectors of other packages: found, validated and run like ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from services import Services

from system.conftest import Gept

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-collector-package.md"
BLOCK = re.compile(r"```\w+\n(?:#|--) (\S+)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall(PAGE.read_text())
PROJECTS = [text for name, text in BLOCKS if name == "pyproject.toml"]
FILES = dict(BLOCKS)
MIGRATION = FILES["src/gept_volumes/migrations/0001_volumes.sql"]
TEST = """
from gept.testing import CollectorContract, gept_database, gept_server
from gept_volumes import COLLECTOR

class TestVolumes(CollectorContract):
    collector = COLLECTOR

    def answer(self, request):
        return b'{"timestamp": 1, "data": {"2": 9800898, "4151": 1200}}'
"""

SETTINGS = ("PYTHONPATH", "GEPT_VOLUMES_URL")


def lay(name: str, gept: Gept) -> Path:
    """Lay a package of the page beside gept, as an installer would."""
    site, about = gept.folder / "site", gept.folder / "site" / f"gept_{name}-1.0.dist-info"
    for file, text in FILES.items():
        if file.startswith(f"src/gept_{name}/"):
            path = site / file.removeprefix("src/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    [project] = [
        found for text in PROJECTS if name in (found := tomllib.loads(text))["project"]["name"]
    ]
    [(group, points)] = project["project"]["entry-points"].items()
    about.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: 1.0\n"
    (about / "METADATA").write_text(metadata)
    (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {points[name]}\n")
    gept.environ["PYTHONPATH"] = str(site)
    return site


@pytest.fixture
def package(gept: Gept, upstream: Services) -> Path:
    """Lay the package of a source of the present beside gept."""
    gept.environ["GEPT_VOLUMES_URL"] = upstream.url
    return lay("volumes", gept)


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


def contract(gept: Gept, test: str) -> str:
    """Run a test file with the package beside gept; return what pytest tells."""
    (gept.folder / "test_it.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=gept.folder,
        env=gept.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_contract_runs_over_it(package: Path, gept: Gept) -> None:
    assert "7 passed" in contract(gept, TEST)


def test_one_that_knows_the_past_is_run_backfilled_and_tested(
    gept: Gept, upstream: Services
) -> None:
    def answer(path: str, query: dict[str, str], fault: str) -> Any:
        herbs, runes = {"name": "herbs", "price": 12, "traded": 7}, {"name": "runes", "price": 9}
        return path == "/hour" and {"hour": int(query["start"]), "baskets": [herbs, runes]}

    upstream.answer = answer  # type: ignore[method-assign]
    gept.environ["GEPT_BASKETS_URL"] = upstream.url
    lay("baskets", gept)

    done = gept("backfill", "baskets", "--since", "2024-01-01", "--until", "2024-01-01T03:00")

    assert "no ticks missing" in done.stdout, done.stderr
    assert "begins with 2024-01-01" in gept("once", "baskets", "--at", "2023-12-31").stderr
    assert gept.sql("SELECT basket, count(traded), count(*) FROM basket_prices GROUP BY 1") == (
        "herbs|3|3\nrunes|0|3"
    )
    assert "8 passed" in contract(gept, FILES["tests/test_baskets.py"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("port=9106", "port=9100"), "has the port of 5m, 9100"),
        (('name="volumes"', 'name="other"'), "calls itself 'other'"),
        (("COLLECTOR = Collector(", "COLLECTOR = dict("), "is dict, not a gept.model.Collector"),
        (("from msgspec import Struct", "from nowhere import Struct"), "cannot be loaded (Module"),
        (("from msgspec import Struct", "nothing"), "cannot be loaded (NameError: name 'nothing'"),
        (
            ("class Volume(", "raise ValueError('odd')\nclass Volume("),
            "cannot be loaded (ValueError",
        ),
        (("port=9106", "port=80000"), "port: 80000 is not a port; set a whole number from 1"),
        (("days=1", "days=0"), "schedule.interval: datetime.timedelta(0) is too short; use 10"),
        (
            ('migrations="gept_volumes"', 'migrations="nothere"'),
            "migrations: 'nothere' is no package",
        ),
        (
            ("    migrations=", "    # "),
            "table.name: 'daily_volumes' is not there; let a migration",
        ),
        (('"daily_volumes"', '"ledger"'), "table.name: 'ledger' is a table of gept's own"),
        (('("item_id", "timestamp")', '("item_id",)'), "has no unique index on item_id; make that"),
        (("    volume: int", "    volumes: int"), "'daily_volumes' has no column 'volumes'; there"),
    ],
)
def test_one_that_does_not_fit_is_told_with_its_package(
    wrong: tuple[str, str], said: str, package: Path, gept: Gept
) -> None:
    module = package / "gept_volumes" / "__init__.py"
    module.write_text(module.read_text().replace(*wrong))

    ended = gept("db", "migrate")

    assert ended.returncode == 2
    assert "of gept-volumes" in ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        (
            {"0001_volumes": MIGRATION, "0003_more": "SELECT 1"},
            2,
            "has the migrations 0001, 0003; number them from 0001 on, without a gap",
        ),
        ({"1_volumes": MIGRATION}, 2, "needs files with names such as 0001_volumes.sql"),
        (
            {"0001_volumes": "SELECT * FROM nowhere"},
            7,
            "migration 1 (volumes) of gept_volumes cannot be applied: relation",
        ),
    ],
)
def test_migrations_that_do_not_fit_are_told_with_their_package(
    files: dict[str, str], code: int, said: str, package: Path, gept: Gept
) -> None:
    folder = package / "gept_volumes" / "migrations"
    (folder / "0001_volumes.sql").unlink()
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)

    ended = gept("db", "migrate")

    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_migration_that_changes_later_is_told_with_its_package(package: Path, gept: Gept) -> None:
    gept("db", "migrate")
    file = package / "gept_volumes" / "migrations" / "0001_volumes.sql"
    file.write_text(f"{MIGRATION}-- changed")

    ended = gept("db", "status")

    assert ended.returncode == 7
    assert "migration 1 (volumes) of gept_volumes is not the one that was applied" in ended.stderr
    assert "install a released gept_volumes" in ended.stderr


def test_ports_and_intervals_of_single_collectors(gept: Gept) -> None:
    strange = gept("status", GEPT_LATESTT_INTERVAL="60", GEPT_5M_INTERVAL="60", GEPT_NEWS_PORT="x")
    value = gept("status", GEPT_LATESTT_INTERVAL="60", GEPT_5M_INTERVAL="60")

    assert (strange.returncode, value.returncode) == (2, 2)
    assert "GEPT_NEWS_PORT: 'x' is not a port" in strange.stderr
    assert "did you mean GEPT_LATEST_INTERVAL?" in value.stderr
    assert "GEPT_5M_INTERVAL" in value.stderr
    assert gept("once", "players", GEPT_PLAYERS_INTERVAL="1h").returncode == 0
    assert gept.sql("SELECT step FROM collectors") == "01:00:00"
