"""What the declaration of a collector must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gept.collectors import load_all
from gept.collectors.five_minutes import COLLECTOR
from gept.declaration import faults
from gept.model import Collector, Resume
from gept.schedule import Every
from gept.sources import CHANGES, Source

OWN = Source("own", "GEPT_OWN_URL", "https://host.example/", "Somebody's.")


@pytest.mark.parametrize("collector", load_all().values(), ids=lambda each: each.name)
def test_ours_are_declared_well(collector: Collector) -> None:
    assert faults(collector) == []


def changed(**values: Any) -> Callable[[], Collector]:
    return lambda: replace(COLLECTOR, **values)


def source(**values: Any) -> Callable[[], Collector]:
    return lambda: replace(COLLECTOR, source=replace(OWN, **values))


def table(**values: Any) -> Callable[[], Collector]:
    return lambda: replace(COLLECTOR, table=replace(COLLECTOR.table, **values))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (changed(name="Five"), "name: 'Five' is no fitting name; use small letters"),
        (changed(name="gept"), "name: 'gept' is no fitting name"),
        (changed(name=5), "name: 5 is int, not str"),
        (changed(about=" "), "about: ' ' is empty"),
        (changed(port=0), "port: 0 is not a port; set a whole number from 1 to 65535"),
        (changed(port=True), "port: True is bool, not int"),
        (changed(port="9106"), "port: '9106' is str, not int"),
        (changed(port=8080), "port: 8080 is the port of `gept up`, DASHBOARD_PORT"),
        (source(url="nonsense"), "source.url: 'nonsense' is not a web address"),
        (
            source(setting="OWN_URL"),
            "source.setting: 'OWN_URL' is no fitting name; use one such as",
        ),
        (source(setting="GEPT_OWN_PORT"), "source.setting: 'GEPT_OWN_PORT' is no fitting name"),
        (
            source(setting=CHANGES.setting),
            "source.setting: 'GEPT_CHANGES_URL' is a setting of gept",
        ),
        (source(name="prices"), "source.name: 'prices' is a source of gept's own"),
        (source(name=None), "source.name: None is NoneType, not str"),
        (changed(schedule=Every(timedelta(0))), "schedule.interval: datetime.timedelta(0) is too"),
        (changed(schedule=300), "schedule: 300 is int, not Every"),
        (
            changed(schedule=Every(timedelta(hours=1), timedelta(-1))),
            "schedule.delay: datetime.timedelta(days=-1) is negative",
        ),
        (table(name="Volumes; DROP"), "table.name: 'Volumes; DROP' is no fitting name"),
        (table(record=dict), "table.record: <class 'dict'> is no NamedTuple"),
        (table(key="item_id"), "table.key: 'item_id' is str, not tuple[str, ...]"),
        (table(key=()), "table.key: () is empty"),
        (
            table(key=("item_id", "day")),
            "table.key: 'day' is no field of Average; there are item_id",
        ),
        (table(key=COLLECTOR.table.columns), "table.key: it has every column"),
        (table(time="at"), "table.time: 'at' is no field of Average"),
        (table(stamps=("at",)), "table.stamps: 'at' is no field of Average"),
        (table(partition=timedelta(0)), "table.partition: datetime.timedelta(0) is no length"),
        (changed(resume=Resume("feed", "x")), "resume.column: 'feed' is no field of Average"),
        (changed(decode=None), "decode: None is NoneType, not Callable"),
        (
            changed(history=datetime(2021, 3, 8)),
            "history: datetime.datetime(2021, 3, 8, 0, 0) has no",
        ),
        (changed(settles=timedelta(-1)), "settles: datetime.timedelta(days=-1) is negative"),
        (changed(expect=range(0)), "expect: range(0, 0) holds no number of rows"),
        (changed(tolerates=20), "tolerates: 20 is no share; use a number from 0 to 1"),
        (changed(migrations="json"), "migrations: 'json' is no package with a folder migrations"),
    ],
)
def test_each_fault_names_the_field_the_value_and_the_remedy(
    wrong: Callable[[], Collector], said: str
) -> None:
    [found] = faults(wrong())

    assert found.startswith(said)


def test_every_fault_is_told_at_once() -> None:
    assert len(faults(replace(COLLECTOR, port=0, tolerates=2.0, source=replace(OWN, url="")))) == 3
