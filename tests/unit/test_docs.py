"""Whatever a user can name has its place in the documentation, and every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from gept.cli import gept
from gept.cli.exits import Exit
from gept.cli.settings import section
from gept.collectors import load_all
from gept.model import (
    Collector,
    Decoded,
    Rejected,
    Request,
    Response,
    Resume,
    Series,
    Table,
    Tick,
    Vanished,
)
from gept.observe.health import Health
from gept.observe.metrics import Metrics
from gept.schedule import Every
from gept.settings import declared
from gept.simulate.faults import KINDS
from gept.sources import Source
from gept.store.schema.migrate import shipped

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def headings(page: str) -> set[str]:
    text = (REFERENCE / page).read_text()
    return {line.lstrip("# ").strip("`") for line in text.splitlines() if line.startswith("#")}


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from commands(found, f"{name} {each}")


PARTS = (
    Collector,
    Every,
    Source,
    Table,
    Tick,
    Request,
    Response,
    Decoded,
    Rejected,
    Resume,
    Series,
)
COMMANDS = dict(commands(gept, "gept"))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_each_option_is_documented(name: str) -> None:
    text = (REFERENCE / "commands.md").read_text()
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    options = [
        option
        for parameter in COMMANDS[name].params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--")
    ]

    assert section
    assert [option for option in options if f"`{option}" not in section] == []


def test_each_exit_code_is_documented() -> None:
    text = (REFERENCE / "commands.md").read_text()

    assert [code for code in Exit if f"\n| {code.value} |" not in text] == []


def test_each_fault_of_the_simulator_is_documented() -> None:
    text = (REFERENCE / "commands.md").read_text()

    assert [kind for kind in KINDS if f"\n| `{kind}` |" not in text] == []


def test_each_setting_is_documented() -> None:
    names = {each.metadata["name"] for each in declared()}
    text = (REFERENCE / "settings.md").read_text()

    assert names - headings("settings.md") == set()
    assert all(
        f"{each.metadata['name']}_FILE" in text for each in declared() if each.metadata["secret"]
    )


def test_the_page_of_settings_is_made_from_their_declarations() -> None:
    text = (REFERENCE / "settings.md").read_text()

    assert [each.name for each in declared() if f"{section(each)}\n" not in text] == []


def test_each_collector_is_documented() -> None:
    text = (REFERENCE / "collectors.md").read_text()

    assert set(load_all()) - headings("collectors.md") == set()
    for collector in load_all().values():
        section = text.partition(f"\n## {collector.name}\n")[2].partition("\n## ")[0]
        assert f"Port: {collector.port}" in section
        assert f"{collector.schedule.interval.total_seconds():.0f} s" in section


PACKAGES = (ROOT / "docs" / "how-to" / "write-a-collector-package.md").read_text()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_each_field_of_what_a_collector_is_made_of_is_documented(part: Any) -> None:
    section = PACKAGES.partition(f"\n### {part.__name__}\n")[2].partition("\n##")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert documented == [each.name for each in fields(part)]


def test_what_may_be_imported_is_there() -> None:
    table = PACKAGES.partition("\n## What may be imported\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(gept[\w.]+)` \| (.*) \|$", table, re.MULTILINE)

    assert len(rows) > 5
    for module, names in rows:
        found = import_module(module)
        assert [each for each in re.findall(r"`(\w+)`", names) if not hasattr(found, each)] == []


def test_each_way_to_vanish_is_documented() -> None:
    assert [each for each in Vanished if f"`Vanished.{each.name}`" not in PACKAGES] == []


def test_each_table_view_and_function_is_documented() -> None:
    sql = "\n".join(each.sql for each in shipped())
    names = set(re.findall(r"CREATE (?:TABLE|VIEW|FUNCTION) (\w+)", sql))
    kept = {name for name in names if "_keep_" not in name}

    assert kept - {name.partition("(")[0] for name in headings("tables.md")} == set()


def test_each_metric_is_documented() -> None:
    collectors = load_all()
    health = Health(collectors.values(), lambda: None)  # type: ignore[arg-type, return-value]
    registry: Any = Metrics(collectors.values(), health, lambda: None).registry  # type: ignore[arg-type, return-value]
    names = {name for found in registry._collector_to_names.values() for name in found}
    names |= {
        "gept_lag_seconds",
        "gept_lag_limit_seconds",
        "gept_ticks_missing",
        "gept_completeness_ratio",
        "gept_database_up",
        "gept_build_info",
        "gept_certificate_expires_timestamp",
        "gept_backup_last_success_timestamp",
        "gept_backup_last_verified_timestamp",
        "gept_backup_faulty",
    }
    families = {
        re.sub(rf"^gept_({'|'.join(collectors)})_", "gept_<collector>_", name)
        for name in names
        if not name.endswith(("_created", "_sum", "_count", "_bucket"))
    } | {"gept_<collector>_last_timestamp"}
    documented = headings("metrics.md")

    assert {
        name for name in families if name not in documented and f"{name}_total" not in documented
    } == set()


def test_each_room_of_the_source_and_each_file_beside_them_is_told() -> None:
    text = (ROOT / "docs" / "how-to" / "develop.md").read_text()
    rooms = (ROOT / "src" / "gept").glob("[a-z]*")
    wanted = {f"{each.name}/" if each.is_dir() else each.name for each in rooms}

    assert {each for each in wanted if f"`{each}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_one_screen_and_names_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()

    assert len(readme.splitlines()) <= 60
    assert "make test" in readme
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_locks_have_hashes_and_no_addresses() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9\-]+==", text, re.MULTILINE)

        assert "://" not in text
        assert len(pinned) > 20
        assert text.count("--hash=sha256:") >= len(pinned)
