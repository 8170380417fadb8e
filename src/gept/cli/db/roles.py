"""``gept db roles``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...store.schema.roles import Roles

LONGEST_NAME = 63
"""Bytes; PostgreSQL cuts names off there."""
PEOPLE = ("owner", "writer", "reader")


@click.command("roles")
@click.option("--owner", default="gept_owner", show_default=True, help="Who owns the schema.")
@click.option("--writer", default="gept_writer", show_default=True, help="Who collects.")
@click.option("--reader", default="gept_reader", show_default=True, help="Who only reads.")
@click.option(
    "--password-file",
    "files",
    metavar="WHO=FILE",
    multiple=True,
    help="Let owner, writer or reader log in with the password in a file.",
)
@click.option(
    "--ask-password",
    "asked",
    metavar="WHO",
    multiple=True,
    type=click.Choice(PEOPLE),
    help="Let owner, writer or reader log in with a password that is typed in.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Only print the SQL; nothing is changed.")
def command(
    owner: str,
    writer: str,
    reader: str,
    files: tuple[str, ...],
    asked: tuple[str, ...],
    dry: bool,
) -> None:
    """Make three roles that may do what they must and no more, or bring them to that state."""
    from ... import settings
    from ...collectors import migration_sets
    from ...errors import UsageError
    from ...store import address
    from ...store.schema.roles import Roles, declare

    loaded = settings.load()
    if loaded.embedded:
        raise UsageError(
            "gept's own PostgreSQL lets in nobody but its user; roles are for a server of yours: "
            "set DB_HOST or DATABASE_URL"
        )
    people = Roles(owner, writer, reader)
    for who, name in zip(PEOPLE, people.names, strict=True):
        _refuse_unusable(who, name)
    if len(set(people.names)) < len(PEOPLE):
        raise UsageError(f"--owner, --writer, --reader: {', '.join(people.names)}: name three")
    names = dict(zip(PEOPLE, people.names, strict=True))
    passwords = {names[who]: each for who, each in _passwords(files, asked)}
    done = declare(address(loaded, None), people, passwords, migration_sets(), dry=dry)
    click.echo("\n".join(done) if dry else "\n".join(_next(people, passwords)))


def _refuse_unusable(who: str, name: str) -> None:
    """Raise UsageError for what is no name of a role: PostgreSQL would cut a long one short."""
    from ...errors import UsageError

    if not name:
        raise UsageError(f"--{who}: it is empty; name a role")
    if len(name.encode()) > LONGEST_NAME:
        raise UsageError(f"--{who}: {name!r} is longer than {LONGEST_NAME} bytes; name it shorter")


def _passwords(files: tuple[str, ...], asked: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for each in files:
        yield _from_file(each)
    if asked:
        _refuse_without_terminal()
    for who in asked:
        yield who, click.prompt(f"password of the {who}", hide_input=True, confirmation_prompt=True)


def _refuse_without_terminal() -> None:
    """Raise UsageError where nobody can type unseen: a password would be read from a pipe."""
    from ...errors import UsageError

    try:
        Path("/dev/tty").open("rb").close()
    except OSError:
        raise UsageError(
            "--ask-password: there is no terminal to type it at; write it into a file, and give "
            "that by --password-file WHO=FILE"
        ) from None


def _from_file(given: str) -> tuple[str, str]:
    from ...errors import UsageError
    from ...settings.readers import Wrong
    from ...settings.secrets import held_by

    who, _, file = given.partition("=")
    if who not in PEOPLE or not file:
        raise UsageError(f"--password-file: {given!r} is not WHO=FILE; write writer=/path/of/file")
    try:
        return who, held_by("--password-file", Path(file))
    except Wrong as fault:
        raise UsageError(str(fault)) from None


def _next(people: Roles, passwords: dict[str, str]) -> Iterator[str]:
    yield f"{people.owner} owns the schema, {people.writer} writes, {people.reader} reads"
    for name in people.names:
        if name not in passwords:
            yield (
                f"{name} has kept its login and password, if it had any; to give it some: "
                f"ALTER ROLE {name} LOGIN, and \\password {name} in psql"
            )
    yield f"next: gept db migrate with DB_USER={people.owner}, now and after each upgrade of gept"
    yield f"then: gept up or gept collect with DB_USER={people.writer}"
    yield f"and dashboards, gept status and gept gaps with DB_USER={people.reader}"
