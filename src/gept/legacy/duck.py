"""DuckDB files of older collectors: opened read-only, and recognised by the columns in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..extras import installing
from .shapes import KNOWN, Shape

if TYPE_CHECKING:
    import duckdb

NEEDED = (
    "DuckDB is not installed, without which its files cannot be read; install gept with the extra "
    f"`duckdb`: {installing('duckdb')}"
)
BATCH = 10_000
COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()
    WHERE NOT internal ORDER BY schema_name, table_name, column_index
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A table of a file that is known: its columns by what they are to us, with their types."""

    file: Path
    schema: str
    name: str
    shape: Shape
    columns: Mapping[str, str]
    types: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"

    @property
    def source(self) -> str:
        """The table, as SQL has it."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def moment(self, ours: str) -> str:
        """Return the SQL of a time in microseconds since 1970; one without a zone is UTC."""
        column = quoted(self.columns[ours])
        zoned = self.types[self.columns[ours]].endswith("TIME ZONE")
        value = column if zoned else f"{column}::TIMESTAMP"
        return f"CASE WHEN isfinite({value}) THEN epoch_us({value}) END"

    def column(self, ours: str) -> str:
        """Return the SQL of a column; NULL where the table has none for it."""
        return quoted(self.columns[ours]) if ours in self.columns else "NULL"


class File:
    """An open file and the tables in it that are known."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection
        self.tables = self._recognised()

    def rows(self, query: str, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Yield what a query finds, some rows at a time. Raises UsageError for a torn file."""
        with _told(self.path):
            cursor = self._connection.cursor().execute(query, values)
            while rows := cursor.fetchmany(BATCH):
                yield rows

    def _recognised(self) -> list[Held]:
        there: dict[tuple[str, str], dict[str, str]] = {}
        for rows in self.rows(COLUMNS):
            for schema, table, column, kind in rows:
                there.setdefault((schema, table), {})[column] = kind
        found = [
            _checked(Held(self.path, *name, shape, matched, columns))
            for name, columns in there.items()
            for shape in KNOWN
            if (matched := shape.match(columns)) is not None
        ]
        if not found:
            raise UsageError(f"{self.path}: {_strange(there)}")
        return found


@contextmanager
def opened(path: Path) -> Iterator[File]:
    """Open a file for reading. Raises UsageError with what is wrong with it, and what to do."""
    try:
        import duckdb
    except ImportError:
        raise UsageError(NEEDED) from None
    with _told(path):
        connection = duckdb.connect(path, read_only=True)
    with connection:
        yield File(path, connection)


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what is wrong with a file in a sentence."""
    import duckdb

    try:
        yield
    except duckdb.ProgrammingError:
        raise
    except duckdb.Error as error:
        raise UsageError(f"{path}: {_why(str(error))}") from error


def _why(said: str) -> str:
    line = said.partition("\n")[0].strip()
    if "Could not set lock" in said:
        return "another program has it open; stop that one, or import a copy of the file"
    if "not a valid DuckDB database" in said:
        return "is no DuckDB file; name one of an older collector"
    return f"cannot be read: it is cut or damaged, or of a newer DuckDB ({line})"


def _checked(held: Held) -> Held:
    if faults := held.shape.faults(held.columns, held.types):
        raise UsageError(
            f"{held}: looks like {held.shape.what}, but {'; '.join(faults)}; nothing is imported"
        )
    return held


def _strange(there: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    tables = [f"{name} ({', '.join(columns)})" for (_, name), columns in there.items()]
    expected = " or ".join(str(each) for each in KNOWN)
    return f"holds {'; '.join(tables) or 'no table'}; what is expected: {expected}"
