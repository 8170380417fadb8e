"""Prometheus series, kept from events alone, with the names that the specification gives them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Scraped

from .. import __version__
from ..events import Dropped, Event, Fetched, Finished, Retried
from ..model import Collector, Kind, Status
from .backups import BackupSeries
from .health import Health

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OUTCOMES = ("inserted", "updated", "removed", "unchanged", "rejected")


class Metrics:
    """An observer that counts, and what a scrape shows of it."""

    def __init__(
        self, collectors: Iterable[Collector], health: Health, now: Callable[[], datetime]
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._of = {each.name: _Series(each, self.registry) for each in collectors}
        self._rows = self._counter(
            "gept_rows", "Rows by what became of them.", "collector", "outcome"
        )
        self._responses = self._counter(
            "gept_http_responses",
            "Answers by HTTP status; 0 where there was none.",
            "source",
            "status",
        )
        self._bytes = self._counter(
            "gept_http_response_bytes", "Bytes of answers, unpacked.", "source"
        )
        self._retries = self._counter(
            "gept_http_retries", "Requests that were made again.", "source"
        )
        self._revisions = self._counter(
            "gept_revisions", "Stored rows that a later answer changed or took back.", "collector"
        )
        self._warnings = self._counter(
            "gept_unexpected", "Stored ticks with something odd about their rows.", "collector"
        )
        self._rejected = self._counter(
            "gept_rejected", "Entries that could not be rows.", "collector", "kind"
        )
        self._latency = Histogram(
            "gept_http_seconds",
            "Time of a request.",
            ("source",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._dropped = self._counter(
            "gept_spool_dropped", "Answers that a full spool gave up.", "collector"
        )
        self._skew = Gauge(
            "gept_clock_skew_seconds",
            "How far our clock is ahead of the source's, at least.",
            ("source",),
            registry=self.registry,
        )
        for name in self._of:
            self._dropped.labels(name)
            for outcome in OUTCOMES:
                self._rows.labels(name, outcome)
            for kind in Kind:
                self._rejected.labels(name, kind.value)
            self._revisions.labels(name)
            self._warnings.labels(name)
        self.registry.register(_Freshness(health, now))
        self.registry.register(BackupSeries(lambda: health.saved))

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Fetched():
                self._fetched(event)
            case Retried(request):
                self._retries.labels(request.source.name).inc()
            case Finished():
                self._finished(event)
            case Dropped(collector):
                self._dropped.labels(collector).inc()

    def scrape(self) -> bytes:
        """Return every series in Prometheus' text format."""
        return generate_latest(self.registry)

    def _fetched(self, event: Fetched) -> None:
        source = event.request.source.name
        self._responses.labels(source, event.status).inc()
        self._bytes.labels(source).inc(event.size)
        self._latency.labels(source).observe(event.seconds)
        if event.skew is not None:
            self._skew.labels(source).set(event.skew)

    def _finished(self, event: Finished) -> None:
        if (series := self._of.get(event.collector)) is None:
            return
        series.finished(event)
        for outcome in OUTCOMES:
            if number := getattr(event.counts, outcome):
                self._rows.labels(event.collector, outcome).inc(number)
        for kind, number in Tally(each.kind for each in event.rejected).items():
            self._rejected.labels(event.collector, kind.value).inc(number)
        if event.again:
            self._revisions.labels(event.collector).inc(event.counts.updated + event.counts.removed)
        if event.warning:
            self._warnings.labels(event.collector).inc()

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)


class _Series:
    """The series of one collector: ``gept_<name>_…``."""

    def __init__(self, collector: Collector, registry: CollectorRegistry) -> None:
        name, about = f"gept_{collector.name}", collector.about
        self._requests = Counter(
            f"{name}_requests",
            f"Ticks of the {about} by how they ended.",
            ("status",),
            registry=registry,
        )
        self._items = Counter(f"{name}_items", f"Rows that the {about} brought.", registry=registry)
        self._seconds = Histogram(
            f"{name}_duration_seconds",
            f"Time of a tick of the {about}.",
            buckets=SECONDS,
            registry=registry,
        )
        for status in ("success", "error"):
            self._requests.labels(status)

    def finished(self, event: Finished) -> None:
        self._requests.labels(_ended(event.status)).inc()
        self._items.inc(event.counts.rows)
        self._seconds.observe(event.seconds)


def _ended(status: Status) -> str:
    if status.good:
        return "success"
    return status.value if status in {Status.NOT_YET, Status.SPOOLED} else "error"


class _Freshness(Scraped):
    """Gauges that are computed when asked, and absent until there is something to tell."""

    def __init__(self, health: Health, now: Callable[[], datetime]) -> None:
        self._health = health
        self._now = now

    def collect(self) -> Iterator[Metric]:
        now, states = self._now(), self._health.states.values()
        lag = GaugeMetricFamily(
            "gept_lag_seconds",
            "Time between the newest good tick and the newest possible one.",
            labels=["collector"],
        )
        limit = GaugeMetricFamily(
            "gept_lag_limit_seconds",
            "The lag at which the collector is stale.",
            labels=["collector"],
        )
        missing = GaugeMetricFamily(
            "gept_ticks_missing", "Wanted ticks that are not there.", labels=["collector"]
        )
        leads = GaugeMetricFamily(
            "gept_leads", "Whether this process leads the collector.", labels=["collector"]
        )
        drift = GaugeMetricFamily(
            "gept_schema_drift",
            "How many differences the newest answer has from the fields that are known.",
            labels=["collector"],
        )
        complete = GaugeMetricFamily(
            "gept_completeness_ratio",
            "Share of the wanted ticks that is there.",
            labels=["collector", "window"],
        )
        for state in states:
            name = state.collector.name
            leads.add_metric([name], name in self._health.led)
            limit.add_metric([name], state.collector.lag_limit.total_seconds())
            if state.drift is not None:
                drift.add_metric([name], len(state.drift))
            if state.stored is not None:
                yield GaugeMetricFamily(
                    f"gept_{name}_last_timestamp",
                    f"When the newest good tick of the {state.collector.about} was committed.",
                    value=state.stored[1].timestamp(),
                )
            if (behind := state.lag(now)) is not None:
                lag.add_metric([name], behind.total_seconds())
            if state.missing is not None:
                missing.add_metric([name], state.missing)
            for window, share in state.shares.items():
                complete.add_metric([name, window], share)
        yield leads
        yield lag
        yield limit
        yield missing
        yield drift
        yield complete
        yield GaugeMetricFamily(
            "gept_database_up",
            "Whether the database answers.",
            value=self._health.database_trouble is None,
        )
        yield from self._spool(now)
        build = GaugeMetricFamily("gept_build_info", "The version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build

    def _spool(self, now: datetime) -> Iterator[Metric]:
        spooled = self._health.spooled
        waits = (now - spooled.oldest).total_seconds() if spooled.oldest else 0
        yield GaugeMetricFamily(
            "gept_spool_answers", "Answers that wait on disk for the database.", spooled.waiting
        )
        yield GaugeMetricFamily("gept_spool_bytes", "Room that they take.", spooled.size)
        yield GaugeMetricFamily(
            "gept_spool_oldest_seconds", "How long the oldest of them waits.", waits
        )
        yield GaugeMetricFamily(
            "gept_spool_aside", "Files that were moved aside as torn or foreign.", spooled.aside
        )
