"""Where a table is, where its hypertable grows, and where the old one goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier, Literal

from ...model import Table

NEW = "converting"
"""The schema of what is not finished. Names of keys and indexes stay the same in one of its own."""
OLD = "converted"
"""The schema of tables that were replaced."""
STAND = """
    SELECT set_config(
        'search_path', concat_ws(', ', %s::text, current_setting('search_path')), true)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A table of gept's, in the schema in which gept's are."""

    table: Table
    schema: str

    @property
    def name(self) -> str:
        """The name of the table that is partitioned."""
        return self.table.journal or self.table.name

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its key."""
        return tuple(dict.fromkeys((*self.table.key, self.table.time)))

    @property
    def old(self) -> Identifier:
        """The table as it is until it is replaced."""
        return Identifier(self.schema, self.name)

    @property
    def new(self) -> Identifier:
        """The hypertable beside it."""
        return Identifier(NEW, self.name)

    @property
    def note(self) -> Identifier:
        """The function that notes what is written."""
        return Identifier(NEW, f"{self.name}_written")

    def said(self, text: LiteralString) -> Composed:
        """Return a statement with the names of this place in it, and with no parameters."""
        names = {"old": self.old, "new": self.new, "note": self.note}
        about = {"name": Literal(self.name), "time": Identifier(self.table.time)}
        return SQL(text).format(**names, **about)


def stand_in_new(cursor: Cursor[Any]) -> None:
    """Let a table's bare name be that of the new one, until the transaction ends."""
    cursor.execute(STAND, (NEW,))
