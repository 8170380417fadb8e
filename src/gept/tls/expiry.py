"""When a certificate ends.

The standard library tells this of a certificate only to a client that trusts it. So it is read
from the certificate (RFC 5280, 4.1), which OpenSSL has found well formed when it was loaded.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..errors import SettingsError

FIRST = re.compile(rb"-----BEGIN (?:\w+ )?CERTIFICATE-----(.+?)-----END ", re.DOTALL)
VERSION = 0xA0
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
FORMS = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


def end_of(certificate: Path) -> datetime:
    """Return when the first certificate of a PEM file ends (UTC): the one that is served.

    Raises SettingsError where it is not written as it must be; OpenSSL takes other forms, too.
    """
    try:
        (found,) = FIRST.findall(certificate.read_bytes())[:1]
        return _end(b64decode(found))
    except (ValueError, LookupError):
        fault = "does not tell when it ends in the form of RFC 5280; make it anew"
        raise SettingsError([f"TLS_CERT_FILE: {str(certificate)!r} {fault}"]) from None


def _end(der: bytes) -> datetime:
    (_, outer), *_ = _parts(der)
    (_, inner), *_ = _parts(outer)
    fields = [content for tag, content in _parts(inner) if tag != VERSION]
    _serial, _algorithm, _issuer, validity, *_ = fields
    _begins, (tag, ends) = _parts(validity)
    return datetime.strptime(ends.decode(), FORMS[tag]).replace(tzinfo=UTC)


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the content of each value that stands in DER one behind the other."""
    while der:
        tag, size, start = der[0], der[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[2:start], "big")
        yield tag, der[start : start + size]
        der = der[start + size :]
