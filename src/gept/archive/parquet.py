"""Rows as a Parquet file, and back; the only module that knows how such a file looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..errors import ArchiveError, UsageError
from ..extras import installing
from ..model import Row, Table
from ..store.copying.content import kinds

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
LEVEL = 3
ROWS = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ABOUT = b"gept"
NEEDED = (
    "pyarrow is not installed, without which there are no Parquet files; install gept with the "
    f"extra `archive`: {installing('archive')}"
)


def refuse_without() -> None:
    """Raise UsageError where the library for Parquet is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UsageError(NEEDED) from None


def encode(table: Table, batches: Iterable[list[Row]], about: dict[str, Any]) -> bytes:
    """Return rows, which come in the order of the key, as a file; ``about`` goes into it."""
    import pyarrow.parquet as pq

    schema = schema_of(table).with_metadata({ABOUT: json.dumps(about).encode()})
    key = [schema.get_field_index(name) for name in sorted_by(table)]
    file = BytesIO()
    writer = pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=False,
        column_encoding=dict.fromkeys(schema.names, "DELTA_BINARY_PACKED"),
        sorting_columns=[pq.SortingColumn(column) for column in key],
    )
    with writer:
        for rows in batches:
            writer.write_table(_arrow(schema, rows))
    return file.getvalue()


def decode(table: Table, data: bytes) -> Iterator[list[Row]]:
    """Yield the rows of a file, some at a time. Raises ArchiveError for another table's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(BytesIO(data))
        if not file.schema_arrow.equals(schema_of(table), check_metadata=False):
            raise ArchiveError(f"it has other columns than {table.journal or table.name}")
        for batch in file.iter_batches(batch_size=ROWS):
            yield list(zip(*map(_values, batch.columns), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise ArchiveError(f"it is no whole Parquet file ({error})") from error


def schema_of(table: Table) -> pa.Schema:
    """Return the columns of a table: 64-bit integers, and times in UTC."""
    import pyarrow as pa

    arrow = {int: pa.int64(), datetime: pa.timestamp("us", "UTC")}
    fields = [pa.field(name, arrow[kind]) for name, kind in kinds(table).items()]
    return pa.schema(fields)


def sorted_by(table: Table) -> tuple[str, ...]:
    """Return the columns by which the rows of a file are sorted: the key, with the time last."""
    return (*(name for name in table.key if name != table.time), table.time)


def _values(column: pa.Array) -> list[Any]:
    """Return the values of a column; the library's own way to times takes ten times as long."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    numbers = column.cast(pa.int64()).to_pylist()
    return [None if each is None else EPOCH + timedelta(microseconds=each) for each in numbers]


def _arrow(schema: pa.Schema, rows: list[Row]) -> pa.Table:
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    arrays = [pa.array(each, field.type) for each, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
