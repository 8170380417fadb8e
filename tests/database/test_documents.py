"""Each query that the guides show is one that the database takes."""

from __future__ import annotations

import psycopg
import pytest
from documents import GUIDES, queries

OTHER_TABLES = ("CREATE DATABASE", "CREATE ROLE", "CREATE USER", "volumes", "baskets")
SHOWN = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in GUIDES
    for number, text in enumerate(queries(page), 1)
    if not any(each in text for each in OTHER_TABLES)
]


@pytest.mark.parametrize("text", SHOWN)
def test_a_query_is_taken_as_it_is_shown(text: str, address: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute(text.encode())
        connection.rollback()


def test_there_are_queries_to_take() -> None:
    assert len(SHOWN) >= 15
