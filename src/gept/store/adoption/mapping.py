"""How an old row becomes one of gept's, as SQL: the values, and why a row can be none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from .shapes import Column, Kind, Shape

Types = Mapping[str, str]
"""The columns of an old table and their types, without lengths."""

INTEGERS = ("smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "numeric", "real", "double precision")
ZONED, ZONELESS = "timestamp with time zone", "timestamp without time zone"
FITTING: Mapping[Kind, tuple[str, ...]] = {
    Kind.ID: NUMBERS,
    Kind.AMOUNT: NUMBERS,
    Kind.MOMENT: (ZONED, ZONELESS, *INTEGERS),
    Kind.TEXT: ("text", "character varying", "character"),
    Kind.FLAG: ("boolean",),
}
TYPES: Mapping[Kind, LiteralString] = {
    Kind.ID: "integer",
    Kind.AMOUNT: "bigint",
    Kind.MOMENT: "timestamptz",
    Kind.TEXT: "text",
    Kind.FLAG: "boolean",
}
RANGES = {Kind.ID: (1, 2**31 - 1), Kind.AMOUNT: (0, 9 * 10**18)}
SECONDS = (0, 4_102_444_800)
"""Times are believed from 1970 to 2100."""
EPOCH = SQL("'1970-01-01Z'::timestamptz")
BEGUN = SQL("'2013-01-01Z'::timestamptz")
"""Before this there was no game to have prices."""


def source_of(column: Column, types: Types) -> str | None:
    """Return the name under which an old table has a column."""
    return next((name for name in column.names if name in types), None)


def faults(shape: Shape, types: Types) -> Iterator[str]:
    """Yield why a table cannot be adopted, as sentences."""
    for column in shape.columns:
        name = source_of(column, types)
        if name is None:
            if column.needed:
                yield f"{shape.old}: it has no column {column.name!r}; add it, or rename the table"
        elif types[name] not in FITTING[column.kind]:
            fitting = " or ".join(FITTING[column.kind])
            yield f"{shape.old}.{name}: its type is {types[name]}; change it to {fitting}"


def untold(shape: Shape, types: Types) -> list[str]:
    """Return the columns of an old table that gept has no place for."""
    known = {source_of(each, types) for each in shape.columns}
    return [name for name in types if name not in known]


def filled(shape: Shape, types: Types) -> list[str]:
    """Return the columns of gept's that an old table fills, without those of the key."""
    return [
        each.name
        for each in shape.columns
        if source_of(each, types) is not None and each.name not in shape.key
    ]


def values(shape: Shape, types: Types, step: timedelta) -> Composable:
    """Return the columns of a row ``new`` made of a row ``old``; what does not fit is NULL."""
    return SQL(", ").join(
        SQL("{} AS {}").format(_value(shape, each, types, step), Identifier(each.name))
        for each in shape.columns
    )


def reason(shape: Shape, types: Types, step: timedelta) -> Composable:
    """Return why the row ``new`` of a row ``old`` is none of gept's; NULL where it is one."""
    cases = [_missing(shape, types), _unfit(shape, types)]
    if shape.time is not None:
        time = Identifier("new", shape.time)
        beyond = SQL("{0} < {1} OR {0} > now() + interval '1 day'").format(time, BEGUN)
        cases.append(SQL("WHEN {} THEN 'out_of_time'").format(beyond))
        cases.append(SQL("WHEN {} <> {} THEN 'not_aligned'").format(time, floored(time, step)))
    return SQL("CASE {} END").format(SQL(" ").join(cases))


def floored(time: Composable, step: timedelta) -> Composable:
    """Return the tick that a moment lies in."""
    seconds = Literal(int(step.total_seconds()))
    return SQL("date_bin(make_interval(secs => {}), {}, {})").format(seconds, time, EPOCH)


def _missing(shape: Shape, types: Types) -> Composable:
    olds = [source_of(each, types) for each in shape.columns if each.needed]
    nulls = [SQL("{} IS NULL").format(Identifier("old", name)) for name in olds if name]
    return SQL("WHEN {} THEN 'missing_value'").format(SQL(" OR ").join(nulls))


def _unfit(shape: Shape, types: Types) -> Composable:
    """Tell whether a value was there that did not fit."""
    lost = SQL("{} IS NOT NULL AND {} IS NULL")
    found = [
        lost.format(Identifier("old", name), Identifier("new", each.name))
        for each in shape.columns
        if (name := source_of(each, types)) is not None
    ]
    return SQL("WHEN {} THEN 'out_of_range'").format(SQL(" OR ").join(found))


def _value(shape: Shape, column: Column, types: Types, step: timedelta) -> Composable:
    name = source_of(column, types)
    if name is None:
        return SQL("NULL::{}").format(SQL(TYPES[column.kind]))
    old = Identifier("old", name)
    made = _moment(old, types[name]) if column.kind is Kind.MOMENT else _plain(old, column.kind)
    return floored(made, step) if shape.floors and column.name == shape.time else made


def _moment(old: Composable, of: str) -> Composable:
    if of in INTEGERS:
        fits = SQL("CASE WHEN {} BETWEEN {} AND {} THEN to_timestamp({}) END")
        return fits.format(old, *map(Literal, SECONDS), old)
    moment = old if of == ZONED else SQL("({} AT TIME ZONE 'UTC')").format(old)
    ends = [SQL("to_timestamp({})").format(Literal(each)) for each in SECONDS]
    return SQL("CASE WHEN {} BETWEEN {} AND {} THEN {} END").format(moment, *ends, moment)


def _plain(old: Composable, kind: Kind) -> Composable:
    cast = SQL("{}::{}").format(old, SQL(TYPES[kind]))
    if kind not in RANGES:
        return cast
    low, high = map(Literal, RANGES[kind])
    whole = SQL("{} BETWEEN {} AND {} AND {} = trunc({}::numeric)")
    fits = whole.format(old, low, high, old, old)
    return SQL("CASE WHEN {} THEN {} END").format(fits, cast)
