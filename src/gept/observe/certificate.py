"""How the certificate of the dashboard stands, as Prometheus and the log tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Scraped

from . import logs

if TYPE_CHECKING:
    from ..tls import Certified

log = logs.get_logger()


class CertificateSeries(Scraped):
    """A gauge that is absent where there is no certificate."""

    def __init__(self, certified: Callable[[], Certified | None]) -> None:
        self._certified = certified

    def collect(self) -> Iterator[Metric]:
        """Yield when it ends."""
        if (certified := self._certified()) is not None:
            yield GaugeMetricFamily(
                "gept_certificate_expires_timestamp",
                "When the certificate ends that is served.",
                value=certified.ends.timestamp(),
            )


class CertificateLog:
    """Writes that a certificate ends soon, that another is served, or why it is not."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._begun = False

    def __call__(self, certified: Certified) -> None:
        """Write what is new; at the start nothing where all is well."""
        if certified.refused is not None:
            log.warning("a new certificate is not served", error=certified.refused)
            return
        if self._begun:
            log.info("a new certificate is served", ends=certified.ends.isoformat())
        self._begun = True
        if certified.ending(now := self._now()):
            said = "the certificate has ended" if certified.ended(now) else "the certificate ends"
            log.warning(said, ends=certified.ends.isoformat(), remedy="renew it")
