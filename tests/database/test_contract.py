"""What every collector promises, checked against the real schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from conftest import Machine

from gept.collectors import load_all
from gept.model import Collector, Request, Status, Tick

Query = Callable[..., list[Any]]
KEYS = """
    SELECT array_agg(attname::text) FROM pg_index JOIN pg_attribute
      ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = %s::regclass AND indisunique GROUP BY indexrelid
"""
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
every = pytest.mark.parametrize("collector", load_all().values(), ids=lambda each: each.name)


@every
def test_its_record_is_made_of_columns_of_its_tables(collector: Collector, query: Query) -> None:
    for table in filter(None, (collector.table.name, collector.table.journal)):
        assert set(collector.table.columns) <= {name for (name,) in query(COLUMNS, table)}


@every
def test_its_key_is_one_of_the_table(collector: Collector, query: Query) -> None:
    keys = [set(found) for (found,) in query(KEYS, collector.table.name)]

    assert set(collector.table.key) in keys


@every
def test_it_asks_its_own_source_first_and_only_for_what_the_tick_says(collector: Collector) -> None:
    tick = Tick(collector.schedule.newest(_noon(collector)))

    requests = list(collector.requests(tick))

    assert requests[0].source is collector.source
    assert requests == list(collector.requests(tick))
    assert all(isinstance(each, Request) for each in requests)


def _noon(collector: Collector) -> Any:
    from conftest import NOW

    return NOW


@every
def test_it_is_documented(collector: Collector) -> None:
    assert inspect.getdoc(collector.table.record)
    assert inspect.getdoc(collector.decode)
    assert inspect.getdoc(collector.requests)
    assert collector.about


@every
def test_it_has_a_port_and_a_name_of_its_own(collector: Collector) -> None:
    others = [each for each in load_all().values() if each.name != collector.name]

    assert collector.port not in {each.port for each in others}
    assert collector.name.isidentifier() or f"_{collector.name}".isidentifier()


@every
def test_it_is_stale_only_after_a_tick_was_missed(collector: Collector) -> None:
    newest = collector.schedule.newest(_noon(collector))
    following = collector.schedule.due(collector.schedule.following(newest))

    assert collector.stale_at(newest) - following >= timedelta(minutes=4)


@every
def test_a_tick_gives_rows_and_the_same_tick_again_gives_none(
    collector: Collector, machine: Machine
) -> None:
    first = machine.run(collector)
    again = machine.run(collector)

    assert (first.status, again.status) == (Status.DONE, Status.DONE)
    assert first.counts.inserted > 0
    assert (again.counts.inserted, again.counts.updated, again.counts.removed) == (0, 0, 0)


@every
def test_it_takes_no_row_from_an_empty_answer(
    collector: Collector, machine: Machine, upstream: Any
) -> None:
    upstream.answer = lambda *_: {"data": {}}

    finished = machine.run(collector)

    assert finished.status in {Status.NOT_YET, Status.REFUSED}
    assert finished.counts.rows == 0
