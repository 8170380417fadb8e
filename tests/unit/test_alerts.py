"""Each alert fires when it must and not before, on what a real gept serves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gept.collectors import load_all

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
NAMES = tuple(load_all())
SERVED = 'gept_certificate_expires_timestamp{instance="a"}'

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not there: apt-get install prometheus"
)


@dataclass(frozen=True)
class Case:
    """Series by the minute; ``alert`` is not there at ``quiet`` and is there at ``fires``.

    ``silent`` series do not make it fire at all. What takes days goes by another ``step``.
    """

    alert: str
    series: dict[str, str]
    quiet: str
    fires: str
    about: str | None = None
    silent: tuple[dict[str, str], ...] = ()
    looks: tuple[str, ...] = ("10m", "40m", "90m")
    step: str = "1m"

    def __str__(self) -> str:
        return f"{self.alert}-{self.about}" if self.about else self.alert


def lag(collector: str, limit: int, values: str) -> dict[str, str]:
    return {
        f'gept_lag_seconds{{collector="{collector}"}}': values,
        f'gept_lag_limit_seconds{{collector="{collector}"}}': f"{limit}x400",
    }


def ticks(collector: str, success: str, error: str) -> dict[str, str]:
    return {
        f'gept_{collector}_requests_total{{status="success"}}': success,
        f'gept_{collector}_requests_total{{status="error"}}': error,
        f'gept_{collector}_requests_total{{status="not_yet"}}': "0+9x400",
    }


def stale() -> Iterator[Case]:
    for name, found in load_all().items():
        limit = int(found.lag_limit.total_seconds())
        step = int(found.schedule.interval.total_seconds())
        yield Case(
            "CollectorStale",
            lag(name, limit, f"0x10 {limit - step}x20 {limit}x20"),
            quiet="31m",
            fires="33m",
            about=name,
            silent=(
                lag(name, limit, f"{limit - 1}x400"),
                {
                    **lag(name, limit, f"{limit}x400"),
                    f'gept_lag_seconds{{collector="{name}",instance="other"}}': "0x400",
                },
            ),
        )


def missing() -> Iterator[Case]:
    for name in NAMES:
        yield Case(
            "CollectorMissing",
            {f'gept_lag_seconds{{collector="{name}"}}': "0x10 stale"},
            quiet="15m",
            fires="17m",
            about=name,
            silent=({f'gept_lag_seconds{{collector="{name}"}}': "9e9x400"},),
        )


def errors() -> Iterator[Case]:
    for name in NAMES:
        yield Case(
            "CollectorErrors",
            ticks(name, "0+1x400", "0x60 1+1x300"),
            quiet="76m",
            fires="85m",
            about=name,
            silent=(
                ticks(name, "0+1x400", "0x60 1+1x3 4x400"),
                ticks(name, "0+20x400", "0+1x400"),
                ticks(name, "0x400", "0x400"),
            ),
        )


def led(first: str, second: str, database: str = "1x400") -> dict[str, str]:
    return {
        'gept_leads{collector="5m",instance="a"}': first,
        'gept_leads{collector="5m",instance="b"}': second,
        'gept_database_up{instance="a"}': database,
    }


def spooled(seconds: str, database: str) -> dict[str, str]:
    return {
        'gept_spool_oldest_seconds{instance="a"}': seconds,
        'gept_database_up{instance="a"}': database,
    }


def free(mount: str, values: str, kind: str = "ext4") -> dict[str, str]:
    labels = f'{{mountpoint="{mount}",fstype="{kind}"}}'
    return {
        f"node_filesystem_avail_bytes{labels}": values,
        f"node_filesystem_size_bytes{labels}": "100x400",
    }


def saved(newest: str, verified: str | None = None) -> dict[str, str]:
    series = {"gept_backup_last_success_timestamp": newest}
    return (
        series if verified is None else {**series, "gept_backup_last_verified_timestamp": verified}
    )


def daily(days: int) -> dict[str, str]:
    """Tell of a new backup each day, of which none is ever verified."""
    return saved(" ".join(f"{day * 86400}x23" for day in range(days)))


CASES = [
    *stale(),
    *missing(),
    *errors(),
    Case(
        "CollectorUnled",
        led("1x10 0x60", "0x80"),
        "15m",
        "17m",
        silent=(led("1x10 0x400", "0x10 1x400"), led("0x400", "0x400", "0x400")),
    ),
    Case(
        "GeptDown",
        {'up{job="gept",instance="a"}': "1x10 0x60"},
        "12m",
        "14m",
        silent=({'up{job="gept"}': "1x60 0 1x300"}, {'up{job="node"}': "0x400"}),
    ),
    Case(
        "GeptRestarts",
        {'process_start_time_seconds{job="gept",instance="a"}': "100x30 200x3 300x3 400x3 500x100"},
        "42m",
        "44m",
        silent=(
            {'process_start_time_seconds{job="gept",instance="a"}': "100x30 200x3 300x3 400x400"},
            {'process_start_time_seconds{job="node"}': "0+60x400"},
        ),
    ),
    Case(
        "GeptAbsent",
        {'up{job="gept"}': "1x10 stale"},
        "15m",
        "17m",
        silent=({'up{job="gept"}': "0x400"},),
    ),
    Case(
        "DatabaseAway",
        {"gept_database_up": "1x10 0x60"},
        "12m",
        "14m",
        silent=({"gept_database_up": "1x60 0 1x300"},),
    ),
    Case(
        "ClockWrong",
        {'gept_clock_skew_seconds{source="prices",instance="a"}': "0x10 -6x60"},
        "15m",
        "17m",
        silent=({'gept_clock_skew_seconds{source="prices"}': "5x400"},),
    ),
    Case(
        "GapsStay",
        {'gept_ticks_missing{collector="5m"}': "0x10 6x300"},
        "130m",
        "132m",
        silent=(
            {'gept_ticks_missing{collector="5m"}': "5x400"},
            {'gept_ticks_missing{collector="5m"}': "900x100 0x300"},
            {'gept_ticks_missing{collector="latest"}': "900x400"},
        ),
        looks=("90m", "130m", "230m"),
    ),
    Case(
        "CompletenessLow",
        {'gept_completeness_ratio{collector="5m",window="24h"}': "1x10 0.949x90"},
        "40m",
        "42m",
        silent=(
            {'gept_completeness_ratio{collector="5m",window="24h"}': "0.95x400"},
            {'gept_completeness_ratio{collector="5m",window="1h"}': "0x400"},
        ),
    ),
    Case(
        "SpoolDropped",
        {'gept_spool_dropped_total{collector="latest"}': "0x10 1x60"},
        "10m",
        "12m",
        silent=({'gept_spool_dropped_total{collector="latest"}': "7x400"},),
    ),
    Case(
        "SpoolStuck",
        spooled("0x10 901x60", "1x80"),
        "20m",
        "22m",
        silent=(spooled("900x400", "1x400"), spooled("9000x400", "0x400")),
    ),
    Case(
        "SpoolAside",
        {"gept_spool_aside": "0x10 1x60"},
        "15m",
        "17m",
        silent=({"gept_spool_aside": "0x400"},),
    ),
    Case(
        "CertificateExpires",
        {SERVED: f"{14 * 86400 + 660}x60"},
        "10m",
        "11m",
        silent=({SERVED: f"{14 * 86400 + 91 * 60}x400"}, {SERVED: f"{99 * 86400}x400"}),
    ),
    Case(
        "SchemaDrift",
        {'gept_schema_drift{collector="5m"}': "0x10 1x60"},
        "11m",
        "13m",
        silent=({'gept_schema_drift{collector="5m"}': "0x400"},),
    ),
    Case(
        "EntriesRejected",
        {'gept_rejected_total{collector="5m",kind="bad_id"}': "0x10 1x60"},
        "10m",
        "12m",
        silent=({'gept_rejected_total{collector="5m",kind="bad_id"}': "7x400"},),
    ),
    Case(
        "RowsUnexpected",
        {'gept_unexpected_total{collector="5m"}': "0x10 1+1x60"},
        "12m",
        "15m",
        silent=({'gept_unexpected_total{collector="5m"}': "0x10 2x400"},),
    ),
    Case(
        "BackupOld",
        {"gept_backup_last_success_timestamp": f"{600 - 36 * 3600}x60"},
        "19m",
        "22m",
        silent=(
            {
                'gept_backup_last_success_timestamp{instance="a"}': "-900000x400",
                'gept_backup_last_success_timestamp{instance="b"}': "-86400x400",
            },
        ),
    ),
    Case(
        "BackupUnverified",
        {"gept_backup_last_verified_timestamp": f"{600 - 15 * 86400}x60"},
        "19m",
        "22m",
        silent=(
            {"gept_backup_last_verified_timestamp": f"{-14 * 86400}x400"},
            saved(f"{-9 * 86400}x400", f"{-9 * 86400}x400"),
            saved(f"{-9 * 86400}x400", f"{-9 * 86400}x20 stale"),
            saved("0x400"),
        ),
    ),
    Case(
        "BackupUnverified",
        daily(14),
        "192h",
        "194h",
        silent=(
            {**daily(14), "gept_backup_last_verified_timestamp": f"{86400}x350"},
            {**daily(14), "gept_backup_last_verified_timestamp": f"{86400}x120 stale"},
        ),
        looks=("194h", "330h"),
        step="1h",
    ),
    Case("BackupUnverified", daily(14), "192h", "330h", step="1h"),
    Case(
        "BackupFaulty",
        {"gept_backup_faulty": "0x10 1x60"},
        "14m",
        "17m",
        silent=({"gept_backup_faulty": "0x400"},),
    ),
    Case(
        "DiskSpaceLow",
        free("/data", "15x10 14x60"),
        "20m",
        "22m",
        silent=(free("/data", "15x400"), free("/run", "1x400", "tmpfs")),
    ),
    Case(
        "DiskSpaceCritical",
        free("/data", "5x10 4x60"),
        "12m",
        "14m",
        silent=(free("/data", "5x400"), free("/run", "1x400", "tmpfs")),
    ),
]


def group(
    series: dict[str, str], expected: dict[str, int], query: str, step: str
) -> dict[str, Any]:
    return {
        "interval": step,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": count}] if count else [],
            }
            for at, count in expected.items()
        ],
    }


def promtool(folder: Path, groups: list[dict[str, Any]], rules: list[Path], step: str) -> None:
    file = folder / "tests.yml"
    told = {"rule_files": [str(each) for each in rules], "evaluation_interval": step}
    file.write_text(json.dumps({**told, "tests": groups}))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[tuple[str, dict[str, Any]]]:
    return [
        (rule["alert"], rule)
        for file in RULES
        for each in yaml.safe_load(file.read_text())["groups"]
        for rule in each["rules"]
    ]


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_must_and_not_before(case: Case, tmp_path: Path) -> None:
    chosen = f',collector="{case.about}"' if case.about else ""
    query = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"{chosen}}})'
    groups = [group(case.series, {case.quiet: 0, case.fires: 1}, query, case.step)]
    groups += [group(each, dict.fromkeys(case.looks, 0), query, case.step) for each in case.silent]
    rules = [file for file in RULES if case.alert in file.read_text()]

    promtool(tmp_path, groups, rules, case.step)


def test_each_alert_has_its_case() -> None:
    ruled = {(name, rule["labels"].get("collector")) for name, rule in alerts()}
    proved = {(case.alert, case.about) for case in CASES}
    told = {(name, about if (name, about) in ruled else None) for name, about in proved}

    assert told == ruled


@pytest.mark.parametrize("name", NAMES)
def test_a_collector_lags_to_its_limit_when_it_is_stale(name: str) -> None:
    found = load_all()[name]
    newest = found.schedule.newest(datetime(2026, 11, 22, 12, 31, 20, tzinfo=UTC))
    stale = found.stale_at(newest)
    before = found.schedule.newest(stale - timedelta(seconds=1))

    assert found.schedule.newest(stale) - newest == found.lag_limit
    assert before - newest < found.lag_limit


@needs_promtool
def test_the_configuration_is_one() -> None:
    config = DEPLOY / "prometheus" / "prometheus.yml"
    done = subprocess.run(
        ["promtool", "check", "config", "--lint-fatal", config],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_targets_are_the_ports_of_the_collectors() -> None:
    (found,) = yaml.safe_load((DEPLOY / "prometheus" / "targets" / "collect.yml").read_text())

    assert found["targets"] == [f"localhost:{each.port}" for each in load_all().values()]


def test_each_alert_is_documented_with_what_to_do() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "monitor.md").read_text()

    assert {name for name, _ in alerts() if f"\n| `{name}` |" not in page} == set()
    assert [
        name for name, rule in alerts() if set(rule["annotations"]) != {"summary", "remedy"}
    ] == []
    assert {rule["labels"]["severity"] for _, rule in alerts()} == {"critical", "warning"}


AMTOOL = shutil.which("amtool")


@pytest.mark.skipif(
    AMTOOL is None, reason="amtool is not there: apt-get install prometheus-alertmanager"
)
def test_the_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
    older = re.sub(r"webhook_url_file: \S+", "webhook_url: https://discord.test/hook", text)
    file = tmp_path / "alertmanager.yml"
    file.write_text(older)
    done = subprocess.run(
        ["amtool", "check-config", file], capture_output=True, text=True, check=False
    )

    assert older != text
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_alertmanager_inhibits_are_alerts() -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    named = {
        name
        for rule in config["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        for name in re.findall(r"[A-Z]\w+", matcher)
    }

    assert named - {name for name, _ in alerts()} == set()
