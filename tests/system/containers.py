"""docker-compose.yml in containers that work offline, by Docker or Podman."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from system.conftest import free_port

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in")
BASE = os.environ.get("GEPT_TEST_BASE_IMAGE", "python:3.13-slim-trixie")
BUILD_OPTIONS = shlex.split(os.environ.get("GEPT_TEST_BUILD_OPTIONS", ""))
IMAGE = "gept-trial"


def said(*command: str) -> tuple[int, str]:
    """Run a program; return its exit code and the last line of what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""


def engine() -> tuple[str, list[str]] | str:
    """Return the engine and its Compose; or why there is none, in a sentence."""
    if shutil.which("docker") and said("docker", "compose", "version")[0] == 0:
        return "docker", ["docker", "compose"]
    if shutil.which("podman") is None:
        return "neither Docker Compose nor Podman is there"
    if find_spec("podman_compose"):
        return "podman", [sys.executable, "-m", "podman_compose", "--in-pod", "false"]
    if shutil.which("podman-compose"):
        return "podman", ["podman-compose", "--in-pod", "false"]
    return "Podman is there, but podman-compose is not: pip install podman-compose"


def unusable(engine: str) -> str | None:
    """Return why containers cannot run here, in a sentence; None where they can."""
    if said(engine, "image", "inspect", BASE)[0] != 0:
        code, error = said(engine, "pull", BASE)
        if code != 0:
            return f"no base image: {error}; name one of this machine in GEPT_TEST_BASE_IMAGE"
    code, error = said(engine, "run", "--rm", BASE, "python3", "--version")
    return f"{engine} runs no containers here: {error}" if code else None


def build(engine: str) -> None:
    """Make the image."""
    options = [*BUILD_OPTIONS, "--build-arg", f"BASE={BASE}", "-t", IMAGE]
    done = subprocess.run(
        [engine, "build", *options, str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@dataclass
class Trial:
    """The services of docker-compose.yml under other names, on ports that nobody uses."""

    engine: str
    compose: list[str]
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    def prepare(self) -> None:
        """Write secrets, settings, and the file for Compose."""
        (self.folder / "secrets").mkdir()
        for name in ("db_password", "postgres_password"):
            secret = self.folder / "secrets" / name
            secret.write_text(f"the secret {name}")
            secret.chmod(0o444)
        (self.folder / ".env").write_text("GEPT_FIRST_HORIZON=15m\nGEPT_PACE=0.1\n")
        made = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        wanted = yaml.safe_load((ROOT / "docker-compose.override.example.yml").read_text())
        changed = {name: self._changed(name, each) for name, each in _merged(made, wanted)}
        made["services"], made["name"] = changed, IMAGE
        made["secrets"] = {
            name: each for name, each in made["secrets"].items() if name.endswith("s_password")
        } | {"db_password": made["secrets"]["db_password"]}
        (self.folder / "docker-compose.yml").write_text(yaml.safe_dump(made))

    def _changed(self, name: str, service: dict[str, Any]) -> dict[str, Any]:
        gone = ("build", "profiles", "extra_hosts", "depends_on")
        kept = {key: value for key, value in service.items() if key not in gone}
        kept |= {"image": IMAGE, "container_name": self.container(name)}
        for published in service.get("ports", ()):
            self.ports[name] = free_port()
            kept["ports"] = [f"127.0.0.1:{self.ports[name]}:{published.rpartition(':')[2]}"]
        if name == "timescaledb":
            kept |= _standing_in()
        return kept

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"{IMAGE}-{service}"

    def up(self, *services: str) -> None:
        """Start services."""
        code, error = said(
            *self.compose,
            *("-f", str(self.folder / "docker-compose.yml"), "up", "-d", "--no-build"),
            *services,
        )
        assert code == 0, error

    def down(self) -> None:
        """End everything, and leave nothing behind."""
        said(*self.compose, "-f", str(self.folder / "docker-compose.yml"), "down", "-v", "-t", "15")

    def state(self, service: str) -> Any:
        """Return what the engine knows of a container's state."""
        done = subprocess.run(
            [self.engine, "inspect", "--type", "container", self.container(service)],
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout)[0]["State"] if done.returncode == 0 else {}

    def healthy(self, service: str) -> bool:
        """Tell whether a container is healthy; Podman without systemd looks when it is asked."""
        if self.engine == "podman":
            return said("podman", "healthcheck", "run", self.container(service))[0] == 0
        return bool(self.state(service).get("Health", {}).get("Status") == "healthy")

    def ended(self, service: str) -> bool:
        """Tell whether a container has done its work; fail where it did not."""
        state = self.state(service)
        assert state.get("ExitCode", 0) == 0, self.log(service)
        return bool(state.get("Status") == "exited")

    def log(self, service: str) -> str:
        """Return what a container said."""
        done = subprocess.run(
            [self.engine, "logs", self.container(service)],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def run(self, service: str, *command: str) -> tuple[int, str]:
        """Run a program in a container; return its exit code and its last line."""
        return said(self.engine, "exec", self.container(service), *command)

    def kill(self, service: str) -> int:
        """Kill the process of a container; return which one it was."""
        process = int(self.state(service)["Pid"])
        os.kill(process, signal.SIGKILL)
        return process


def _merged(made: Any, wanted: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the services without those of profiles, with what the example for development says."""
    mine = {
        name: each
        for name, each in made["services"].items()
        if name == "timescaledb" or "profiles" not in each
    }
    for name, each in wanted["services"].items():
        before = mine.get(name, {})
        both = {**before.get("environment", {}), **each.get("environment", {})}
        mine[name] = {**before, **each, "environment": both}
    return [(name, _filled(each)) for name, each in mine.items()]


def _filled(value: Any) -> Any:
    """Return a value with the defaults of its variables, and paths that hold in any folder."""
    return json.loads(
        json.dumps(value).replace('"./deploy', f'"{ROOT}/deploy').replace("DASHBOARD_OPEN-1", "X-1")
    )


def _standing_in() -> dict[str, Any]:
    """Return what lets gept's own PostgreSQL stand in for an image from elsewhere."""
    script = f"{ROOT}/deploy/docker/make-database:/docker-entrypoint-initdb.d/020_gept.sh:ro"
    return {
        "entrypoint": "/stand_in",
        "volumes": [f"{STAND_IN}:/stand_in:ro", script],
        "tmpfs": ["/var/lib/postgresql/data:mode=1777"],
        "healthcheck": {"test": ["CMD", "/stand_in", "pg_isready", "-h", "127.0.0.1"]},
    }
