"""Settings: where they come from, and faults that say what to do."""

from datetime import timedelta
from pathlib import Path

import pytest

from gept.errors import SettingsError
from gept.settings import declared, load
from gept.settings.effective import effective
from gept.sources import PRICES
from gept.store import address, renewing


def faults(environ: dict[str, str], folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(environ, folder)
    return caught.value.faults


def test_nothing_need_be_set(tmp_path: Path) -> None:
    settings = load({}, tmp_path)

    assert settings.embedded
    assert settings.bind_address == "127.0.0.1"
    assert settings.dashboard_port == 8080
    assert settings.address_of(PRICES) == "https://prices.runescape.wiki/api/v1/osrs"
    assert settings.folder.name == "gept"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('DASHBOARD_PORT=1111\nDB_HOST=a\nDB_PASS="p#$x"\n# remark\n')

    settings = load({"DASHBOARD_PORT": "2222"}, tmp_path)

    assert (settings.dashboard_port, settings.db_host, settings.db_pass) == (2222, "a", "p#$x")


def test_every_fault_is_told_at_once_with_name_value_and_remedy(tmp_path: Path) -> None:
    found = faults(
        {
            "DASHBOARD_PORT": "http",
            "BIND_ADDRESS": "here",
            "GEPT_PACE": "fast",
            "GEPT_NEWS_UR": "x",
        },
        tmp_path,
    )

    assert found == [
        "GEPT_NEWS_UR: 'x' is for no setting of gept; did you mean GEPT_NEWS_URL?",
        "BIND_ADDRESS: 'here' is not an IP address; set 127.0.0.1, or 0.0.0.0 for every network",
        "DASHBOARD_PORT: 'http' is not a port; set a whole number from 1 to 65535",
        "GEPT_PACE: 'fast' is not a length of time; set seconds, or a number with s, m, h or d: 7d",
    ]


@pytest.mark.parametrize("name", ["DB_PASS", "DATABASE_URL", "API_KEY"])
def test_a_secret_may_be_in_a_file(name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://u:hunter2@h/d\n")

    settings = load(
        {f"{name}_FILE": str(secret), **({"DB_HOST": "h"} if name == "DB_PASS" else {})}, tmp_path
    )

    assert getattr(settings, name.lower()) == "postgresql://u:hunter2@h/d"


def test_a_secret_is_never_told(tmp_path: Path) -> None:
    found = faults({"DATABASE_URL": "mysql://u:hunter2@h/d", "API_KEY": "hunter2\n"}, tmp_path)

    assert len(found) == 2
    assert "hunter2" not in "".join(found)


def test_a_secret_is_set_once(tmp_path: Path) -> None:
    assert "keep one of the two" in faults({"API_KEY": "a", "API_KEY_FILE": "/x"}, tmp_path)[0]


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_an_unreadable_secret_file_is_a_fault(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)

    assert faults({"API_KEY_FILE": str(tmp_path / "s")}, tmp_path)[0].startswith("API_KEY_FILE: ")


@pytest.mark.parametrize(
    "environ",
    [
        {"DB_USER": "me"},
        {"DB_PORT": "5433"},
        {"DATABASE_URL": "postgresql://h/d", "DB_HOST": "h"},
        {"DATABASE_URL": "postgresql://h/d", "DB_NAME": "d"},
        {"DB_POOLER": "transaction"},
        {"GEPT_S3_ACCESS_KEY": "key"},
        {"GEPT_S3_SECRET_KEY": "secret"},
    ],
)
def test_what_contradicts_itself_is_never_guessed(environ: dict[str, str], tmp_path: Path) -> None:
    assert len(faults(environ, tmp_path)) == 1


@pytest.mark.parametrize(
    "value", ["ftp://host/x", "host", "http://", "https://h:99999/", "http://a b/"]
)
def test_a_source_must_be_a_web_address(value: str, tmp_path: Path) -> None:
    assert "is not a web address" in faults({"GEPT_PRICES_URL": value}, tmp_path)[0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gs://bucket/x", "is no place; set a folder, or s3://bucket/prefix"),
        *((each, "its name has 3 to 63 of a-z") for each in ("s3://", "s3://B_ucket", "s3:// ab")),
        *((each, "its name has 3 to 63 of a-z") for each in ("s3://bu/p", f"s3://{'b' * 64}")),
    ],
)
def test_an_archive_is_a_folder_or_a_bucket(value: str, said: str, tmp_path: Path) -> None:
    settings = load({"GEPT_ARCHIVE": "s3://my-bucket/some/prefix"}, tmp_path)

    assert said in faults({"GEPT_ARCHIVE": value}, tmp_path)[0]
    assert settings.archive == "s3://my-bucket/some/prefix"


def test_lengths_of_time_have_units(tmp_path: Path) -> None:
    settings = load(
        {"GEPT_HORIZON": "30d", "GEPT_PACE": "2.5", "GEPT_FIRST_HORIZON": "0"}, tmp_path
    )

    assert settings.horizon == timedelta(days=30)
    assert settings.pace == timedelta(seconds=2.5)
    assert settings.first_horizon == timedelta(0)


def test_an_empty_value_is_as_none(tmp_path: Path) -> None:
    assert load({"DB_HOST": "", "METRICS_PORT": ""}, tmp_path).embedded


def test_names_for_tests_are_let_through(tmp_path: Path) -> None:
    load({"GEPT_TEST_ANYTHING": "x"}, tmp_path)


def test_each_setting_tells_what_it_means() -> None:
    assert all(each.metadata["about"].endswith(".") for each in declared())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:hunter\u2100secret@h/d"),
        ("DATABASE_URL", "postgresql://[::1/x"),
        ("DATABASE_URL", "postgresql://u:p@ss@host/d"),
        ("DATABASE_URL", "postgresql://u:secret@h:99999/d"),
        ("DATABASE_URL", "postgresql://u:secret@h1:5432,[::1]:0/d"),
        ("DATABASE_URL", "postgresql://u:secret%zz@h/d"),
        ("GEPT_PRICES_URL", "http://[::1"),
        ("DATA_DIR", "~nobody-of-that-name/x"),
        ("DATA_DIR", "/bad\udcff"),
    ],
)
def test_odd_values_are_faults_and_no_tracebacks(name: str, value: str, tmp_path: Path) -> None:
    [found] = faults({name: value}, tmp_path)

    assert found.startswith(f"{name}: ")
    assert "secret" not in found


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:p%40@h:5432/d",
        "postgres://h1:1,h2:2,[::1]:3/d?target_session_attrs=any",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://h:/d",
        "postgresql://[::1]/d",
    ],
)
def test_what_libpq_can_read_is_let_through(value: str, tmp_path: Path) -> None:
    assert load({"DATABASE_URL": value, "DB_POOLER": "transaction"}, tmp_path).database_url == value


