from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.setting_kinds import Address
from registry.settings import Settings, SettingsError, read_settings

TOKEN = "a-token-that-is-long-enough"
URL = "postgresql://vsa:hunter2@db:5432/vsa"


def faults(**environment: str) -> list[str]:
    """The lines of the message that these variables (without VSA_) earn."""
    with pytest.raises(SettingsError) as caught:
        read_settings({f"VSA_{name}": value for name, value in environment.items()})
    return str(caught.value).splitlines()


# ---------------------------------------------------------------------------- what is right


def test_nothing_set_is_the_embedded_default() -> None:
    settings = read_settings({})
    assert settings.database_url is None
    assert settings.api_listen == Address("127.0.0.1", 8000)
    assert (settings.scrape_interval, settings.probe_interval) == (15, 3600)
    assert settings.max_response_bytes == 16 << 20
    assert not settings.allow_private_addresses


PLAIN = [
    ("DATA_DIR", "/data", Path("/data")),
    ("API_URL", "https://vsa.example/", "https://vsa.example"),
    ("API_LISTEN", "[::1]:80", Address("::1", 80)),
    ("EXPORTER_LISTEN", "0.0.0.0:0", Address("0.0.0.0", 0)),
    ("EXPORTER_ADVERTISE", "exporter:9000", Address("exporter", 9000)),
    ("DOCKER_HOST", "unix:///run/docker.sock", "unix:///run/docker.sock"),
    ("SCRAPE_INTERVAL", "2m", 120.0),
    ("PROBE_INTERVAL", "7d", 604_800.0),
    ("RETENTION", "30d", 2_592_000.0),
    ("SCRAPE_TIMEOUT", "100ms", 0.1),
    ("PROBE_TIMEOUT", "1s500ms", 1.5),
    ("MAX_RESPONSE_BYTES", "1GiB", 1 << 30),
    ("CONTAINER_LABELS", "a.b/c_d, com.example.*", ("a.b/c_d", "com.example.*")),
    ("DISK_USAGE_INTERVAL", "6h", 21_600.0),
    ("TRUST_BUNDLE", "/dev/null", Path("/dev/null")),
    ("CERTIFICATE_FILES", "/etc/ssl/a.pem, /b/*.crt", ("/etc/ssl/a.pem", "/b/*.crt")),
    ("CERTIFICATE_HOST", "web-1", "web-1"),
    ("ALLOW_PRIVATE_ADDRESSES", "Yes", True),
    ("ALLOW_PLAIN_TCP", "true", True),
    ("DASHBOARD_DOMAIN", "VSA.Example.com.", "vsa.example.com"),
    ("ALERTMANAGER_URL", "http://alertmanager:9093/", "http://alertmanager:9093"),
    ("ALERT_EMAIL_TO", "ops@example.com", "ops@example.com"),
    ("ALERT_EMAIL_FROM", "vsa@example.com", "vsa@example.com"),
    ("SMTP_SERVER", "mail.example.com:587", Address("mail.example.com", 587)),
    ("SMTP_USER", "vsa", "vsa"),
]
SECRET = [
    ("DATABASE_URL", URL),
    ("MIGRATION_DATABASE_URL", URL),
    ("API_TOKEN", TOKEN),
    ("PROXY_TOKEN", TOKEN),
    ("PROMETHEUS_TOKEN", TOKEN),
    ("SECRET_KEY", TOKEN),
    ("OLD_SECRET_KEYS", TOKEN),
    ("ALERT_WEBHOOK_URL", "https://hooks.example.com/s3cret-path"),
    ("SMTP_PASSWORD", "a mail password"),
]


def test_no_setting_is_forgotten_here() -> None:
    named = {name for name, *_ in PLAIN} | {name for name, _ in SECRET}
    assert named == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(("name", "value", "meant"), PLAIN)
def test_a_setting_is_read(name: str, value: str, meant: object) -> None:
    settings = read_settings({f"VSA_{name}": value})
    assert getattr(settings, name.lower()) == meant


def test_an_empty_variable_is_an_absent_one() -> None:
    assert read_settings({"VSA_DATABASE_URL": "", "VSA_SCRAPE_INTERVAL": ""}) == read_settings({})


def test_other_peoples_variables_are_left_alone() -> None:
    assert read_settings({"HOME": "/", "VSA_OF_SOMEBODY_ELSE": "1"}) == read_settings({})


@pytest.mark.parametrize("url", [URL, "postgres://db/vsa", "postgresql:///vsa?host=/run/pg"])
def test_a_database_url_may_be(url: str) -> None:
    settings = read_settings({"VSA_DATABASE_URL": url})
    assert settings.database_url
    assert settings.database_url.get_secret_value() == url


