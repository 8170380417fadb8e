"""Prometheus series, kept from events alone, with the names that the specification gives them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Scraped

from .. import __version__
from ..events import Dropped, Event, Fetched, Finished, Retried
from ..model import Collector, Kind, Status
from .backups import BackupSeries
from .certificate import CertificateSeries
from .health import Health

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OUTCOMES = ("inserted", "updated", "removed", "unchanged", "rejected")

COUNTERS = (
    ("gept_rows", "Rows by what became of them.", "collector", "outcome"),
    ("gept_http_responses", "Answers by HTTP status; 0 where there was none.", "source", "status"),
    ("gept_http_response_bytes", "Bytes of answers, unpacked.", "source"),
    ("gept_http_retries", "Requests that were made again.", "source"),
    ("gept_revisions", "Stored rows that a later answer changed or took back.", "collector"),
    ("gept_unexpected", "Stored ticks with something odd about their rows.", "collector"),
    ("gept_rejected", "Entries that could not be rows.", "collector", "kind"),
    ("gept_spool_dropped", "Answers that a full spool gave up.", "collector"),
)
"""Each counter: its name, what it counts, and its labels."""


class Metrics:
    """An observer that counts, and what a scrape shows of it."""

    def __init__(
        self, collectors: Iterable[Collector], health: Health, now: Callable[[], datetime]
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._of = {each.name: _Series(each, self.registry) for each in collectors}
        self._counters = {
            name: Counter(name, about, labels, registry=self.registry)
            for name, about, *labels in COUNTERS
        }
        self._latency = Histogram(
            "gept_http_seconds",
            "Time of a request.",
            ("source",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._skew = Gauge(
            "gept_clock_skew_seconds",
            "How far our clock is ahead of the source's, at least.",
            ("source",),
            registry=self.registry,
        )
        for name in self._of:
            self._begin_at_zero(name)
        self.registry.register(_Freshness(health, now))
        self.registry.register(BackupSeries(lambda: health.saved))
        self.registry.register(CertificateSeries(lambda: health.certified))

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Fetched():
                self._fetched(event)
            case Retried(request):
                self._count("gept_http_retries", request.source.name)
            case Finished():
                self._finished(event)
            case Dropped(collector):
                self._count("gept_spool_dropped", collector)

    def scrape(self) -> bytes:
        """Return every series in Prometheus' text format."""
        return generate_latest(self.registry)

    def _begin_at_zero(self, collector: str) -> None:
        """Show what has not happened yet, so that its first time is seen as an increase."""
        for name in ("gept_spool_dropped", "gept_revisions", "gept_unexpected"):
            self._count(name, collector, number=0)
        for outcome in OUTCOMES:
            self._count("gept_rows", collector, outcome, number=0)
        for kind in Kind:
            self._count("gept_rejected", collector, kind.value, number=0)

    def _fetched(self, event: Fetched) -> None:
        source = event.request.source.name
        self._count("gept_http_responses", source, event.status)
        self._count("gept_http_response_bytes", source, number=event.size)
        self._latency.labels(source).observe(event.seconds)
        if event.skew is not None:
            self._skew.labels(source).set(event.skew)

    def _finished(self, event: Finished) -> None:
        if (series := self._of.get(event.collector)) is None:
            return
        series.finished(event)
        for outcome in OUTCOMES:
            if number := getattr(event.counts, outcome):
                self._count("gept_rows", event.collector, outcome, number=number)
        for kind, number in Tally(each.kind for each in event.rejected).items():
            self._count("gept_rejected", event.collector, kind.value, number=number)
        if event.again:
            revised = event.counts.updated + event.counts.removed
            self._count("gept_revisions", event.collector, number=revised)
        if event.warning:
            self._count("gept_unexpected", event.collector)

    def _count(self, name: str, *labels: object, number: int = 1) -> None:
        self._counters[name].labels(*labels).inc(number)


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
        now = self._now()
        yield from self._standing(now)
        yield from self._answers()
        yield GaugeMetricFamily(
            "gept_database_up",
            "Whether the database answers.",
            value=self._health.database_trouble is None,
        )
        yield from self._spool(now)
        yield _family("gept_build_info", "The version that runs.", {(__version__,): 1}, "version")

    def _standing(self, now: datetime) -> Iterator[Metric]:
        """Yield what of each collector is there, and how late."""
        states, led = self._health.states, self._health.led
        for name, state in states.items():
            if state.stored is not None:
                about = f"When the newest good tick of the {state.collector.about} was committed."
                at = state.stored[1].timestamp()
                yield GaugeMetricFamily(f"gept_{name}_last_timestamp", about, at)
        yield _family(
            "gept_leads",
            "Whether this process leads the collector.",
            {(name,): name in led for name in states},
        )
        yield _family(
            "gept_lag_seconds",
            "Time between the newest good tick and the newest possible one.",
            {(name,): _seconds(state.lag(now)) for name, state in states.items()},
        )
        yield _family(
            "gept_lag_limit_seconds",
            "The lag at which the collector is stale.",
            {(name,): _seconds(state.collector.lag_limit) for name, state in states.items()},
        )

    def _answers(self) -> Iterator[Metric]:
        """Yield what of each collector is missing, and how its answers have changed."""
        states = self._health.states
        yield _family(
            "gept_ticks_missing",
            "Wanted ticks that are not there.",
            {(name,): state.missing for name, state in states.items()},
        )
        yield _family(
            "gept_schema_drift",
            "How many differences the newest answer has from the fields that are known.",
            {(name,): _number(state.drift) for name, state in states.items()},
        )
        yield _family(
            "gept_completeness_ratio",
            "Share of the wanted ticks that is there.",
            {
                (name, window): share
                for name, state in states.items()
                for window, share in state.shares.items()
            },
            "collector",
            "window",
        )

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
            "gept_spool_aside",
            "Files that were moved aside as torn, foreign or misnamed.",
            spooled.aside,
        )


def _family(
    name: str, about: str, values: Mapping[tuple[str, ...], float | None], *labels: str
) -> Metric:
    """Return a gauge with the values that are known, by default one a collector."""
    family = GaugeMetricFamily(name, about, labels=labels or ("collector",))
    for of, value in values.items():
        if value is not None:
            family.add_metric(of, value)
    return family


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _number(found: Sequence[str] | None) -> int | None:
    return None if found is None else len(found)
