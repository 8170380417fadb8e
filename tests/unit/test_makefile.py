"""The Makefile: an environment that was copied or moved is made anew."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import ROOT

PYTHON = """#!/bin/sh
case "$*" in
    "-m venv .venv")
        mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *--editable*)
        printf '#!%s/.venv/bin/python\\n' "$PWD" > .venv/bin/gept ;;
esac
"""
"""What stands in for Python: it makes environments, and installs gept without a network."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a clone of gept in which `make` has installed it."""
    folder = tmp_path / "clone"
    for name in ("Makefile", "pyproject.toml", "requirements/run.txt", "src/gept/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    install(folder)
    return folder


def install(folder: Path) -> str:
    """Install gept as the guides tell; return what `make` said."""
    make = ["make", "-C", str(folder), f"PYTHON={folder.parent / 'python'}", ".venv/run"]
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run(make, env=environ, capture_output=True, text=True, check=True)
    return done.stderr


def test_what_is_installed_is_left_alone(clone: Path) -> None:
    made = (clone / ".venv/run").stat().st_mtime_ns

    assert install(clone) == ""
    assert (clone / ".venv/run").stat().st_mtime_ns == made


@pytest.mark.parametrize("bring", [shutil.copytree, shutil.move])
@pytest.mark.parametrize("name", ["opt", "with space"])
def test_an_environment_that_came_from_elsewhere_is_made_anew(
    bring: Callable[[Path, Path], object], name: str, clone: Path
) -> None:
    target = clone.parent / name
    bring(clone, target)
    (target / ".venv/left").touch()

    said = install(target)

    assert said.startswith(".venv was made in another folder; it is made anew ...\n")
    assert (target / ".venv/bin/gept").read_text() == f"#!{target}/.venv/bin/python\n"
    assert not (target / ".venv/left").exists()
    assert install(target) == ""


@pytest.mark.parametrize("quoted", ['"{}"', "{}"])
def test_a_program_with_a_long_first_line_is_known(quoted: str, clone: Path) -> None:
    path = quoted.format(clone / ".venv/bin/python")
    (clone / ".venv/bin/gept").write_text(f"#!/bin/sh\n'''exec' {path} \"$0\" \"$@\"\n' '''\n")

    assert install(clone) == ""