def test_old_keys_come_after_the_one_that_encrypts() -> None:
    old = "an-old-key-of-20-chars the-older-key-of-20"
    settings = read_settings({"VSA_SECRET_KEY": TOKEN, "VSA_OLD_SECRET_KEYS": old})
    assert settings.secret_keys == [TOKEN, *old.split()]


def test_prometheus_finds_the_exporter_where_it_listens_unless_told_otherwise() -> None:
    assert str(read_settings({}).advertised_exporter) == "127.0.0.1:9477"
    told = read_settings({"VSA_EXPORTER_ADVERTISE": "[2001:db8::1]:80"})
    assert str(told.advertised_exporter) == "[2001:db8::1]:80"


def test_the_data_folder_may_be_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert read_settings({"VSA_DATA_DIR": "~/vsa"}).data_dir == Path("/home/someone/vsa")


def test_the_data_folder_is_the_users_own_or_as_root_the_systems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert read_settings({}).data_dir == Path("/home/someone/.local/share/vsa")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert read_settings({}).data_dir == Path("/var/lib/vsa")


# ---------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_secret_shows_nowhere(name: str, value: str) -> None:
    settings = read_settings({f"VSA_{name}": value})
    assert value not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "secret").write_text(f"{value}\n")
    settings = read_settings({f"VSA_{name}_FILE": str(tmp_path / "secret")})
    assert getattr(settings, name.lower()).get_secret_value() == value


def test_a_secret_from_both_places_is_one_too_many() -> None:
    assert faults(API_TOKEN=TOKEN, API_TOKEN_FILE="/dev/null") == [
        "VSA_API_TOKEN_FILE: set either this or VSA_API_TOKEN, not both"
    ]


def test_a_secret_file_that_is_not_there() -> None:
    assert faults(SECRET_KEY_FILE="/no/such/file") == [
        "VSA_SECRET_KEY_FILE: cannot read /no/such/file: No such file or directory"
    ]


def test_a_secret_file_that_is_a_folder(tmp_path: Path) -> None:
    assert faults(API_TOKEN_FILE=str(tmp_path)) == [
        f"VSA_API_TOKEN_FILE: cannot read {tmp_path}: Is a directory"
    ]


def test_a_secret_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    assert faults(API_TOKEN_FILE=str(tmp_path / "secret")) == [
        f"VSA_API_TOKEN_FILE: cannot read {tmp_path}/secret: not UTF-8 text"
    ]


def test_a_secret_file_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    assert faults(DATABASE_URL_FILE=str(tmp_path / "secret")) == [
        "VSA_DATABASE_URL: must begin with postgresql://"
    ]


# ---------------------------------------------------------------------------- one mistake each

