"""Whether the columns of a table are those that rows are written to, and what mends them.

What a column is to be follows from the record of the declaration: ``int`` goes to a bigint, or to
the type that ``Annotated[int, "integer"]`` names. A record's other types are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from ...errors import StoreBroken, StoreError, StoreRefused
from ...model import Table
from ..queries import named

WANTED = {
    bool: "boolean",
    int: "bigint",
    float: "double precision",
    str: "text",
    datetime: "timestamp with time zone",
}
NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "double precision"})
LOSSY = frozenset({"real"})
TAKES = {
    "boolean": frozenset({"boolean"}),
    "bigint": NUMBERS,
    "integer": NUMBERS,
    "double precision": frozenset({"numeric", "real", "double precision"}),
    "text": frozenset({"text", "character varying", "character", "citext"}),
    "timestamp with time zone": frozenset({"timestamp with time zone"}),
}
"""What holds the values of a type without changing them, if they are not too large for it."""
TOO_LARGE = frozenset({"22001", "22003"})
"""What the server says of a value that its column is too narrow for."""
NARROW = frozenset({"smallint", "integer", "real"})


class Column(NamedTuple):
    """A column as the catalog tells it; ``generated`` is one that the server fills itself."""

    relation: str
    name: str
    type: str
    oid: int
    generated: bool

    @property
    def narrow(self) -> bool:
        """Whether it may be too narrow for a value of the kind that it takes."""
        return self.type in NARROW or "(" in self.type


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table and its journal, as they are."""

    table: Table
    columns: tuple[Column, ...]

    def of(self, relation: str) -> dict[str, Column]:
        """Return the columns of one of them by name."""
        return {each.name: each for each in self.columns if each.relation == relation}


def look(cursor: Cursor[Any], table: Table) -> Shape:
    """Return the shape that a table has now."""
    about = {"tables": relations(table)}
    return Shape(table, tuple(Column(*each) for each in cursor.execute(named("shape"), about)))


def relations(table: Table) -> list[str]:
    """Return the tables that rows are written to."""
    return [name for name in (table.journal, table.name) if name is not None]


def require(shape: Shape) -> None:
    """Raise StoreBroken where rows cannot be written, or would not be the same afterwards."""
    if said := _told(shape):
        raise StoreBroken(said)


def blamed(shape: Shape, error: StoreRefused) -> StoreError:
    """Return what is to blame that rows were refused: a column's type, or the rows themselves."""
    too_narrow = [*_narrow(shape)] if error.state in TOO_LARGE else []
    return StoreBroken("; ".join(too_narrow)) if too_narrow else error


@lru_cache(maxsize=256)
def _told(shape: Shape) -> str:
    """Return what is wrong with a shape; a process judges each shape once."""
    return "; ".join(_faults(shape))


@cache
def wanted(table: Table) -> dict[str, str | None]:
    """Return the type that each column is to have; None where the declaration leaves it open."""
    try:
        hints = get_type_hints(table.record, include_extras=True)
    except NameError:  # a package that imports its types for the type checker only
        hints = {}
    return {name: _type_of(hints.get(name)) for name in table.columns}


def _type_of(hint: Any) -> str | None:
    if get_origin(hint) is Annotated:
        named_types = [each for each in hint.__metadata__ if each in TAKES]
        return named_types[0] if named_types else _type_of(get_args(hint)[0])
    kinds = [each for each in get_args(hint) or (hint,) if each is not NoneType]
    if len(kinds) == 1 and kinds[0] is not hint:
        return _type_of(kinds[0])
    return WANTED.get(hint)


def _faults(shape: Shape) -> Iterator[str]:
    for relation in relations(shape.table):
        columns = shape.of(relation)
        if not columns:
            yield (
                f"the table {relation} is not there: undo it if it was renamed, else restore it "
                "from a backup"
            )
            continue
        for name, kind in wanted(shape.table).items():
            if name not in columns:
                yield _missing(shape, relation, name, kind)
            elif kind is not None and not _fits(columns[name], kind):
                yield _wrong(columns[name], kind)


def _fits(column: Column, kind: str) -> bool:
    return column.type.split("(")[0] in TAKES[kind]


def _narrow(shape: Shape) -> Iterator[str]:
    for column in shape.columns:
        kind = wanted(shape.table).get(column.name)
        if kind is not None and column.type != kind and column.narrow:
            yield _wrong(column, kind)


def _wrong(column: Column, kind: str) -> str:
    name = Identifier(column.name)
    value = SQL("{}::{}" if column.type in LOSSY | NUMBERS else "{}::text::{}")
    alter = SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}").format(
        Identifier(column.relation), name, SQL(kind), value.format(name, SQL(kind))
    )
    return (
        f"the column {column.name} of {column.relation} has the type {column.type}, where gept "
        f"writes {kind}; mend it by: {alter.as_string()}"
    )


def _missing(shape: Shape, relation: str, name: str, kind: str | None) -> str:
    """Tell what brings a column back: another one that it may have become, or a new one."""
    said = f"the table {relation} has no column {name}"
    table, lost = Identifier(relation), Identifier(name)
    others = [each for each in _undeclared(shape, relation) if kind is None or _fits(each, kind)]
    if others:
        rename = SQL("ALTER TABLE {} RENAME COLUMN {} TO {}")
        mend = rename.format(table, Identifier(others[0].name), lost).as_string()
        return f"{said}; if it was renamed, mend it by: {mend}"
    add = SQL("ALTER TABLE {} ADD COLUMN {} {}").format(table, lost, SQL(kind or "TYPE"))
    return f"{said}; mend it by: {add.as_string()}, and restore what it held from a backup"


def _undeclared(shape: Shape, relation: str) -> list[Column]:
    known = {*shape.table.columns}
    columns = shape.of(relation).values()
    return [each for each in columns if each.name not in known and not each.generated]
