"""From a key on disk to a node that answers behind sshd, as a person does it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.cli.person import Home
from tests.parts.sshd import Sshd, sshd
from tests.parts.tls import Authority


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def key(home: Home, server: Sshd, tmp_path: Path) -> Iterator[str]:
    """The name of a stored credential that the server lets in."""
    file = tmp_path / "id_ed25519"
    file.write_text(server.private_key, encoding="ascii")
    said = home.vsa("credential", "add", "fleet", "--ssh-key", str(file))
    assert said.code == 0, said.err
    public = asyncssh.import_private_key(server.private_key).export_public_key().decode()
    assert said.out.strip() in public  # ready for authorized_keys
    yield "fleet"
    home.rest("DELETE", "/nodes/behind")
    assert home.vsa("credential", "rm", "fleet").code == 0


def behind(home: Home, server: Sshd) -> str:
    """The local engine's socket, as somebody reaches it who comes by ssh."""
    return server.url(home.environment["VSA_DOCKER_HOST"].removeprefix("unix://"))


def test_a_node_behind_sshd_answers_once_its_host_key_is_trusted(
    home: Home, server: Sshd, key: str
) -> None:
    added = home.vsa("node", "add", "behind", behind(home, server), "--credential", key)
    assert added.code == 0, added.err
    shown = asyncssh.import_public_key(server.host_key).get_fingerprint()
    assert shown in added.out
    assert "vsa node trust" in added.out
    assert home.vsa("node", "trust", "behind").code == 2  # nobody can be asked
    wrong = home.vsa("node", "trust", "behind", "--fingerprint", "SHA256:wrong")
    assert (wrong.code, shown in wrong.err) == (2, True)
    trusted = home.vsa("node", "trust", "behind", "--fingerprint", shown)
    assert trusted.code == 0, trusted.err
    assert "up" in trusted.out
    again = home.vsa("node", "trust", "behind", "--fingerprint", shown)
    assert (again.code, "no host key that is not registered" in again.err) == (2, True)
    assert "behind" in home.vsa("credential", "list", "--json").out
    assert "1 node" in home.vsa("credential", "list").out


def test_a_credential_in_use_is_not_forgotten(home: Home, server: Sshd, key: str) -> None:
    home.vsa("node", "add", "behind", behind(home, server), "--credential", key, "--disabled")
    said = home.vsa("credential", "rm", key)
    assert (said.code, "behind" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "one must be given"),
        (["--ssh-key", "/nowhere"], "--ssh-key: cannot read /nowhere"),
        (["--ssh-key", "/dev/null"], "private_key"),
        (["--ssh-key", "/dev/null", "--ca", "/dev/null"], "either this or"),
        (["--cert", "/dev/null", "--key", "/dev/null"], "certificate"),
    ],
)
def test_what_is_no_credential_is_refused(home: Home, options: list[str], words: str) -> None:
    said = home.vsa("credential", "add", "none", *options)
    assert (said.code, words in said.err) == (2, True), said.err


def test_rotating_says_how_many_were_encrypted_anew(home: Home, key: str) -> None:
    said = home.vsa("secrets", "rotate")
    assert (said.code, said.err.strip()) == (0, "0 credentials encrypted anew")
    assert home.vsa("secrets", "rotate", "--json").document() == {"rotated": 0}


def test_docker_contexts_become_nodes_with_their_certificates(
    home: Home, authority: Authority, key: str, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    over_tls = make_context(docker, "Prod 1", "tcp://192.0.2.1:2376", authority)
    make_context(docker, "behind-ssh", "ssh://vsa@192.0.2.2")
    make_context(docker, "windows", "npipe:////./pipe/docker_engine")
    config = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(docker)}
    first = home.vsa("node", "add", "--from-contexts", "--credential", key, **config)
    assert first.code == 0, first.err
    nodes = {node["name"]: node for node in home.rest("GET", "/nodes").json()["items"]}
    assert (nodes["prod-1"]["docker_url"], nodes["prod-1"]["credential"]) == (over_tls, "prod-1")
    assert nodes["behind-ssh"]["credential"] == key
    assert "windows (npipe:////./pipe/docker_engine): docker_url: must be" in first.err
    assert "prod-1 is a node already" in home.vsa("node", "add", "--from-contexts", **config).err
    for name in ("prod-1", "behind-ssh"):
        home.rest("DELETE", f"/nodes/{name}")
    home.rest("DELETE", "/credentials/prod-1")


def make_context(docker: Path, name: str, host: str, authority: Authority | None = None) -> str:
    """Lay out a context as `docker context create` does."""
    place = hashlib.sha256(name.encode()).hexdigest()
    meta = docker / "contexts" / "meta" / place
    meta.mkdir(parents=True)
    (docker / "config.json").write_text("{}")  # without one the SDK looks for no context
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints})
    )
    if authority:
        tls = docker / "contexts" / "tls" / place / "docker"
        tls.mkdir(parents=True)
        pem = authority.issue(["collector.test"]).pem()
        ca = authority.certificate.public_bytes(Encoding.PEM)
        for file, text in (("ca.pem", ca), ("cert.pem", pem), ("key.pem", pem)):
            (tls / file).write_bytes(text)
    return host
