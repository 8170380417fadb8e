"""What gept makes of how TimescaleDB stands."""

from __future__ import annotations

import pytest

from gept.store.layouts.timescale import Extension, Mode

STANDS = {
    "no extension": (Extension(None, None, False, True, None), Mode.NATIVE, "has no TimescaleDB"),
    "not loaded": (
        Extension(None, "2.29.2", False, True, None),
        Mode.NATIVE,
        "shared_preload_libraries",
    ),
    "installed, no longer loaded": (
        Extension("2.29.2", "2.29.2", False, True, None),
        Mode.NATIVE,
        "nothing can be written or saved: add timescaledb to shared_preload_libraries",
    ),
    "not permitted": (
        Extension(None, "2.29.2", True, False, None),
        Mode.NATIVE,
        "CREATE EXTENSION timescaledb",
    ),
    "too old": (Extension("2.10.3", "2.10.3", True, True, "timescale"), Mode.NATIVE, "too old"),
    "oldest": (Extension("2.11.0", None, True, True, "timescale"), Mode.TIMESCALE, "2.11.0"),
    "apache": (Extension("2.19.3", None, True, True, "apache"), Mode.APACHE, "no compression"),
    "development": (
        Extension("2.23.0-dev", None, True, True, "timescale"),
        Mode.TIMESCALE,
        "2.23.0-dev",
    ),
}


@pytest.mark.parametrize("name", STANDS)
def test_the_mode_and_its_reason(name: str) -> None:
    extension, mode, said = STANDS[name]

    assert extension.mode is mode
    assert said in extension.why


@pytest.mark.parametrize(
    ("extension", "creatable"),
    [
        (Extension(None, "2.29.2", True, True, None), True),
        (Extension(None, "2.29.2", False, True, None), False),
        (Extension(None, "2.29.2", True, False, None), False),
        (Extension(None, None, True, True, None), False),
        (Extension("2.29.2", "2.29.2", True, True, "timescale"), False),
    ],
)
def test_the_extension_is_made_only_where_that_does_no_harm(
    extension: Extension, creatable: bool
) -> None:
    assert extension.creatable is creatable