def test_an_address_that_libpq_cannot_read_is_not_shown(tmp_path: Path) -> None:
    settings = load({"DATABASE_URL": "postgresql://u:secret@h/d?nonsense=1"}, tmp_path)

    with pytest.raises(SettingsError) as caught:
        address(settings, None)
    assert "cret" not in str(caught.value).replace("(not shown)", "")


def test_a_line_that_is_no_setting_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_HOST=h\n=what\n")

    [found] = faults({}, tmp_path)

    assert found.endswith(".env: line 2 is no setting; write NAME=value")


def test_what_holds_is_told_with_its_origin_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GEPT_PACE=2\nDASHBOARD_PORT=1\n")
    (tmp_path / "key").write_text("hunter2")

    found = {
        each.name: (each.value, each.source)
        for each in effective(
            {"DASHBOARD_PORT": "9", "API_KEY_FILE": str(tmp_path / "key")}, tmp_path
        )
    }

    assert found["DASHBOARD_PORT"] == ("9", "environment")
    assert found["GEPT_PACE"] == ("2s", ".env")
    assert found["API_KEY"] == ("********", "environment, by API_KEY_FILE")
    assert found["DB_PASS"] == (None, "default")
    assert len(found) == len(declared())


def test_a_login_within_an_address_is_masked_and_folders_are_those_in_use(tmp_path: Path) -> None:
    environ = {"GEPT_PRICES_URL": "http://user:hunter2@h/x", "DATA_DIR": str(tmp_path)}

    found = {each.name: each.value for each in effective(environ, tmp_path)}

    assert found["GEPT_PRICES_URL"] == "http://********@h/x"
    assert found["GEPT_BACKUP_DIR"] == str(tmp_path / "backups")
    assert next(each.value for each in effective({}, tmp_path) if each.name == "DATA_DIR")


def test_secrets_in_files_can_be_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text("postgresql://u:one@h/d")
    settings = load({"DATABASE_URL_FILE": str(file)}, tmp_path)
    newest = renewing(settings, None)
    assert ":one@" in newest()

    file.write_text("postgresql://u:two@h/d\n")
    assert ":two@" in newest()
    for half in ("", "postgre", "postgresql://u:three@h/d?nonsense=1"):
        file.write_text(half)
        assert ":two@" in newest()
    file.unlink()
    assert ":two@" in newest()


@pytest.mark.parametrize("mode", ["verify-full", "require"])
def test_the_way_to_the_database_is_set(mode: str, tmp_path: Path) -> None:
    file = str(tmp_path / "ca.pem")
    settings = load({"DB_HOST": "h", "DB_SSLMODE": mode, "DB_SSLROOTCERT": file}, tmp_path)

    assert f"sslmode={mode}" in address(settings, None)
    assert f"sslrootcert={file}" in address(settings, None)


def test_no_way_to_the_database_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DB_SSLMODE: 'full' is no way to encrypt; set one of"):
        load({"DB_HOST": "h", "DB_SSLMODE": "full"}, tmp_path)
    with pytest.raises(SettingsError, match="DB_SSLROOTCERT: '/ca' has no meaning without DB_HOST"):
        load({"DB_SSLROOTCERT": "/ca"}, tmp_path)
