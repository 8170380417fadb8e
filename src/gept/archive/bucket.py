"""An archive in an object store that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..errors import ArchiveAway, ArchiveError, UsageError
from ..extras import installing
from ..settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

NEEDED = (
    "obstore is not installed, without which no bucket can be reached; install gept with the "
    f"extra `archive`: {installing('archive')}"
)
ANSWERS_WITHIN = timedelta(seconds=60)
RETRIES_WITHIN = timedelta(seconds=60)


class Bucket:
    """A bucket and a prefix in it. A file is there once all of it has arrived, or not at all."""

    def __init__(self, where: str, settings: Settings) -> None:
        self._where = where.rstrip("/")
        self._store = _store(where, settings)

    def __str__(self) -> str:
        return self._where

    def get(self, name: str) -> bytes | None:
        """Return a file; None where it is not there."""
        with self._told(name):
            try:
                return bytes(self._store.get(name).bytes())
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None where it is not there."""
        with self._told(name):
            try:
                return int(self._store.head(name)["size"])
            except FileNotFoundError:
                return None

    def put(self, name: str, data: bytes) -> None:
        """Keep a file, and read it again."""
        with self._told(name):
            self._store.put(name, data)
        if self.get(name) != data:
            raise ArchiveError(f"{self}/{name}: was read other than it was written")

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""
        with self._told(folder):
            found = chain.from_iterable(self._store.list(folder))
            return sorted(each["path"] for each in found)

    def exists(self) -> bool:
        """Tell whether anything is below the prefix: there is no other way for it to be."""
        return bool(self.names(""))

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Tell what the store refuses, in a sentence without what may be secret in it."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise ArchiveAway(f"{self}/{name}: {_why(error)}") from None


def _store(where: str, settings: Settings) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError:
        raise UsageError(NEEDED) from None
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError(f"{where!r} names no bucket; write it like s3://bucket/prefix")
    options: dict[str, Any] = {"region": settings.s3_region}
    if settings.s3_endpoint is not None:
        options["endpoint"] = settings.s3_endpoint
    if settings.s3_access_key is not None:
        options["access_key_id"] = settings.s3_access_key
        options["secret_access_key"] = settings.s3_secret_key
    plain = (settings.s3_endpoint or "").startswith("http:")
    return S3Store(
        bucket,
        prefix=prefix.rstrip("/") or None,
        client_options={"timeout": ANSWERS_WITHIN, "allow_http": plain},
        retry_config={"max_retries": 4, "retry_timeout": RETRIES_WITHIN},
        **options,
    )


REASONS = {
    "SignatureDoesNotMatch": "the secret is wrong; see GEPT_S3_SECRET_KEY",
    "InvalidAccessKeyId": "the access key is not known there; see GEPT_S3_ACCESS_KEY",
    "AccessDenied": "the access key may not do that; let it read, write and list",
    "NoSuchBucket": "there is no such bucket; make it, or name another",
    "error sending request": "the store does not answer; see GEPT_S3_ENDPOINT",
    "169.254.169.254": "there is no access key; set GEPT_S3_ACCESS_KEY and GEPT_S3_SECRET_KEY",
}


def _why(error: Exception) -> str:
    said = str(error)
    for sign, reason in REASONS.items():
        if sign in said:
            return reason
    return f"the store refuses: {' '.join(said.split())[:200]}"
