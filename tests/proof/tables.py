"""What a database holds, so that two can be compared row by row."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

BESIDE = {"schema_migrations", "processes", "paces"}
"""Tables that tell about the machine itself, not about what it collected."""
COLUMNS = """
    SELECT t.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum AND a.attgenerated = ''
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
      AND NOT t.relispartition AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') <> 'now()'
    GROUP BY t.relname
"""
"""Each table with its columns, but for those that the clock of the database fills."""


def contents(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table that collecting writes, in order."""
    with psycopg.connect(address, options="-c timezone=UTC") as connection:
        return {
            table: _rows(connection, table, columns)
            for table, columns in connection.execute(COLUMNS).fetchall()
            if table not in BESIDE
        }


def _rows(
    connection: psycopg.Connection[Any], table: str, columns: list[str]
) -> list[tuple[Any, ...]]:
    listed = sql.SQL(", ").join(sql.Identifier(each) for each in columns)
    query = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(listed, sql.Identifier(table))
    return connection.execute(query).fetchall()


def differences(found: str, wanted: str) -> dict[str, tuple[list[Any], list[Any]]]:
    """Return, for each table, the rows that only one of two databases has; empty where equal."""
    ours, theirs = contents(found), contents(wanted)
    assert sum(map(len, theirs.values())) > 0
    return {
        table: (_without(ours[table], rows), _without(rows, ours[table]))
        for table, rows in theirs.items()
        if ours[table] != rows
    }


def _without(rows: list[Any], others: list[Any]) -> list[Any]:
    return [row for row in rows if row not in others]
