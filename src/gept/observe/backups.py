"""How the backups stand, as Prometheus sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Scraped

from .health import Saved


class BackupSeries(Scraped):
    """Gauges that are absent until there is a backup."""

    def __init__(self, saved: Callable[[], Saved]) -> None:
        self._saved = saved

    def collect(self) -> Iterator[Metric]:
        """Yield what there is to tell."""
        saved = self._saved()
        if saved.newest is not None:
            yield GaugeMetricFamily(
                "gept_backup_last_success_timestamp",
                "The moment that the newest sound backup of the whole database is of.",
                value=saved.newest.timestamp(),
            )
        if saved.verified is not None:
            yield GaugeMetricFamily(
                "gept_backup_last_verified_timestamp",
                "When a backup was last restored and found as it was saved.",
                value=saved.verified.timestamp(),
            )
        if saved.newest is not None or saved.faulty:
            yield GaugeMetricFamily(
                "gept_backup_faulty", "Backups that are broken or differ.", value=saved.faulty
            )