DURATION = "must be a duration as Prometheus writes it, such as 15s, 2m or 1h30m"
ADDRESS = "must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000"
HTTP = "must begin with http:// or https:// and name a host"
PARTS = (
    "must be a URL with a port from 0 to 65535 or none; "
    "in a password, / ? # @ : and % are written as %2F %3F %23 %40 %3A %25"
)
DNS = "must be a DNS name with a dot, such as vsa.example.com"
LONG = "must have at least 16 characters; `openssl rand -hex 32` makes a good one"
TOKEN_LETTERS = "must hold only A-Z, a-z, 0-9 and . _ ~ + / -"
LABELS = "must be label names parted by commas, of letters, digits, . _ - / and * for any letters"
PATHS = "must be absolute paths parted by commas, such as /etc/letsencrypt/live"
SIZE = "must be a size such as 512KiB, 16MiB or 1GiB"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("PROXY_TOKEN", "short", LONG),
        ("PROXY_TOKEN", 'a-token "; with-more', TOKEN_LETTERS),
        ("PROXY_TOKEN", "a-token-with-a-$dollar", TOKEN_LETTERS),
        ("PROMETHEUS_TOKEN", "short", LONG),
        ("PROMETHEUS_TOKEN", "a token with blanks", TOKEN_LETTERS),
        ("ALERT_WEBHOOK_URL", "hooks.example.com", HTTP),
        ("ALERTMANAGER_URL", "alertmanager:9093", HTTP),
        ("SMTP_SERVER", "mail.example.com", ADDRESS),
        ("DASHBOARD_DOMAIN", "vsa", DNS),
        ("DASHBOARD_DOMAIN", "127.0.0.1", DNS),
        ("DASHBOARD_DOMAIN", "https://vsa.example.com", DNS),
        ("DASHBOARD_DOMAIN", f"{'a' * 64}.example.com", DNS),
        ("DATABASE_URL", "mysql://db/vsa", "must begin with postgresql://"),
        ("DATABASE_URL", "vsa", "must begin with postgresql://"),
        ("DATABASE_URL", "postgresql://vsa:hunter2@db:70000/vsa", PARTS),
        ("DATABASE_URL", "postgresql://vsa:hunter2/x@db/vsa", PARTS),
        ("DATABASE_URL", "postgresql://vsa:hunter2℀@db/vsa", PARTS),
        ("DATABASE_URL", "postgresql://vsa:hunter2@[::1/vsa", PARTS),
        ("MIGRATION_DATABASE_URL", "sqlite:///x", "must begin with postgresql://"),
        ("DATA_DIR", "~no-such-user/vsa", "names the home of an unknown user"),
        ("API_URL", "vsa.example:8000", HTTP),
        ("API_URL", "ftp://vsa.example", HTTP),
        ("API_URL", "https://", HTTP),
        ("API_URL", "http://[::1", PARTS),
        ("API_LISTEN", "8000", ADDRESS),
        ("API_LISTEN", ":8000", ADDRESS),
        ("API_LISTEN", "127.0.0.1:http", ADDRESS),
        ("API_LISTEN", "127.0.0.1:65536", ADDRESS),
        ("EXPORTER_LISTEN", "127.0.0.1:-1", ADDRESS),
        ("EXPORTER_ADVERTISE", "exporter", ADDRESS),
        ("API_TOKEN", "hunter2", LONG),
        ("SECRET_KEY", "hunter2", LONG),
        ("SCRAPE_INTERVAL", "15", DURATION),
        ("SCRAPE_INTERVAL", "999ms", "must be from 1s to 2m"),
        ("SCRAPE_INTERVAL", "2m1s", "must be from 1s to 2m"),
        ("PROBE_INTERVAL", "an hour", DURATION),
        ("PROBE_INTERVAL", "8d", "must be from 1s to 7d"),
        ("RETENTION", "12h", "must be from 1d to 10y"),
        ("SCRAPE_TIMEOUT", "99ms", "must be from 100ms to 2m"),
        ("PROBE_TIMEOUT", "3m", "must be from 100ms to 2m"),
        ("MAX_RESPONSE_BYTES", "16777216", SIZE),
        ("MAX_RESPONSE_BYTES", "16MB", SIZE),
        ("MAX_RESPONSE_BYTES", "-1MiB", SIZE),
        ("MAX_RESPONSE_BYTES", "MiB", SIZE),
        ("MAX_RESPONSE_BYTES", "0KiB", "must be greater than or equal to 1024"),
        ("CERTIFICATE_FILES", "/a.pem,,/b.pem", PATHS),
        ("CERTIFICATE_FILES", "live/example.com", PATHS),
        ("CONTAINER_LABELS", "a,,b", LABELS),
        ("CONTAINER_LABELS", "a b", LABELS),
        ("CONTAINER_LABELS", "a" * 201, LABELS),
        ("DISK_USAGE_INTERVAL", "5m", "must be from 10m to 7d"),
        ("TRUST_BUNDLE", "/no/ca.pem", "cannot read /no/ca.pem: No such file or directory"),
        ("ALLOW_PRIVATE_ADDRESSES", "maybe", "must be one of 1, true, yes, on, 0, false, no, off"),
    ],
)
def test_a_mistake_is_named_with_its_rule_and_no_secret(name: str, value: str, rule: str) -> None:
    told = faults(**{name: value})
    assert told == [f"VSA_{name}: {rule}"]
    assert "hunter2" not in told[0]


def test_two_tokens_with_one_text_are_one_too_few(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    told = faults(API_TOKEN=TOKEN, PROXY_TOKEN=TOKEN, PROMETHEUS_TOKEN_FILE=str(tmp_path / "token"))
    assert told == [
        "VSA_PROXY_TOKEN: must differ from VSA_API_TOKEN",
        "VSA_PROMETHEUS_TOKEN: must differ from VSA_API_TOKEN",
        "VSA_PROMETHEUS_TOKEN: must differ from VSA_PROXY_TOKEN",
    ]


def test_all_mistakes_are_told_at_once() -> None:
    told = faults(SCRAPE_INTERVAL="x", API_URL="x", SECRET_KEY_FILE="/no/such/file")
    assert [line.partition(":")[0] for line in told] == [
        "VSA_SECRET_KEY_FILE",
        "VSA_API_URL",
        "VSA_SCRAPE_INTERVAL",
    ]
