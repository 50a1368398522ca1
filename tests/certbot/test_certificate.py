"""The keeper's service: placeholder, own certificates, states in which two files don't fit."""

from __future__ import annotations

import os
import time

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.certbot.edge import LOOKS_SECONDS, Edge, new_edge
from tests.end_to_end.house import wait_for
from tests.parts.nginx import DOMAIN
from tests.parts.tls import Authority, ec_key

ENCRYPTED = ec_key().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
)


def test_nginx_starts_and_answers_on_both_ports_before_there_is_any_certificate(edge: Edge) -> None:
    assert edge.served()
    answer = httpx.get(f"http://127.0.0.1:{edge.nginx.ports['8080']}/", headers={"Host": DOMAIN})
    assert answer.headers["location"] == f"https://{DOMAIN}/"
    assert f"published a self-signed placeholder for {DOMAIN}" in edge.log("keeper")


def test_a_restart_keeps_the_placeholder(edge: Edge) -> None:
    before = edge.live.resolve()
    edge.stop("keeper")
    edge.alive.unlink()
    edge.start_keeper()
    wait_for("the keeper has looked", edge.alive.exists)
    assert edge.live.resolve() == before


def test_a_company_s_certificate_is_served_without_a_restart_and_so_is_the_next_one(
    edge: Edge,
) -> None:
    nginx = edge.processes["nginx"]
    for _ in range(2):
        identity = Authority.create().intermediate().issue([DOMAIN])
        edge.put_own(identity)
        edge.wait_until_served(identity.fingerprint)
        assert f"published {edge.letsencrypt}/own: SHA-256 {identity.fingerprint}" in edge.log(
            "keeper"
        )
    assert nginx.poll() is None


def test_a_certificate_without_its_key_leaves_the_old_one_served_and_is_told_once(
    edge: Edge,
) -> None:
    placeholder, identity = edge.served(), Authority.create().issue([DOMAIN])
    edge.put_own(identity, key=False)
    line = "certificate: not served, the certificate published before stays: "
    wait_for("the keeper says it", lambda: line in edge.log("keeper"))
    time.sleep(LOOKS_SECONDS)
    assert edge.log("keeper").count(line) == 1
    assert "own/privkey.pem: No such file or directory" in edge.log("keeper")
    assert edge.served() == placeholder
    edge.put_own(identity, chain=False)
    edge.wait_until_served(identity.fingerprint)


def test_a_renewal_that_was_killed_between_its_two_links_leaves_the_old_pair_served(
    edge: Edge,
) -> None:
    first, second = (Authority.create().issue([DOMAIN]) for _ in range(2))
    edge.switch_link("privkey.pem", first)
    edge.switch_link("fullchain.pem", first)
    edge.wait_until_served(first.fingerprint)
    edge.switch_link("fullchain.pem", second)
    line = "stays: privkey.pem is not the key of the first certificate in fullchain.pem"
    wait_for("the keeper says it", lambda: line in edge.log("keeper"))
    assert edge.served() == first.fingerprint
    edge.switch_link("privkey.pem", second)
    edge.wait_until_served(second.fingerprint)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (Authority.create().issue([DOMAIN]).pem(), "privkey.pem is not the key of the first"),
        (b"-----BEGIN nothing", "not in PEM"),
        (ENCRYPTED, "privkey.pem is encrypted: NGINX could not open it"),
    ],
)
def test_a_key_that_nginx_could_not_use_is_refused_with_its_reason(key: bytes, reason: str) -> None:
    with new_edge() as edge:
        edge.put_own(Authority.create().issue([DOMAIN]))
        (edge.letsencrypt / "own" / "privkey.pem").write_bytes(key)
        edge.start_keeper()
        line = f"certificate: not served, the certificate published before stays: {reason}"
        wait_for("the keeper says it", lambda: line in edge.log("keeper"))
        assert edge.health().returncode == 0  # with the placeholder, so that NGINX can start


def test_what_is_published_is_a_whole_pair_at_every_moment(edge: Edge) -> None:
    """The link changes, never a file behind it: a reader that opened the folder has both of one."""
    placeholder = edge.live.resolve()
    edge.put_own(identity := Authority.create().issue([DOMAIN]))
    edge.wait_until_served(identity.fingerprint)
    assert edge.live.is_symlink()
    assert {file.name for file in placeholder.iterdir()} == {"fullchain.pem", "privkey.pem"}


def test_keys_are_for_the_user_of_nginx_alone(edge: Edge) -> None:
    keys = list((edge.published / "archive").rglob("privkey.pem"))
    assert [oct(key.stat().st_mode & 0o777) for key in keys] == ["0o400"]
    assert oct(keys[0].parent.stat().st_mode & 0o777) == "0o700"


def test_a_published_pair_that_was_damaged_is_published_anew(edge: Edge) -> None:
    edge.put_own(identity := Authority.create().issue([DOMAIN]))
    edge.wait_until_served(identity.fingerprint)
    key = edge.live / "privkey.pem"
    good = key.read_bytes()
    key.chmod(0o600)
    key.write_bytes(b"")
    wait_for("the key is back", lambda: key.exists() and key.read_bytes() == good)


def test_health_wants_a_certificate_and_a_keeper_at_work() -> None:
    with new_edge() as edge:
        assert "no certificate is published" in edge.health().stdout
        edge.start_keeper()
        wait_for("the keeper is healthy", lambda: edge.health().returncode == 0)
        edge.stop("keeper")
        edge.alive.touch()
        assert edge.health().returncode == 0
        hour_ago = time.time() - 3600
        os.utime(edge.alive, (hour_ago, hour_ago))
        assert "`keep` has not looked for 36" in edge.health().stdout


def test_the_keeper_ends_at_once_and_in_order_when_it_is_told_to(edge: Edge) -> None:
    started = time.monotonic()
    assert edge.stop("keeper") == 0
    assert time.monotonic() - started < 5
    assert "Traceback" not in edge.log("keeper")


def test_a_folder_that_is_another_s_is_named_in_one_line() -> None:
    with new_edge() as edge:
        published = edge.published
        published.rmdir()
        published.write_bytes(b"")
        edge.start_keeper()
        assert edge.processes["keeper"].wait(timeout=20) == 1
        (line,) = edge.log("keeper").splitlines()
        assert str(published) in line


def test_a_domain_that_is_no_name_is_refused() -> None:
    with new_edge() as edge:
        for wrong in (
            "",
            "localhost",
            "../../etc",
            "Dash.Example.Test",
            "a..b",
            "x" * 300 + ".test",
        ):
            edge.environment["DASHBOARD_DOMAIN"] = wrong
            answer = edge.run("keep")
            assert answer.returncode == 1
            assert (
                f"DASHBOARD_DOMAIN must be a DNS name in lower case, an international one as xn--…: {wrong!r}"
                in answer.stdout
            )
