"""Three roles of least privilege on a real server: each does its work, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import older
import psycopg
import pytest
from conftest import NOW, Clock, Machine
from psycopg.conninfo import make_conninfo

from gept import app
from gept.app.heart import Heart
from gept.app.reading import read
from gept.app.upkeep import Upkeep
from gept.collectors import load_all
from gept.errors import StoreBroken, UsageError
from gept.model import Collector, Status
from gept.runner.runner import Runner
from gept.store import Database, Lead, Store, adoption, conversion
from gept.store.layouts import plain
from gept.store.queries import named
from gept.store.schema.migrate import migrate, shipped
from gept.store.schema.roles import Roles, declare

ROLES = Roles()
PASSWORDS = {name: f"of {name}" for name in ROLES.names}
Query = Callable[..., list[Any]]


@pytest.fixture
def declared(address: str) -> Iterator[str]:
    """Make the roles on the test's database, and take them away after it."""
    declare(address, ROLES, PASSWORDS)
    yield address
    with psycopg.connect(address, autocommit=True) as connection:
        for name in ROLES.names:
            connection.execute(f"DROP OWNED BY {name} CASCADE")
            connection.execute(f"DROP ROLE {name}")


def of(name: str, address: str) -> str:
    """Return the address for a role that logs in with its password."""
    return make_conninfo(address, user=name, password=PASSWORDS[name])


@pytest.fixture
def asked(declared: str) -> Iterator[Callable[[str, str], list[Any]]]:
    """Give what asks the database as a role."""
    connections = {
        name: psycopg.connect(of(name, declared), autocommit=True) for name in ROLES.names
    }
    yield lambda name, text: _fetched(connections[name].execute(text))
    for each in connections.values():
        each.close()


def _fetched(cursor: psycopg.Cursor[Any]) -> list[Any]:
    return cursor.fetchall() if cursor.description else []


@pytest.fixture
def writer(declared: str) -> Iterator[Store]:
    database = Database(of(ROLES.writer, declared))
    database.open()
    yield Store(database)
    database.close()


def test_the_writer_collects_everything_into_the_next_month(
    writer: Store, machine: Machine, clock: Clock, collectors: dict[str, Collector]
) -> None:
    old = machine.runner
    runner = Runner(old._upstream, writer, machine.happened.append, clock, timedelta(days=7))
    for each in collectors.values():
        writer.begin(each, NOW, NOW)
        assert runner.run(each, each.schedule.newest(clock())).status is Status.DONE
    clock.forward(days=40)
    for each in collectors.values():
        assert runner.run(each, each.schedule.newest(clock())).status is Status.DONE
    past = collectors["5m"].schedule.newest(clock()) - timedelta(days=200)

    assert runner.run(collectors["5m"], past).status is Status.DONE


def test_the_writer_does_all_that_goes_with_collecting(
    writer: Store, declared: str, collectors: dict[str, Collector], clock: Clock
) -> None:
    lead = Lead(of(ROLES.writer, declared))
    assert lead.leads("5m")
    Heart(writer, lead, list(collectors.values()), clock).beat(0)
    lead.close()
    Upkeep(writer, timedelta(days=30), clock)()
    writer.begin(collectors["5m"], NOW, NOW)
    writer.want(collectors["5m"], NOW - timedelta(days=1), NOW)
    writer.pause_backfill(collectors["5m"])
    writer.leave("prices", timedelta(seconds=1))

    assert writer.was_away(collectors["5m"], NOW - timedelta(hours=1), NOW, NOW, "gone") == 12
    assert writer.resume_backfill(collectors["5m"])


def test_the_reader_sees_what_dashboards_show(
    declared: str, collectors: dict[str, Collector]
) -> None:
    database = Database(of(ROLES.reader, declared))
    database.open()
    try:
        store = Store(database)
        shown = read(store, list(collectors.values()), timedelta(days=7))
        assert set(shown.sizes) >= {"price_data_5min", "items"}
        assert store.extent(collectors["5m"]).complete_until is None
    finally:
        database.close()


