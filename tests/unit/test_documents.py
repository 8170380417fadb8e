"""Each command that the guides show is one that gept takes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from documents import GUIDES, commands

from gept.cli import gept

SHOWN = [
    pytest.param(arguments, id=f"{page.stem}: {' '.join(arguments)}")
    for page in GUIDES
    for arguments in commands(page)
]


@pytest.mark.parametrize("arguments", SHOWN)
def test_a_command_is_taken_as_it_is_shown(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)
    command: click.Command = gept
    context = click.Context(gept, info_name="gept")
    while isinstance(command, click.Group) and not _ends_here(command, arguments):
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name!r}"
        command, context = found, click.Context(found, parent=context, info_name=name)

    command.make_context(context.info_name, arguments, parent=context.parent)


def _ends_here(group: click.Group, arguments: list[str]) -> bool:
    """Tell whether a group does something by itself, and is asked to."""
    known = group.list_commands(click.Context(group))
    return group.invoke_without_command and (not arguments or arguments[0] not in known)


def test_every_guide_of_use_shows_commands() -> None:
    shown = {page.name for page in GUIDES if commands(page)}

    assert {"first-steps.md", "backfill.md", "verify.md", "README.md"} <= shown
    assert all(isinstance(page, Path) for page in GUIDES)
