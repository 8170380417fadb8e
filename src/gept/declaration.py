"""What the declaration of a collector must be, so that a wrong one is told before it is used.

gept's own are checked by its tests; those of other packages when they are found. Each fault is a
sentence that names the field, its value, and what would be right.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from importlib.resources import files
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

from . import sources
from .model import Collector, Resume, Series, Table
from .schedule import EPOCH, Every
from .settings import PER_COLLECTOR, Settings, declared, named
from .settings.readers import Wrong, port, url
from .sources import Source

NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,44}")
MIGRATION = re.compile(r"(\d{4})_(\w+)\.sql")
PARTS = (Every, Resume, Series, Source, Table)
SHORTEST = timedelta(seconds=10)
DASHBOARD = Settings().dashboard_port

Rule = Callable[[Any], object]


def faults(collector: Collector) -> list[str]:
    """Return what is wrong with a declaration: types first, then values, then what they name."""
    return (
        [*_wrong_types(collector)]
        or [*_wrong_values(collector), *_borrowed(collector.source)]
        or [*_wrong_columns(collector)]
    )


def _wrong_types(value: Any, path: str = "") -> Iterator[str]:
    """Yield each field that has another type than it declares, and those of its parts."""
    hints = get_type_hints(type(value))
    for each in fields(value):
        name, found = f"{path}{each.name}", getattr(value, each.name)
        if not fits(found, hints[each.name]):
            yield f"{name}: {found!r} is {type(found).__name__}, not {each.type}"
        elif isinstance(found, PARTS):
            yield from _wrong_types(found, f"{name}.")


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value has a type, as far as can be told without calling or reading it."""
    origin, of = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in {Union, types.UnionType}:
        return any(fits(value, each) for each in of)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, of[0]) for each in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, origin or hint) and not (hint is int and isinstance(value, bool))


def _wrong_values(collector: Collector) -> Iterator[str]:
    for path, rule in RULES.items():
        value = attrgetter(path)(collector)
        try:
            if value is not None:
                rule(value)
        except Wrong as fault:
            yield f"{path}: {value!r} {fault}"


def _borrowed(source: Source) -> Iterator[str]:
    """Yield what a source has of gept's own; those of gept may be used as they are."""
    if source in sources.ALL:
        return
    if source.name in {each.name for each in sources.ALL}:
        yield f"source.name: {source.name!r} is a source of gept's own; use another name"
    if source.setting in {named(each) for each in declared()}:
        yield f"source.setting: {source.setting!r} is a setting of gept's own; use another name"


def _wrong_columns(collector: Collector) -> Iterator[str]:
    """Yield each name of a column that no row has."""
    table = collector.table
    named_by = {"key": table.key, "time": (table.time,), "stamps": table.stamps}
    for field, names in named_by.items():
        if strange := [name for name in names if name not in table.columns]:
            yield _no_column(f"table.{field}", strange[0], table)
    if not set(table.columns) - set(table.key):
        yield "table.key: it has every column of the row; a row must have a value beside its key"
    resume = collector.resume
    if resume is not None and resume.column not in table.columns:
        yield _no_column("resume.column", resume.column, table)


def _no_column(field: str, name: str, table: Table) -> str:
    there = ", ".join(table.columns)
    return f"{field}: {name!r} is no field of {table.record.__name__}; there are {there}"


# What single values must be: each rule raises Wrong.


def _name(value: str) -> None:
    if not NAME.fullmatch(value) or value == "gept":
        raise Wrong("is no fitting name; use small letters and digits, joined by _")


def _text(value: str) -> None:
    if not value.strip():
        raise Wrong("is empty; say what it is")


def _port(value: int) -> None:
    port(str(value))
    if value == DASHBOARD:
        raise Wrong("is the port of `gept up`, DASHBOARD_PORT; use one from 9106 on")


def _source_setting(value: str) -> None:
    if not PER_COLLECTOR.fullmatch(value) or not value.endswith("_URL"):
        raise Wrong("is no fitting name; use one such as GEPT_VOLUMES_URL")


def _url(value: str) -> None:
    url(value)


def _interval(value: timedelta) -> None:
    if value < SHORTEST:
        raise Wrong(f"is too short; use {SHORTEST.seconds} seconds or more")


def _not_negative(value: timedelta) -> None:
    if value < timedelta(0):
        raise Wrong("is negative; use timedelta(0) or more")


def _positive(value: timedelta) -> None:
    if value <= timedelta(0):
        raise Wrong("is no length of time; use more than timedelta(0)")


def _identifier(value: str) -> None:
    if not IDENTIFIER.fullmatch(value):
        raise Wrong("is no fitting name; use up to 45 small letters, digits and _")


def _record(value: type[Any]) -> None:
    if not (issubclass(value, tuple) and getattr(value, "_fields", None)):
        raise Wrong("is no NamedTuple; declare one whose fields are the columns, in order")


def _key(value: tuple[str, ...]) -> None:
    if not value:
        raise Wrong("is empty; name the columns that tell one row from another")


def _moment(value: datetime) -> None:
    if value.tzinfo is None or value < EPOCH:
        raise Wrong("has no time zone or is before 1970; write datetime(2021, 3, 8, tzinfo=UTC)")


def _expected(value: range) -> None:
    if not value or value.step != 1 or value.start < 0:
        raise Wrong("holds no number of rows; use one such as range(1, 10_000)")


def _share(value: float) -> None:
    if not 0 <= value <= 1:
        raise Wrong("is no share; use a number from 0 to 1")


def _migrations(value: str) -> None:
    numbers = [int(match[1]) for match in map(MIGRATION.fullmatch, _scripts(value)) if match]
    if len(numbers) < len(_scripts(value)) or not numbers:
        raise Wrong("needs files with names such as 0001_volumes.sql in its folder migrations")
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        told = ", ".join(f"{number:04d}" for number in sorted(numbers))
        raise Wrong(f"has the migrations {told}; number them from 0001 on, without a gap")


def _scripts(package: str) -> Sequence[str]:
    """Return the names of the SQL files in a package's folder ``migrations``."""
    try:
        folder = files(package).joinpath("migrations")
        return [each.name for each in folder.iterdir() if each.name.endswith(".sql")]
    except (ImportError, OSError, TypeError, ValueError):
        raise Wrong("is no package with a folder migrations; name one that is installed") from None


RULES: dict[str, Rule] = {
    "name": _name,
    "about": _text,
    "port": _port,
    "source.name": _name,
    "source.setting": _source_setting,
    "source.url": _url,
    "schedule.interval": _interval,
    "schedule.delay": _not_negative,
    "table.name": _identifier,
    "table.journal": _identifier,
    "table.record": _record,
    "table.key": _key,
    "table.partition": _positive,
    "history": _moment,
    "settles": _not_negative,
    "expect": _expected,
    "tolerates": _share,
    "patience": _not_negative,
    "migrations": _migrations,
}
"""What each value must be, by its path; what is None is not judged."""
