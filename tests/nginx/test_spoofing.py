from __future__ import annotations

import pytest

from tests.nginx.conftest import BASIC, ask, curl, received, send
from tests.parts.nginx import DOMAIN, NAME, PASSWORD, PROXY_TOKEN, Nginx

LOCATIONS = ("/grafana/", "/grafana/d/x/page", "/grafana/api/live/ws", "/api/nodes")
# What a client may want an upstream to believe of it.
SPOOFED = (
    "CF-Connecting-IP",
    "Forwarded",
    "Proxy",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Trailer",
    "True-Client-IP",
    "Via",
    "X-Access-Token",
    "X-Auth-Request-User",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-DS-Authorization",
    "X-Forwarded",
    "X-Forwarded-By",
    "X-Forwarded-Email",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Scheme",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X-Forwarded-Uri",
    "X-Forwarded-User",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-JWT-Assertion",
    "X-Method-Override",
    "X-Original-Forwarded-For",
    "X-Original-URI",
    "X-Original-URL",
    "X-Real-IP",
    "X-Remote-User",
    "X-Rewrite-URL",
    "X-VSA-Proxy",
    "X-VSA-User",
    "X-WEBAUTH-EMAIL",
    "X-WEBAUTH-GROUPS",
    "X-WEBAUTH-LOGIN",
    "X-WEBAUTH-NAME",
    "X-WEBAUTH-ORG",
    "X-WEBAUTH-ROLE",
    "X-WEBAUTH-USER",
    "X_Real_IP",
    "X_VSA_User",
    "X_WEBAUTH_USER",
    "TE",
    "Keep-Alive",
)
SET_BY_NGINX = {
    "host": [DOMAIN],
    "x-real-ip": ["127.0.0.1"],
    "x-forwarded-for": ["127.0.0.1"],
    "x-forwarded-host": [DOMAIN],
    "x-forwarded-port": ["443"],
    "x-forwarded-proto": ["https"],
    "connection": ["close"],
}


@pytest.mark.parametrize("location", LOCATIONS)
def test_no_header_of_the_client_s_says_who_or_where_it_is(mirror: Nginx, location: str) -> None:
    names = [name for name in SPOOFED for _ in range(2)]
    names += [name.lower() for name in SPOOFED]
    names += [name.upper().replace("-", "_") for name in SPOOFED]
    spoofed = [(name, "spoofed") for name in names]
    found = received(ask(mirror, "GET", location, many=spoofed, auth=BASIC).text)
    assert not {name for name, values in found.items() if "spoofed" in str(values)}
    assert {name: found[name] for name in SET_BY_NGINX} == SET_BY_NGINX


@pytest.mark.parametrize("location", LOCATIONS)
def test_nor_does_one_over_http2(mirror: Nginx, location: str) -> None:
    # These two are no headers of HTTP/2 at all.
    names = [name for name in SPOOFED if name not in {"Keep-Alive", "Proxy-Connection"}]
    spoofed = [part for name in names for part in ("-H", f"{name}: spoofed")]
    answer = curl(mirror, location, "--http2", "-u", f"{NAME}:{PASSWORD}", *spoofed)
    found = received(answer)
    assert not {name for name, values in found.items() if "spoofed" in str(values)}
    assert {name: found[name] for name in SET_BY_NGINX} == SET_BY_NGINX


def test_grafana_is_told_the_name_and_nothing_that_proves_it(mirror: Nginx) -> None:
    found = received(ask(mirror, "GET", "/grafana/", auth=BASIC, headers={"Cookie": "a=b"}).text)
    assert found["x-webauth-user"] == [NAME]
    assert found["cookie"] == ["a=b"]
    assert not found.keys() & {"authorization", "x-vsa-proxy", "x-vsa-user"}
    assert PASSWORD not in str(found)
    assert PROXY_TOKEN not in str(found)


def test_the_api_is_told_the_name_and_the_proxy_s_own_token(mirror: Nginx) -> None:
    found = received(ask(mirror, "GET", "/api/nodes", auth=BASIC, headers={"Cookie": "a=b"}).text)
    assert found["authorization"] == [f"Bearer {PROXY_TOKEN}"]
    assert (found["x-vsa-user"], found["x-vsa-proxy"]) == ([NAME], [PROXY_TOKEN])
    assert not found.keys() & {"cookie", "x-webauth-user"}


def test_with_a_token_the_api_is_told_no_name(mirror: Nginx) -> None:
    bearer = {"Authorization": "Bearer my-own", "X-VSA-User": "root"}
    found = received(ask(mirror, "GET", "/api/nodes", headers=bearer).text)
    assert found["authorization"] == ["Bearer my-own"]
    assert found["x-vsa-proxy"] == [PROXY_TOKEN]
    assert "x-vsa-user" not in found


def test_a_header_named_as_hop_by_hop_is_not_lost_on_the_way(mirror: Nginx) -> None:
    hop = {"Connection": "X-Real-IP, X-VSA-User, X-WEBAUTH-USER, Authorization"}
    found = received(ask(mirror, "GET", "/api/nodes", headers=hop, auth=BASIC).text)
    assert found["connection"] == ["close"]
    assert found["x-vsa-user"] == [NAME]


@pytest.mark.parametrize("path", ["/grafana/page", "/api/nodes"])
def test_no_upstream_is_asked_to_switch_protocols_where_none_switches(
    mirror: Nginx, path: str
) -> None:
    for protocol in ("h2c", "websocket"):
        hop = {"Upgrade": protocol, "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "A"}
        found = received(ask(mirror, "GET", path, headers=hop, auth=BASIC).text)
        assert "upgrade" not in found
        assert found["connection"] == ["close"]


def test_a_live_connection_switches_to_websocket_alone(mirror: Nginx) -> None:
    hop = {"Upgrade": "h2c", "Connection": "Upgrade"}
    found = received(ask(mirror, "GET", "/grafana/api/live/ws", headers=hop, auth=BASIC).text)
    assert "upgrade" not in found


@pytest.mark.parametrize(("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 65, False)])
def test_a_request_keeps_its_id_where_that_is_harmless(
    mirror: Nginx, given: str, kept: bool
) -> None:
    answer = ask(mirror, "GET", "/api/nodes", headers={"X-Request-ID": given}, auth=BASIC)
    assert received(answer.text)["x-request-id"] == [answer.headers["X-Request-ID"]]
    assert (answer.headers["X-Request-ID"] == given) is kept


def test_an_absolute_address_names_no_other_host(mirror: Nginx) -> None:
    answer = send(mirror, "http://evil.example/api/nodes", b"Authorization: Bearer x")
    assert b"421 " in answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize(
    "path", ["/api/../grafana/", "/api/%2e%2e/grafana/", "//grafana/", "/api//../grafana/page"]
)
def test_no_detour_leads_a_token_to_grafana(mirror: Nginx, path: str) -> None:
    answer = send(mirror, path, b"Authorization: Bearer x")
    assert b" 401 " in answer.split(b"\r\n", 1)[0] + b" "
