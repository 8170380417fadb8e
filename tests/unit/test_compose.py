"""docker-compose.yml says what it must, whether or not containers run here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import services

from gept.app import chosen
from gept.cli.settings import example
from gept.collectors import load_all
from gept.settings import declared, load, named

ROOT = Path(__file__).parents[2]
MADE: Any = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DEVELOPMENT: Any = yaml.safe_load((ROOT / "docker-compose.override.example.yml").read_text())
SERVICES: dict[str, Any] = MADE["services"]
OURS = {name: each for name, each in SERVICES.items() if "build" in each}
STAYING = {name: each for name, each in SERVICES.items() if each["restart"] != "no"}
COLLECTING = {f"ge-{name}-collector": each for name, each in load_all().items()}
ENV = (ROOT / ".env.example").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def filled(value: str) -> str:
    """Return a value with the defaults of its variables."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value)


def test_each_collector_has_its_container() -> None:
    assert {name for name in SERVICES if name.endswith("-collector")} == set(COLLECTING)
    for service, collector in COLLECTING.items():
        found = SERVICES[service]
        assert found["container_name"] == f"osrs-{collector.name}-collector"
        assert found["hostname"] == found["container_name"]
        assert found["command"] == ["collect", collector.name]
        assert found["environment"]["METRICS_PORT"] == str(collector.port)
        assert found["ports"] == [f"127.0.0.1:{collector.port}:{collector.port}"]
        assert found["healthcheck"]["test"] == ["CMD", "gept", "health", collector.name, "--live"]
        assert found["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["dashboard"]["ports"] == ["127.0.0.1:8080:8080"]


def test_the_documentation_names_services_that_there_are() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    told = [(page.name, name) for page in pages for name in services(page)]

    assert told
    assert [each for each in told if each[1] not in SERVICES] == []


def test_nothing_is_published_beyond_loopback_and_no_port_twice() -> None:
    published = [filled(port) for each in SERVICES.values() for port in each.get("ports", ())]

    assert [port for port in published if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    assert len({port.split(":")[1] for port in published}) == len(published) == 11
    assert {tuple(each.get("networks", ())) for each in SERVICES.values()} == {("gept",)}
    assert [name for name, each in SERVICES.items() if "network_mode" in each] == []


def test_what_stays_is_looked_after() -> None:
    for name, each in STAYING.items():
        assert each["restart"] == "unless-stopped", name
        assert each["healthcheck"]["test"], name
    assert set(SERVICES) - set(STAYING) == {"migrate", "host-database"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_has_its_limits(name: str) -> None:
    found = SERVICES[name]

    assert found["mem_limit"]
    assert found["pids_limit"]
    assert found["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert "docker.sock" not in str(found)
    if name != "timescaledb":
        assert found["read_only"]
        assert found["cap_drop"] == ["ALL"]
    assert not filled(found["image"]).endswith(":latest")


def test_secrets_are_files() -> None:
    for name, each in SERVICES.items():
        for variable, value in each.get("environment", {}).items():
            if re.search("PASS|SECRET|TOKEN|KEY|URL", variable):
                assert value.startswith("/run/secrets/"), f"{name}: {variable}"
                assert Path(value).name in each["secrets"]
    assert {each["file"] for each in MADE["secrets"].values()} == {
        f"./secrets/{name}" for name in MADE["secrets"]
    }
    assert {"secrets/", ".env", "docker-compose.override.yml"} <= set(
        (ROOT / ".gitignore").read_text().split()
    )


@pytest.mark.parametrize("name", OURS)
def test_settings_in_containers_hold(name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    wanted = DEVELOPMENT["services"].get(name, {}).get("environment", {})
    environ = {key: filled(value) for key, value in OURS[name]["environment"].items()} | wanted
    environ["DB_PASS_FILE"] = str(secret)

    loaded = load(environ, tmp_path)

    known = {named(each) for each in declared()} | set(loaded.by_collector)
    assert set(environ) - {"DB_PASS_FILE"} <= known
    assert len(chosen([], loaded)) == len(COLLECTING)
    assert (loaded.db_host, loaded.bind_address) == ("timescaledb", "0.0.0.0")
    assert OURS[name]["env_file"] == ".env"


def test_a_database_is_chosen_by_profile() -> None:
    assert SERVICES["timescaledb"]["profiles"] == ["timescaledb"]
    assert SERVICES["host-database"]["profiles"] == ["host"]
    assert all(
        each["extra_hosts"] == ["host.docker.internal:host-gateway"] for each in OURS.values()
    )
    assert {each["required"] for each in SERVICES["migrate"]["depends_on"].values()} == {False}
    assert "\nCOMPOSE_PROFILES=timescaledb\n" in ENV


def test_images_are_pinned_and_can_be_others() -> None:
    variables = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    explained = set(re.findall(r"^#?(\w+)=", ENV, re.MULTILINE))

    assert variables - explained == set()
    for each in SERVICES.values():
        variable, _, image = each["image"].strip("${}").partition(":-")
        assert f"\n#{variable}={image}\n" in ENV


def test_each_setting_is_in_the_example_as_it_is_declared() -> None:
    assert [named(each) for each in declared() if f"\n{example(each)}\n" not in ENV] == []
    names = re.findall(r"^#?([A-Z_]+)=", ENV, re.MULTILINE)
    assert len(set(names)) == len(names)


def test_the_example_is_one_that_can_be_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(ENV)

    assert load({}, tmp_path) == load({}, tmp_path / "nothing")


def test_development_is_for_services_that_are_there() -> None:
    assert "version" not in MADE
    assert "version" not in DEVELOPMENT
    assert set(DEVELOPMENT["services"]) - set(SERVICES) == {"simulator"}


def test_prometheus_asks_the_containers() -> None:
    deploy = ROOT / "deploy" / "prometheus"
    (found,) = yaml.safe_load((deploy / "targets" / "docker.yml").read_text())
    config = (deploy / "docker.yml").read_text()

    assert found["targets"] == [f"{name}:{each.port}" for name, each in COLLECTING.items()]
    assert "targets/docker.yml" in config
    for service in ("alertmanager:9093", "node-exporter:9100"):
        assert service in config
        assert service.partition(":")[0] in SERVICES
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "config", deploy / "docker.yml"], check=True)


def test_what_is_mounted_is_there() -> None:
    for each in SERVICES.values():
        for volume in each.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
            elif source != "/":
                assert source in MADE["volumes"]


def test_the_image_is_locked_down() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert re.findall(r"^USER (.*)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert DOCKERFILE.count("FROM ${BASE}") == DOCKERFILE.count("\nFROM ") == 2
    base = re.search(r"^ARG BASE=(.*)", DOCKERFILE, re.MULTILINE)
    assert base
    assert {filled(each["build"]["args"]["BASE"]) for each in OURS.values()} == {base[1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {each for each in ignored if each.startswith("!")} == {
        "!requirements/run.txt",
        "!pyproject.toml",
        "!README.md",
        "!src",
    }


def test_secrets_are_made_once(tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "docker" / "make-secrets"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "docker" / "make-secrets", script)

    subprocess.run([script], check=True, capture_output=True)
    made = {each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True, capture_output=True)

    assert set(made) == set(MADE["secrets"]) - {"discord_url"}
    assert len(set(made.values())) == len(made)
    assert all(len(each) == 48 for each in made.values())
    assert made == {each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
