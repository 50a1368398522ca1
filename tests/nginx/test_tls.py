from __future__ import annotations

import socket
import ssl
import subprocess

import httpx
import pytest

from tests.nginx.conftest import connect
from tests.parts.nginx import DOMAIN, Nginx
from tests.parts.require import require_program


def s_client(nginx: Nginx, *options: str) -> str:
    openssl = require_program("openssl", "openssl")
    address = f"127.0.0.1:{nginx.ports['8443']}"
    said = subprocess.run(
        [openssl, "s_client", "-connect", address, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=20,
        check=False,
    )
    return said.stdout + said.stderr


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(mirror: Nginx, option: str) -> None:
    said = s_client(mirror, "-servername", DOMAIN, option, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said
    assert "alert protocol version" in said


@pytest.mark.parametrize("option", ["-tls1_2", "-tls1_3"])
def test_new_versions_are_taken_with_http2(mirror: Nginx, option: str) -> None:
    said = s_client(mirror, "-servername", DOMAIN, option, "-alpn", "h2,http/1.1")
    assert "ALPN protocol: h2" in said
    assert "GCM" in said


def test_a_session_s_key_leaves_the_server_in_no_ticket(mirror: Nginx) -> None:
    assert "session ticket:" not in s_client(mirror, "-servername", DOMAIN, "-tls1_2")


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"])
def test_weak_ciphers_are_refused(mirror: Nginx, cipher: str) -> None:
    said = s_client(mirror, "-servername", DOMAIN, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said


@pytest.mark.parametrize("name", ["other.example", "www." + DOMAIN])
def test_another_name_gets_no_certificate(mirror: Nginx, name: str) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        connect(mirror, name)


def test_no_name_at_all_gets_no_certificate(mirror: Nginx) -> None:
    said = s_client(mirror, "-noservername")
    assert "no peer certificate available" in said


@pytest.mark.parametrize("host", [b"", b"Host: other.example\r\n", b"Host: 127.0.0.1\r\n"])
def test_another_name_over_http_gets_no_answer(mirror: Nginx, host: bytes) -> None:
    version = b"1.1" if host else b"1.0"
    with socket.create_connection(("127.0.0.1", mirror.ports["8080"]), timeout=10) as wire:
        wire.sendall(b"GET / HTTP/" + version + b"\r\n" + host + b"\r\n")
        assert wire.recv(100) == b""


def test_an_acme_challenge_is_answered_over_http(mirror: Nginx) -> None:
    folder = mirror.folder / "var/www/acme/.well-known/acme-challenge"
    folder.mkdir(parents=True)
    (folder / "t0ken-_A").write_text("t0ken-_A.thumbprint")
    url = f"http://127.0.0.1:{mirror.ports['8080']}/.well-known/acme-challenge"
    answer = httpx.get(f"{url}/t0ken-_A", headers={"Host": DOMAIN})
    assert (answer.status_code, answer.text) == (200, "t0ken-_A.thumbprint")
    assert answer.headers["Content-Type"] == "text/plain"
    assert httpx.get(f"{url}/none", headers={"Host": DOMAIN}).status_code == 404
    for other in ("", "/", "/../../etc/passwd", "/%2e%2e/x"):
        assert httpx.get(url + other, headers={"Host": DOMAIN}).status_code in {301, 400}


def test_the_health_check_is_answered_inside_alone(mirror: Nginx) -> None:
    inside = f"http://127.0.0.1:{mirror.ports['8081']}/healthz"
    assert httpx.get(inside).status_code == 204
    outside = f"http://127.0.0.1:{mirror.ports['8080']}/healthz"
    assert httpx.get(outside, headers={"Host": DOMAIN}).status_code == 301
