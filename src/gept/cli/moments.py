"""TIME on the command line: ISO 8601, or Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """Reads a moment; one without a zone is UTC."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment that a text tells."""
        if isinstance(value, datetime):
            return value
        try:
            if value.isascii() and value.isdigit():
                return datetime.fromtimestamp(int(value), UTC)
            at = datetime.fromisoformat(value)
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{value!r} is no time; write it like 2026-11-22T12:05:00Z, or as Unix seconds",
                param,
                ctx,
            )
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


MOMENT = Moment()


def written(at: datetime | None) -> str:
    """Return a moment as a person reads it."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
