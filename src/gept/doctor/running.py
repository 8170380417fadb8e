"""The gept that runs: whether it answers, who gets at it, and who looks after it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path

from ..errors import SettingsError
from ..tls import Renewal
from . import probe
from .finding import Finding, failure, ok, warning
from .subject import Subject

LATELY = timedelta(minutes=5)
DASHBOARD = {"Accept": "text/html"}


def health(subject: Subject) -> Iterator[Finding]:
    """Whether health checks pass, on each port that answers here."""
    if not subject.answers:
        seen = f"nothing answers on the ports of gept at {subject.settings.bind_address}"
        yield warning("health", seen, "start gept up, or examine where it runs")
    for port, answer in subject.answers.items():
        if answer.status != 200:
            reason = "; ".join(answer.reasons) or f"HTTP {answer.status}"
            yield failure("health", f"port {port}: {reason}", "see docs/how-to/troubleshoot.md")
        else:
            yield ok("health", f"port {port} is healthy")


def scraping(subject: Subject) -> Iterator[Finding]:
    """Whether Prometheus reads the metrics of each port that answers here."""
    now, remedy = subject.now(), "scrape it: see deploy/prometheus/prometheus.yml"
    if not subject.answers:
        yield warning("scraping", "not known: gept does not run here", remedy)
    for port, answer in subject.answers.items():
        at = answer.scraped_at
        if at is None:
            yield warning(
                "scraping", f"port {port}: nobody has read /metrics since it started", remedy
            )
        elif now - at > LATELY:
            seen = f"port {port}: /metrics was last read at {at:%Y-%m-%dT%H:%M:%SZ}"
            yield warning("scraping", seen, "see whether Prometheus runs, and its targets page")
        else:
            yield ok("scraping", f"port {port}: /metrics is read")


def firewall(subject: Subject) -> Iterator[Finding]:
    """Whether other machines get at the ports."""
    settings = subject.settings
    if ip_address(settings.bind_address).is_loopback:
        yield ok("firewall", f"the ports listen on {settings.bind_address}: this machine only")
        return
    ports = sorted({settings.dashboard_port, *(each.port for each in subject.collectors)})
    seen = f"the ports {', '.join(map(str, ports))} listen on {settings.bind_address}"
    remedy = "let only Prometheus and your own machines in: docs/how-to/secure.md has the rules"
    yield warning("firewall", f"{seen}; whether a firewall is in front is not known here", remedy)


def dashboard(subject: Subject) -> Iterator[Finding]:
    """Whether the dashboard can be seen, by those who may."""
    settings = subject.settings
    port, token = settings.dashboard_port, settings.dashboard_token
    if settings.dashboard_open and not ip_address(settings.bind_address).is_loopback:
        remedy = "set DASHBOARD_TOKEN_FILE in place of DASHBOARD_OPEN"
        yield warning("dashboard", "open to whoever reaches its port", remedy)
    if port not in subject.answers:
        yield warning("dashboard", f"nothing answers on port {port}", "gept up shows it")
        return
    headers = DASHBOARD | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        status, _ = probe.get(settings, port, "/api/status", headers)
    except (OSError, HTTPException) as error:
        status = 0
        yield failure("dashboard", f"port {port}: {error}", "see the log of gept up")
    if status == 200:
        yield ok("dashboard", f"answers on port {port}{', with the token' if token else ''}")
    elif status:
        remedy = "the running gept has another token: let both read one DASHBOARD_TOKEN_FILE"
        yield failure("dashboard", f"port {port}: HTTP {status}", remedy)


def certificate(subject: Subject) -> Iterator[Finding]:
    """Whether the dashboard has a certificate that fits, and for how long."""
    file, key = subject.settings.tls_cert_file, subject.settings.tls_key_file
    if file is None or key is None:
        yield ok("certificate", "none: the dashboard is plain HTTP")
        return
    try:
        found = Renewal(file, key).state
    except SettingsError as error:
        seen, _, remedy = str(error).rpartition("; ")
        yield failure("certificate", seen, remedy)
        return
    seen, remedy = f"{file}: {found.term(subject.now())}", "renew it; it is taken without a restart"
    if found.ended(subject.now()):
        yield failure("certificate", seen, remedy)
    elif found.ending(subject.now()):
        yield warning("certificate", seen, remedy)
    else:
        yield ok("certificate", seen)


def logs(subject: Subject) -> Iterator[Finding]:
    """Whether somebody keeps what gept tells, and not for ever."""
    if not subject.local:
        yield warning("logs", "not known: gept does not run here", "examine where it runs")
    for pid in subject.local:
        yield _log_of(subject.proc / str(pid) / "fd" / "2", pid)


def _log_of(file: Path, pid: int) -> Finding:
    try:
        target, mode = file.readlink(), file.stat().st_mode
    except OSError:
        return warning("logs", f"process {pid} is another user's", "examine as that user")
    if str(target) == "/dev/null":
        return failure("logs", f"process {pid} writes to /dev/null", "run it under systemd")
    if stat.S_ISREG(mode):
        remedy = "rotate it by logrotate with copytruncate, or run gept under systemd"
        return warning("logs", f"process {pid} writes to {target}, which only grows", remedy)
    if stat.S_ISCHR(mode):
        remedy = "run gept under systemd or in a container, which keep and rotate"
        return warning("logs", f"process {pid} writes to a terminal", remedy)
    return ok("logs", f"process {pid} hands its log to whoever started it, who rotates it")


def service(subject: Subject) -> Iterator[Finding]:
    """Whether somebody starts gept again when it ends, and after a reboot."""
    if not subject.local:
        yield warning("service", "not known: gept does not run here", "examine where it runs")
    for pid in subject.local:
        by = _keeper(subject.proc / str(pid) / "cgroup")
        if by is None:
            remedy = "let systemd start it (deploy/systemd), or a container engine"
            yield warning("service", f"process {pid} was started by hand", remedy)
        else:
            yield ok("service", f"process {pid} is kept by {by}")


def _keeper(file: Path) -> str | None:
    """Return who keeps a process alive, as its control group tells."""
    try:
        group = file.read_text(encoding="utf-8")
    except OSError:
        return None
    if any(each in group for each in ("docker", "libpod", "containerd", "kubepods")):
        return "a container engine"
    units = [part for part in group.strip().split("/") if part.endswith(".service")]
    mine = [each for each in units if each.startswith("gept")]
    return f"systemd ({mine[-1]})" if mine else None
