"""The certificate of the dashboard: its faults, its end, and its renewal while it is served."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from threading import Event
from time import monotonic
from typing import Any

import pytest
from certificates import EC, RSA, make, openssl, signed
from stand import NOW, TOKEN, Stand

from gept.errors import SettingsError
from gept.model import Collector
from gept.observe.certificate import CertificateLog
from gept.observe.health import Health
from gept.observe.metrics import Metrics
from gept.tls import Certified, Renewal
from gept.tls.expiry import end_of

Pair = tuple[Path, Path]
YEAR = timedelta(days=365)
SERIES = "gept_certificate_expires_timestamp"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make(tmp_path_factory.mktemp("tls") / "one")


@pytest.fixture
def renewed(pair: Pair, tmp_path: Path) -> Pair:
    """Give a pair that a test may change."""
    cert, key = (Path(copy(each, tmp_path)) for each in pair)
    return cert, key


@pytest.fixture
def other(tmp_path: Path) -> Pair:
    return make(tmp_path / "other", EC, days=100)


def test_it_serves_https(collectors: dict[str, Collector], pair: Pair) -> None:
    with Stand(collectors.values(), TOKEN, Renewal(*pair)) as stand:
        status, _, _ = stand.get("/api/status", Authorization=f"Bearer {TOKEN}")
        cookie = stand.get("/login", f"token={TOKEN}".replace(" ", "+").encode())[1]["set-cookie"]

    assert status == 200
    assert "Secure" in cookie


def test_a_plain_request_to_https_does_no_harm(
    collectors: dict[str, Collector], pair: Pair
) -> None:
    with Stand(collectors.values(), tls=Renewal(*pair)) as stand:
        stand.tls = None
        with pytest.raises(OSError):
            stand.get("/health")
        stand.tls = Renewal(*pair)
        assert stand.get("/livez")[0] == 200


def test_faults_of_certificates_are_sentences(pair: Pair, other: Pair, tmp_path: Path) -> None:
    cert, key = pair
    like = make(tmp_path / "like")
    locked = make(tmp_path / "locked", key="-passout pass:secret")
    away, text = tmp_path / "away.pem", tmp_path / "text.pem"
    text.write_text("hello")

    assert fault(cert, other[1]).startswith(f"TLS_CERT_FILE: '{cert}' does not fit the key of TLS_")
    assert fault(cert, like[1]).startswith(f"TLS_CERT_FILE: '{cert}' does not fit the key of TLS_")
    assert fault(text, key).startswith(f"TLS_CERT_FILE: '{text}' is no certificate in PEM form; ")
    assert fault(key, key).startswith(f"TLS_CERT_FILE: '{key}' is no certificate in PEM form; ")
    assert fault(cert, text).startswith(f"TLS_KEY_FILE: '{text}' is no private key in PEM form; ")
    assert fault(cert, away).startswith(f"TLS_KEY_FILE: '{away}' cannot be read (No such file or ")
    assert fault(away, key).startswith(f"TLS_CERT_FILE: '{away}' cannot be read (No such file or ")
    assert fault(*locked).startswith(f"TLS_KEY_FILE: '{locked[1]}' is locked by a password; ")


def fault(certificate: Path, key: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        Renewal(certificate, key)
    return str(caught.value)


@pytest.mark.parametrize("kind", [RSA, EC, "ed25519"])
@pytest.mark.parametrize("days", [-1, 90, 365 * 60])
def test_its_end_is_read_of_every_kind_of_key_and_date(
    kind: str, days: int, tmp_path: Path
) -> None:
    cert, key = make(tmp_path / "made", kind, days)

    assert Renewal(cert, key).state == Certified(told_by_openssl(cert))


def test_the_end_is_that_of_the_certificate_in_front(tmp_path: Path) -> None:
    cert, key = signed(tmp_path / "chain", days=5)
    cert.write_text("what it is for:\n" + openssl("x509 -text", "-in", cert) + cert.read_text())

    assert Renewal(cert, key).state.ends == told_by_openssl(cert)


def told_by_openssl(cert: Path) -> datetime:
    said = openssl("x509 -noout -enddate", "-in", cert).strip().partition("=")[2]
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(said), UTC)


@pytest.mark.parametrize("spoilt", [b"2611260000+0000", b"991231235959Y"])
def test_an_end_in_another_form_is_a_fault(spoilt: bytes, tmp_path: Path) -> None:
    def value(tag: int, *content: bytes) -> bytes:
        return bytes([tag, sum(map(len, content))]) + b"".join(content)

    times = value(0x30, value(0x17, b"261126000000Z"), value(0x17, spoilt))
    whole = value(0x30, value(0x30, value(2, b"1"), value(0x30), value(0x30), times))
    file = tmp_path / "cert.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(whole))

    with pytest.raises(SettingsError, match=r"cert.pem' does not tell when it ends in the form of"):
        end_of(file)


def test_a_renewed_pair_is_served_without_a_restart(
    collectors: dict[str, Collector], renewed: Pair, other: Pair
) -> None:
    with Stand(collectors.values(), tls=Renewal(*renewed)) as stand:
        assert shown(stand) == renewed[0].read_text()
        for new, file in zip(other, renewed, strict=True):
            copy(new, file)
        until(lambda: shown(stand) == other[0].read_text())
        warned = stand.health.warnings()
        certified = stand.health.certified

    assert certified is not None
    assert certified.ends == told_by_openssl(other[0])
    assert warned == []


def test_half_a_pair_is_told_and_what_was_served_goes_on(
    collectors: dict[str, Collector], renewed: Pair, other: Pair
) -> None:
    before = renewed[0].read_text()
    with Stand(collectors.values(), tls=Renewal(*renewed)) as stand:
        copy(other[0], renewed[0])
        told = until(lambda: warnings(stand))
        still = shown(stand)
        copy(other[1], renewed[1])
        until(lambda: not warnings(stand))
        then = shown(stand)

    said = f"certificate: a new one is not served: TLS_CERT_FILE: '{renewed[0]}' does not fit the "
    assert told[0].startswith(said)
    assert (still, then) == (before, other[0].read_text())


def warnings(stand: Stand) -> list[str]:
    """Return what ``/health`` warns of, without that the certificate of two days ends soon."""
    told: list[str] = json.loads(stand.get("/health")[2])["warnings"]
    return [each for each in told if "renew it" not in each]


def shown(stand: Stand) -> str:
    """Return the certificate that a client is shown who names no server."""
    return ssl.get_server_certificate(("127.0.0.1", stand.port), timeout=10)


def until(found: Callable[[], Any]) -> Any:
    end, nothing = monotonic() + 20, Event()
    while not (result := found()):
        assert monotonic() < end
        nothing.wait(0.05)
    return result


def test_each_change_is_told_once(renewed: Pair, other: Pair, pair: Pair) -> None:
    told: list[Certified] = []
    renewal = Renewal(*renewed)
    renewal.tell(told.append)
    first = renewal.state

    renewed[0].unlink()
    renewal.look()
    renewal.look()
    copy(pair[0], renewed[0])
    renewal.look()
    for new, file in zip(other, renewed, strict=True):
        copy(new, file)
        renewal.look()
        file.touch()
        renewal.look()

    refused = [None if each.refused is None else each.refused.partition("(")[0] for each in told]
    assert refused[:3] == [None, f"TLS_CERT_FILE: '{renewed[0]}' cannot be read ", None]
    assert [each.ends for each in told] == [*[first.ends] * 4, told_by_openssl(other[0])]
    assert told[3].refused is not None
    assert told[4].refused is None


def test_it_warns_fourteen_days_before_the_end_and_not_earlier() -> None:
    early = Certified(NOW + timedelta(days=14, seconds=1))
    soon = Certified(NOW + timedelta(days=14))
    over = Certified(NOW)

    assert early.warnings(NOW) == []
    assert soon.warnings(NOW) == ["certificate: it ends at 2026-12-06T12:31:20Z; renew it"]
    assert over.warnings(NOW) == ["certificate: it ended at 2026-11-22T12:31:20Z; renew it"]


def test_the_log_tells_what_an_operator_should_know(caplog: pytest.LogCaptureFixture) -> None:
    log = CertificateLog(lambda: NOW)
    with caplog.at_level(logging.INFO, "gept"):
        for each in (
            Certified(NOW + YEAR),
            Certified(NOW + YEAR, "unfit"),
            Certified(NOW + 2 * YEAR),
            Certified(NOW + timedelta(days=2)),
            Certified(NOW),
        ):
            log(each)

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "a new certificate is not served"),
        ("INFO", "a new certificate is served"),
        ("INFO", "a new certificate is served"),
        ("WARNING", "the certificate ends"),
        ("INFO", "a new certificate is served"),
        ("WARNING", "the certificate has ended"),
    ]


def test_its_end_is_a_metric_where_there_is_one() -> None:
    health = Health([], lambda: NOW)
    metrics = Metrics([], health, lambda: NOW)
    assert SERIES not in metrics.scrape().decode()

    health.certificate(Certified(NOW))
    assert metrics.registry.get_sample_value(SERIES) == NOW.timestamp()
