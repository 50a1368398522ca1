from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from collector.docker.local import local_docker_url


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without any Docker setting."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def add_context(config: Path, name: str, host: str, *, current: bool = False) -> None:
    folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    (config / "config.json").write_text(json.dumps({"currentContext": name} if current else {}))


def test_the_setting_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    assert local_docker_url("unix:///set.sock") == "unix:///set.sock"


def test_docker_host_comes_before_the_context(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_context(config, "rootless", "unix:///run/user/1000/docker.sock", current=True)
    monkeypatch.setenv("DOCKER_HOST", "http+unix:///elsewhere.sock")
    assert local_docker_url(None) == "unix:///elsewhere.sock"


def test_the_current_context_is_followed(config: Path) -> None:
    add_context(config, "rootless", "unix:///run/user/1000/docker.sock", current=True)
    assert local_docker_url(None) == "unix:///run/user/1000/docker.sock"


def test_the_environment_names_a_context(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(config, "remote", "ssh://admin@host")
    monkeypatch.setenv("DOCKER_CONTEXT", "remote")
    assert local_docker_url(None) == "ssh://admin@host"


def test_without_settings_it_is_the_usual_socket() -> None:
    assert local_docker_url(None) == "unix:///var/run/docker.sock"


def test_a_context_that_does_not_exist_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert local_docker_url("") == "unix:///var/run/docker.sock"


def test_a_broken_context_is_none(config: Path) -> None:
    add_context(config, "broken", "unix:///x.sock", current=True)
    for meta in config.rglob("meta.json"):
        meta.write_text("{")
    assert local_docker_url(None) == "unix:///var/run/docker.sock"