FORBIDDEN = (
    "DROP TABLE items",
    "ALTER TABLE items ADD COLUMN x integer",
    "CREATE TABLE mine (x integer)",
    "TRUNCATE ledger",
    "CREATE INDEX ON items (examine)",
    "UPDATE schema_migrations SET name = 'x'",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "ALTER ROLE gept_owner PASSWORD 'x'",
    "SET ROLE gept_owner",
    "SELECT make_partition('items', now(), now() + interval '1 day')",
    "SELECT make_partition('price_data_5min', now(), now() + interval '9 years')",
)
ONLY_READ = (
    "INSERT INTO items (item_id, name, last_seen) VALUES (1, 'x', now())",
    "UPDATE ledger SET rows = 0",
    "DELETE FROM prices_current",
    "CREATE TEMP TABLE mine (x integer)",
    "SELECT make_partition('price_data_5min', now(), now() + interval '7 days')",
    "SELECT open_chunk('items')",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_nobody_but_the_owner_changes_the_schema(
    statement: str, asked: Callable[[str, str], list[Any]]
) -> None:
    for role in (ROLES.writer, ROLES.reader):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked(role, statement)


@pytest.mark.parametrize("statement", ONLY_READ)
def test_the_reader_only_reads(statement: str, asked: Callable[[str, str], list[Any]]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        asked(ROLES.reader, statement)


def test_the_reader_reads_every_table_view_and_function(
    asked: Callable[[str, str], list[Any]],
) -> None:
    names = asked(
        ROLES.reader,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')",
    )
    for (name,) in names:
        asked(ROLES.reader, f"SELECT * FROM {name} LIMIT 1")

    assert len(names) > 15
    assert asked(ROLES.reader, "SELECT * FROM gaps('5m', now() - interval '1 day', now())") == []
    assert asked(ROLES.reader, "SELECT * FROM prices_at(now())") == []


def test_what_comes_later_has_its_rights_by_itself(
    asked: Callable[[str, str], list[Any]], writer: Store, collectors: dict[str, Collector]
) -> None:
    asked(ROLES.owner, "CREATE TABLE of_a_later_version (x integer)")
    asked(ROLES.writer, "INSERT INTO of_a_later_version VALUES (1)")
    assert asked(ROLES.reader, "SELECT x FROM of_a_later_version") == [(1,)]
    writer.begin(collectors["5m"], NOW, NOW)
    [(name, owner)] = asked(
        ROLES.reader,
        "SELECT max(relname), max(pg_get_userbyid(relowner)) FROM pg_class WHERE relname ~ '^price_data_5min_[0-9]{8}$'",
    )

    assert owner == ROLES.owner
    assert asked(ROLES.reader, f"SELECT * FROM {name}") == []


def test_it_is_done_again_without_a_change(declared: str, query: Query) -> None:
    rights = """SELECT relname, relowner::regrole::text, relacl::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace ORDER BY 1"""
    before = query(rights)
    declare(declared, ROLES, {})

    assert query(rights) == before
    with psycopg.connect(of(ROLES.writer, declared)):
        pass


def test_a_dry_run_tells_what_would_be_done_and_no_password(address: str, query: Query) -> None:
    told = declare(address, ROLES, {ROLES.writer: "hunter2"}, dry=True)

    assert told[0] == 'CREATE ROLE "gept_owner" NOLOGIN;'
    assert """ALTER ROLE "gept_writer" LOGIN PASSWORD '********';""" in told
    assert "hunter2" not in str(told)
    assert query("SELECT FROM pg_roles WHERE rolname ~ '^gept_'") == []


def test_roles_before_the_schema_and_the_owner_migrates(address: str, query: Query) -> None:
    query("DROP SCHEMA public CASCADE")
    query("CREATE SCHEMA public")
    declare(address, ROLES, PASSWORDS)
    try:
        with pytest.raises(StoreBroken, match="gept db roles"):
            migrate(of(ROLES.writer, address))
        assert len(migrate(of(ROLES.owner, address))) == len(shipped())
        assert migrate(of(ROLES.writer, address)) == []
        database = Database(of(ROLES.writer, address))
        database.open()
        Store(database).begin(load_all()["5m"], NOW, NOW)
        database.close()
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(of(ROLES.writer, address)) as connection,
        ):
            connection.execute("DELETE FROM schema_migrations")
    finally:
        for name in ROLES.names:
            query(f"DROP OWNED BY {name} CASCADE")
            query(f"DROP ROLE {name}")


def test_tables_of_others_are_left_alone(address: str, query: Query) -> None:
    query("CREATE TABLE predictions (x integer)")
    declare(address, ROLES, {}, dry=True)
    told = "\n".join(declare(address, ROLES, {}, dry=True))

    assert "predictions" not in told
    assert "ALTER TABLE ledger OWNER TO gept_owner" in told


def test_an_adoption_that_another_began_is_ended_by_the_owner(declared: str, query: Query) -> None:
    query("DROP SCHEMA public CASCADE")
    query("CREATE SCHEMA public")
    older.make(declared)
    query("CREATE SCHEMA legacy CREATE TABLE ours (x integer)")
    adoption.begin(declared, {})
    declare(declared, ROLES, {})
    owner = of(ROLES.owner, declared)

    list(adoption.work(owner, adoption.Job(load_all(), lambda: NOW)))

    assert "prices_1h" in adoption.drop(owner, dry=False)
    assert query("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'ours'") == [
        ("postgres",)
    ]


def test_what_is_left_of_a_conversion_goes_to_the_owner(declared: str, query: Query) -> None:
    query(named("conversion_tables"))
    query("CREATE SCHEMA converted CREATE TABLE price_data_5min (x integer)")
    query("INSERT INTO converting.progress (name, stage) VALUES ('price_data_5min', 'done')")
    declare(declared, ROLES, {})
    owner = of(ROLES.owner, declared)

    assert conversion.drop(owner, dry=False) == ["price_data_5min"]
    assert query("SELECT to_regnamespace('converting'), to_regnamespace('converted')") == [
        (None, None)
    ]


def test_a_role_that_lacks_a_right_is_told_the_remedy(declared: str, query: Query) -> None:
    query("REVOKE UPDATE ON ledger FROM gept_writer")
    database = Database(of(ROLES.reader, declared))
    database.open()
    try:
        with pytest.raises(StoreBroken, match=r"permission denied.*let `gept db roles` grant"):
            Store(database).begin(load_all()["5m"], NOW, NOW)
    finally:
        database.close()


def test_roles_that_cannot_be_least_are_refused(declared: str, query: Query) -> None:
    with pytest.raises(UsageError, match="'postgres' is a superuser"):
        declare(declared, replace(ROLES, writer="postgres"), {})
    query("GRANT gept_owner TO gept_writer")
    with pytest.raises(UsageError, match="REVOKE gept_owner FROM gept_writer"):
        declare(declared, ROLES, {})
    with pytest.raises(StoreBroken, match="only a superuser of the server can do this"):
        declare(of(ROLES.owner, declared), replace(ROLES, writer="another"), {})


def test_rights_taken_too_far_are_taken_back(declared: str, query: Query) -> None:
    query("GRANT TRUNCATE, DELETE ON ledger TO gept_reader")
    query("ALTER ROLE gept_writer CREATEROLE")
    query("GRANT CREATE ON SCHEMA public TO gept_writer")
    declare(declared, ROLES, {})

    assert query(
        "SELECT has_table_privilege('gept_reader', 'ledger', 'DELETE'), has_schema_privilege('gept_writer', 'public', 'CREATE'),"
        " (SELECT rolcreaterole FROM pg_roles WHERE rolname = 'gept_writer')"
    ) == [(False, False, False)]


def test_without_the_function_of_the_roles_the_remedy_is_told(
    declared: str, query: Query, writer: Store, collectors: dict[str, Collector]
) -> None:
    query("DROP FUNCTION make_partition")
    with pytest.raises(StoreBroken, match="gept db roles"):
        writer.begin(collectors["5m"], NOW, NOW)


def test_the_layout_is_looked_at_by_the_writer(declared: str, settings: Any) -> None:
    app.lay_out(settings, of(ROLES.writer, declared))
    assert timedelta(0) < plain.AHEAD
