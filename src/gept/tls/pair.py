"""A certificate and its key, and what is wrong with them."""

from __future__ import annotations

import ssl
from pathlib import Path

from ..errors import SettingsError

OTHER_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
"""How OpenSSL says that a key is that of another certificate, of the same kind or not."""


def loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what serves with a certificate and its key. Raises SettingsError for unfit ones."""
    _readable("TLS_CERT_FILE", certificate)
    _readable("TLS_KEY_FILE", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: _no_password(key))
    except ssl.SSLError as error:
        raise SettingsError([_unfit(certificate, key, error)]) from None
    return context


def _readable(setting: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        reason = error.strerror
    remedy = "name a file that the user of gept may read"
    raise SettingsError([f"{setting}: {str(file)!r} cannot be read ({reason}); {remedy}"])


def _no_password(key: Path) -> str:
    remedy = "write it without: openssl pkey -in KEY -out NEWKEY"
    raise SettingsError([f"TLS_KEY_FILE: {str(key)!r} is locked by a password; {remedy}"])


def _unfit(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    """Return the fault of a certificate or key that OpenSSL refuses."""
    if error.reason in OTHER_KEY:
        remedy = f"name the key that it was made with, or make it anew with {str(key)!r}"
        return f"TLS_CERT_FILE: {str(certificate)!r} does not fit the key of TLS_KEY_FILE; {remedy}"
    if not _holds_certificate(certificate):
        remedy = "name the certificate, in front of those that signed it"
        return f"TLS_CERT_FILE: {str(certificate)!r} is no certificate in PEM form; {remedy}"
    if b"PRIVATE KEY-----" not in key.read_bytes():
        remedy = "name the key of the certificate"
        return f"TLS_KEY_FILE: {str(key)!r} is no private key in PEM form; {remedy}"
    reason = error.reason or str(error)
    remedy = "make both anew"
    return f"TLS_CERT_FILE: {str(certificate)!r} cannot be used with its key ({reason}); {remedy}"


def _holds_certificate(file: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        return False
    return True
