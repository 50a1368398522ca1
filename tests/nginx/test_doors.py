"""With the real API and exporter: which credentials open which door."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import httpx
import pytest

from tests.end_to_end.house import TOKEN, House
from tests.nginx.conftest import BASIC, ask, curl, send, websocket
from tests.parts.nginx import DOMAIN, NAME, PASSWORD, PROXY_TOKEN, Nginx

BEARER = {"Authorization": f"Bearer {TOKEN}"}
NUMBERS = itertools.count()
NODE = b'{"name": "%s", "docker_url": "unix:///run/docker.sock"}'


def add_node(
    nginx: Nginx, name: str, headers: Mapping[str, str], auth: httpx.Auth | None = None
) -> int:
    headers = {"Content-Type": "application/json", **headers}
    body = NODE % name.encode()
    return ask(nginx, "POST", "/api/nodes", headers=headers, auth=auth, content=body).status_code


def last_entry(house: House, **wanted: str) -> dict[str, str]:
    answer = house.client.get("/api/audit-logs", params=wanted)
    entry: dict[str, str] = answer.json()["items"][0]
    return entry


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize(
    ("path", "options", "code"),
    [
        ("/", (), 302),
        ("/grafana", (), 301),
        ("/grafana/", (), 401),
        ("/grafana/", ("-u", f"{NAME}:{PASSWORD}"), 200),
        ("/grafana/", ("-u", f"{NAME}:wrong"), 401),
        ("/grafana/api/live/ws", (), 401),
        ("/grafana/metrics", ("-u", f"{NAME}:{PASSWORD}"), 404),
        ("/metrics", ("-u", f"{NAME}:{PASSWORD}"), 404),
        ("/metrics/nodes/web-1", (), 404),
        ("/api", (), 301),
        ("/api/nodes", (), 401),
        ("/api/nodes", ("-u", f"{NAME}:{PASSWORD}"), 200),
        ("/api/nodes", ("-u", f"{NAME}:wrong"), 401),
        ("/api/nodes", ("-u", f"nobody:{PASSWORD}"), 401),
        ("/api/nodes", ("-H", f"Authorization: Bearer {TOKEN}"), 200),
        ("/api/nodes", ("-H", "Authorization: Bearer wrong"), 401),
        ("/api/tokens", ("-u", f"{NAME}:{PASSWORD}"), 403),
        ("/api/tokens", ("-H", f"Authorization: Bearer {TOKEN}"), 200),
        ("/api/nothing", ("-H", f"Authorization: Bearer {TOKEN}"), 404),
        ("/.well-known/acme-challenge/x", (), 404),
        ("/vsa-error/page.html", (), 404),
        ("/.git/config", (), 404),
    ],
)
def test_each_address_with_each_proof(
    nginx: Nginx, version: str, path: str, options: tuple[str, ...], code: int
) -> None:
    told = ("-o", "/dev/null", "-w", "%{http_version} %{http_code}")
    assert curl(nginx, path, f"--http{version}", *told, *options) == f"{version} {code}"


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer",
        b"Authorization: Bearer ",
        b"Authorization: Bearer\t",
        b"Authorization: bearer",
        b"Authorization: BEARER ",
        b"Authorization: Bearer\tx",
        b"Authorization: bearer x",
        b"Authorization: BeArEr x",
        b"Authorization:  \t Bearer x",
        b"Authorization: Bearer x y",
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: Bearer Basic YWxpY2U6eA==",
        b"Authorization: Basic",
        b"Authorization: Basic bearer x",
        b"Authorization: Basic YWxpY2U6",
        b"Authorization: Basic Og==",
        b"Authorization: Digest username=alice",
        b"Authorization: Bearer x, Basic YWxpY2U6eA==",
        b"Authorization: ",
        b"X-Authorization: Bearer x",
        b"Authorization : Bearer x",
        b"Authorization: Bearer x\r\nAuthorization: Basic YWxpY2U6eA==",
        b"Authorization: Basic YWxpY2U6eA==\r\nAuthorization: Bearer x",
        b"X-VSA-User: alice",
        b"X-WEBAUTH-USER: admin",
        b"X-VSA-Proxy: guess\r\nX-VSA-User: alice",
    ],
)
@pytest.mark.parametrize("path", ["/api/nodes", "/grafana/", "/grafana/api/live/ws"])
def test_nothing_that_only_looks_like_a_proof_opens_a_door(
    nginx: Nginx, path: str, line: bytes
) -> None:
    status = send(nginx, path, line).split(b" ")[1]
    assert status in {b"401", b"400"}


@pytest.mark.parametrize("token", [TOKEN, PROXY_TOKEN])
def test_a_token_does_not_open_grafana(nginx: Nginx, token: str) -> None:
    for path in ("/grafana/", "/grafana/api/live/ws", "/grafana/public/x.js"):
        answer = ask(nginx, "GET", path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="VSA Dashboard"'


def test_a_second_authorization_header_does_not_lend_its_name(nginx: Nginx, house: House) -> None:
    bearer, basic = f"Authorization: Bearer {TOKEN}".encode(), b"Authorization: Basic YWxpY2U6eA=="
    for lines in ((bearer, basic), (basic, bearer)):
        answer = send(nginx, "/api/tokens", *lines)
        # Debian's NGINX takes the first and sends that alone; newer ones refuse two.
        assert answer.split(b" ")[1] in {b"200", b"400", b"401"}
        assert b"basic:" not in answer


def test_a_change_names_the_person_and_the_client_s_address(nginx: Nginx, house: House) -> None:
    forged = {"X-Real-IP": "192.0.2.9", "X-Forwarded-For": "192.0.2.9", "X-VSA-User": "root"}
    assert add_node(nginx, "by-password", forged, BASIC) == 201
    entry = last_entry(house, target="node/by-password")
    assert (entry["actor"], entry["address"]) == (f"basic:{NAME}", "127.0.0.1")


def test_a_change_by_a_token_names_the_token(nginx: Nginx, house: House) -> None:
    forged = {"X-Real-IP": "192.0.2.9", "X-VSA-User": "root"}
    assert add_node(nginx, "by-token", BEARER | forged) == 201
    entry = last_entry(house, target="node/by-token")
    assert (entry["actor"], entry["address"]) == ("first", "127.0.0.1")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": f"https://{DOMAIN}"}, 201),
        ({"Origin": f"https://{DOMAIN}", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_password_that_a_browser_sends_for_a_foreign_page_changes_nothing(
    nginx: Nginx, headers: dict[str, str], code: int
) -> None:
    name = f"node-{next(NUMBERS)}"
    assert add_node(nginx, name, headers, BASIC) == code


def test_a_token_may_come_from_any_page(nginx: Nginx) -> None:
    assert add_node(nginx, "scripted", BEARER | {"Origin": "https://evil.example"}) == 201


def test_an_export_streams_through(nginx: Nginx) -> None:
    answer = ask(nginx, "GET", "/api/audit-logs/export?format=ndjson", headers=BEARER)
    assert answer.status_code == 200
    assert answer.text.count("\n") > 0


def test_the_exporter_is_there_and_nobody_outside_reads_it(nginx: Nginx, house: House) -> None:
    assert "vsa_" in house.metrics()
    for path in ("/metrics", "/exporter/metrics", "/prometheus/", "/alertmanager/"):
        assert ask(nginx, "GET", path, auth=BASIC).status_code == 404


def test_a_websocket_passes_for_who_has_the_password(nginx: Nginx) -> None:
    with websocket(nginx, "X-WEBAUTH-USER: admin") as live:
        assert live.said == f"hello {NAME}\n"
        assert live.say("ping\n") == "ping\n"


def test_a_websocket_does_not_pass_for_a_token(nginx: Nginx) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    answer = ask(nginx, "GET", "/grafana/api/live/ws", headers=BEARER | upgrade)
    assert answer.status_code == 401
