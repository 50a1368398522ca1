"""Certificates from a real authority, which fetches its challenges from the shipped NGINX."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certbot.clients import clients_at_work
from tests.certbot.edge import Edge, new_edge
from tests.end_to_end.conftest import running
from tests.end_to_end.house import House, wait_for
from tests.parts.nginx import DOMAIN
from tests.parts.pebble import Pebble, pebble
from tests.parts.postgres import Database

NOWHERE = "127.0.0.9"  # nobody listens there: a name that leads to another host


@pytest.fixture
def idle() -> Iterator[Edge]:
    """An edge of which nothing runs yet."""
    with new_edge() as edge:
        yield edge


@pytest.fixture
def authority(idle: Edge, tmp_path: Path) -> Iterator[Pebble]:
    with pebble(tmp_path, idle.nginx.ports["8080"]) as authority:
        bundle = idle.folder / "bundle.pem"
        bundle.write_bytes(authority.bundle.read_bytes())
        idle.environment["REQUESTS_CA_BUNDLE"] = str(bundle)
        idle.hand_over()
        yield authority


@pytest.fixture
def edge(idle: Edge, authority: Pebble) -> Edge:
    """An edge that has just come up, and an authority that can reach it."""
    idle.start_keeper()
    idle.start_nginx()
    return idle


def issue(edge: Edge, authority: Pebble, *options: str) -> tuple[int, str]:
    """Run the documented command; only the authority is another than Let's Encrypt."""
    answer = edge.run("issue", "--agree-tos", "--server", authority.directory, *options)
    return answer.returncode, answer.stdout


def issued(edge: Edge, authority: Pebble) -> str:
    """Get the first certificate; return its fingerprint once NGINX serves it."""
    placeholder = edge.served()
    assert issue(edge, authority)[0] == 0
    return edge.wait_for_another_than(placeholder)


def verifies(edge: Edge, authority: Pebble) -> bool:
    """Say whether a client that trusts the authority takes what is served for the domain."""
    trust = ssl.create_default_context(cadata=authority.root)
    try:
        with (
            socket.create_connection(("127.0.0.1", edge.port), timeout=10) as wire,
            trust.wrap_socket(wire, server_hostname=DOMAIN),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def make_due(edge: Edge) -> None:
    """Let certbot find its certificate old, as time would; pebble's live for five years."""
    file = edge.letsencrypt / "renewal" / f"{DOMAIN}.conf"
    old = "renew_before_expiry = 9999 days\n"
    file.write_text(old + file.read_text(encoding="utf-8"), encoding="utf-8")


def restart_keeper(edge: Edge) -> None:
    """Restart the container: it asks for renewal within a twelfth of its period."""
    edge.stop("keeper")
    edge.start_keeper("--every", "30")


def test_one_command_brings_the_real_certificate_and_nginx_serves_it_without_a_restart(
    edge: Edge, authority: Pebble
) -> None:
    nginx = edge.processes["nginx"]
    fingerprint = issued(edge, authority)
    assert nginx.poll() is None
    wait_for("chain and name are good", lambda: verifies(edge, authority))
    assert f"live/{DOMAIN}: SHA-256 {fingerprint}, valid until" in edge.log("keeper")
    assert "another certificate is published: NGINX reloads" in edge.log("nginx")


def test_a_trial_run_changes_nothing(edge: Edge, authority: Pebble) -> None:
    code, text = issue(edge, authority, "--dry-run")
    assert code == 0
    assert "The dry run was successful" in text
    assert not (edge.letsencrypt / "live").exists()


def test_a_refused_first_certificate_says_why_and_leaves_the_placeholder_served(
    edge: Edge, authority: Pebble
) -> None:
    placeholder = edge.served()
    authority.resolve_every_name_to(NOWHERE)
    code, text = issue(edge, authority)
    assert code == 1
    assert "Connection refused" in text or "connection refused" in text
    assert "no certificate was issued, what is served stays; docs/https.md explains" in text
    assert edge.served() == placeholder


def test_certbot_is_not_asked_while_a_company_s_certificate_goes_before_its_own(
    edge: Edge, authority: Pebble
) -> None:
    own = edge.letsencrypt / "own"
    own.mkdir()
    (own / "fullchain.pem").touch()
    code, text = issue(edge, authority)
    assert code == 2
    assert "goes before any of certbot's: remove it first" in text


def test_a_renewal_is_served_unattended_and_no_client_sees_an_error(
    edge: Edge, authority: Pebble
) -> None:
    first = issued(edge, authority)
    nginx = edge.processes["nginx"]
    make_due(edge)
    with clients_at_work(edge.port) as clients:
        restart_keeper(edge)
        second = edge.wait_for_another_than(first)
        told = [client.answers for client in clients]
        wait_for(
            "each client was answered after the reload",
            lambda: all(c.answers > before + 10 for c, before in zip(clients, told, strict=True)),
        )
    assert [client.errors for client in clients] == [[]] * len(clients)
    assert nginx.poll() is None
    wait_for("the end is told", lambda: f"published is SHA-256 {second}" in edge.log("keeper"))


def test_a_failed_renewal_leaves_the_old_certificate_served_and_says_so(
    edge: Edge, authority: Pebble
) -> None:
    first = issued(edge, authority)
    make_due(edge)
    authority.resolve_every_name_to(NOWHERE)
    restart_keeper(edge)
    wait_for("it is told", lambda: "RENEWAL FAILED" in edge.log("keeper"), seconds=60)
    assert "onnection refused" in edge.log("keeper")
    assert f"published is SHA-256 {first}, valid until" in edge.log("keeper")
    assert edge.served() == first
    assert edge.health().returncode == 0


def test_the_product_sees_the_new_certificate_after_a_renewal(
    edge: Edge, authority: Pebble, database: Database, tmp_path: Path
) -> None:
    first = issued(edge, authority)
    bundle = tmp_path / "root.pem"
    bundle.write_text(authority.root, encoding="utf-8")
    settings = {"VSA_TRUST_BUNDLE": str(bundle), "VSA_PROBE_INTERVAL": "1s"}
    with running(database, settings, tmp_path) as house:
        house.start("api", "collector")
        body = {"name": "127.0.0.1", "port": edge.port, "server_name": DOMAIN}
        house.client.post("/api/domains", json=body).raise_for_status()
        wait_for("the first is seen", lambda: seen(house) == [(first, "ok")])
        make_due(edge)
        restart_keeper(edge)
        second = edge.wait_for_another_than(first)
        wait_for("the second is seen", lambda: seen(house) == [(second, "ok")])


def seen(house: House) -> list[tuple[str, str]]:
    """What REST says of each endpoint: its certificate's fingerprint and the verdict."""
    return [
        (endpoint["fingerprint"], endpoint["verdict"])
        for domain in house.items("/api/domains")
        for endpoint in domain["state"]["endpoints"]
    ]
