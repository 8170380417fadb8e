"""Settings that do not fit one another: each fault names both, and which of the two to remove."""

from __future__ import annotations

from collections.abc import Mapping

OF_SERVER = (
    *("DB_PORT", "DB_NAME", "DB_USER", "DB_PASS", "DB_PASS_FILE"),
    *("DB_SSLMODE", "DB_SSLROOTCERT"),
)


def contradictions(values: Mapping[str, str]) -> list[str]:
    """Return every fault of settings that are well alone and not together."""
    return _of_database(values) + _of_dashboard(values) + _of_bucket(values)


def _of_database(values: Mapping[str, str]) -> list[str]:
    whole = [name for name in ("DATABASE_URL", "DATABASE_URL_FILE") if name in values]
    details = [name for name in OF_SERVER if name in values]
    if whole and "DB_HOST" in values:
        return [f"DB_HOST: {values['DB_HOST']!r} is set beside {whole[0]}; keep one of the two"]
    if "DB_HOST" in values:
        return []
    shown = {name: "" if "PASS" in name else f"{values[name]!r} " for name in details}
    if whole:
        return [
            f"{name}: {shown[name]}has no meaning beside {whole[0]}; remove it" for name in details
        ]
    found = [
        f"{name}: {shown[name]}has no meaning without DB_HOST; set DB_HOST as well, or remove "
        f"{name} to use gept's own PostgreSQL"
        for name in details
    ]
    return [*found, *_pooler_of_nothing(values)]


def _pooler_of_nothing(values: Mapping[str, str]) -> list[str]:
    """Return the fault of a pooler in front of gept's own PostgreSQL, which has none."""
    if "DB_POOLER" not in values:
        return []
    remedy = "set one of them as well, or remove DB_POOLER to use gept's own PostgreSQL"
    value = values["DB_POOLER"]
    return [f"DB_POOLER: {value!r} has no meaning without DB_HOST or DATABASE_URL; {remedy}"]


def _of_dashboard(values: Mapping[str, str]) -> list[str]:
    found = []
    tokens = [name for name in ("DASHBOARD_TOKEN", "DASHBOARD_TOKEN_FILE") if name in values]
    if tokens and values.get("DASHBOARD_OPEN") == "1":
        found.append(f"DASHBOARD_OPEN: '1' is set beside {tokens[0]}; keep one of the two")
    pair = ("TLS_CERT_FILE", "TLS_KEY_FILE")
    for name, other in (pair, pair[::-1]):
        if name in values and other not in values:
            found.append(f"{other}: is not set, but {name} is; set both, or none for plain HTTP")
    return found


def _of_bucket(values: Mapping[str, str]) -> list[str]:
    pair = ("GEPT_S3_ACCESS_KEY", "GEPT_S3_SECRET_KEY")
    found = {name for name in pair if name in values or f"{name}_FILE" in values}
    return [
        f"{name}: is not set, but {other} is; set both, or none"
        for name, other in (pair, pair[::-1])
        if other in found and name not in found
    ]
