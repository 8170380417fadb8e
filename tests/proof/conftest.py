"""A second database: what there is when nothing breaks."""

from __future__ import annotations

import psycopg
import pytest
from system.conftest import gept, port

from gept.store import Server

__all__ = ["gept", "port"]


@pytest.fixture
def unharmed(postgres: Server, template: str) -> str:
    """Give the address of a database for the run in which nothing breaks."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS gept_unharmed WITH (FORCE)")
        connection.execute("CREATE DATABASE gept_unharmed TEMPLATE gept_template")
    return postgres.url("gept_unharmed")
