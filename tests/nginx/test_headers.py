from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest

from tests.nginx.conftest import BASIC, UNHURRIED, ask, connect, send
from tests.nginx.echo import NONCE_POLICY
from tests.parts.nginx import DOMAIN, Nginx, shipped_nginx

STRICT = "default-src 'none'"
EXACT = {
    "strict-transport-security": "max-age=63072000",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
ONCE = {*EXACT, "content-security-policy", "permissions-policy", "x-request-id", "content-type"}
TOO_MUCH = b"x" * (2 << 20 | 1)


def check(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXACT} == EXACT
    counted = Counter(name.lower() for name, _ in answer.headers.multi_items())
    assert {name: counted[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert answer.headers["Server"] == "nginx"
    assert not answer.headers.keys() & {"x-powered-by", "x-xss-protection", "x-accel-redirect"}


@pytest.mark.parametrize("path", ["/", "/grafana"])
def test_a_redirect_carries_every_header(mirror: Nginx, path: str) -> None:
    answer = ask(mirror, "GET", path)
    check(answer, answer.status_code)
    assert answer.headers["Location"] == "/grafana/"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/grafana/", None, 401),
        ("GET", "/api/nodes", None, 401),
        ("GET", "/nothing", None, 404),
        ("GET", "/grafana/metrics", None, 404),
        ("TRACE", "/", None, 405),
        ("POST", "/api/nodes", TOO_MUCH, 413),
        ("POST", "/grafana/api/x", TOO_MUCH, 413),
        ("GET", "/" + "x" * 20_000, None, 414),
    ],
)
def test_a_refusal_carries_every_header_and_the_strict_policy(
    mirror: Nginx, method: str, path: str, content: bytes | None, status: int
) -> None:
    answer = ask(mirror, method, path, content=content)
    check(answer, status)
    assert answer.headers["Content-Security-Policy"].startswith(STRICT)


@pytest.mark.parametrize("path", ["/grafana/page", "/api/nodes"])
def test_an_upstream_that_is_down_is_told_clearly(lonely: Nginx, path: str) -> None:
    answer = ask(lonely, "GET", path, auth=BASIC)
    check(answer, 502)
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["Content-Security-Policy"].startswith(STRICT)
    assert "does not answer" in answer.text
    assert "docker compose ps" in answer.text


@pytest.mark.parametrize("status", [500, 503, 504])
def test_what_an_upstream_says_itself_goes_through_with_our_headers(
    mirror: Nginx, status: int
) -> None:
    answer = ask(mirror, "GET", f"/api/status/{status}", auth=BASIC)
    check(answer, status)
    assert "headers" in answer.json()


def test_the_api_s_errors_are_problems_also_where_nginx_makes_them(
    mirror: Nginx, lonely: Nginx
) -> None:
    answers = [
        ask(mirror, "GET", "/api/nodes"),
        ask(mirror, "POST", "/api/nodes", content=TOO_MUCH, auth=BASIC),
        ask(lonely, "GET", "/api/nodes", auth=BASIC),
    ]
    for answer, status in zip(answers, (401, 413, 502), strict=True):
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = json.loads(answer.content)
        assert problem["status"] == status
        assert set(problem) == {"type", "title", "status", "detail", "errors"}


def test_pages_of_grafana_keep_their_nonce(mirror: Nginx) -> None:
    answer = ask(mirror, "GET", "/grafana/d/x/page", auth=BASIC)
    check(answer, 200)
    assert answer.headers["Content-Security-Policy"] == NONCE_POLICY


def test_files_of_grafana_may_run_as_its_workers(mirror: Nginx) -> None:
    answer = ask(mirror, "GET", "/grafana/public/worker.js", auth=BASIC)
    check(answer, 200)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_an_answer_of_the_api_has_the_strict_policy(mirror: Nginx) -> None:
    answer = ask(mirror, "GET", "/api/nodes", auth=BASIC)
    check(answer, 200)
    assert answer.headers["Content-Security-Policy"].startswith(STRICT)


@pytest.mark.parametrize("line", [b"Content-Length: x", b"X: " + b"y" * 40_000, b"Host: two"])
def test_what_nginx_cannot_read_carries_every_header_too(mirror: Nginx, line: bytes) -> None:
    answer = send(mirror, "/", line)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 4")
    for name in EXACT:
        assert head.count(f"\r\n{name}: ".encode()) == 1
    assert b"\r\nserver: nginx\r\n" in head


def test_without_a_password_file_nobody_is_let_in_and_told_why() -> None:
    with shipped_nginx({}, UNHURRIED) as nginx:
        nginx.passwords.unlink()
        nginx.start()
        answer = ask(nginx, "GET", "/grafana/", auth=BASIC)
    check(answer, 403)
    assert "docker compose run --rm htpasswd NAME" in answer.text


def test_plain_http_carries_all_but_the_order_to_leave_it(mirror: Nginx) -> None:
    url = f"http://127.0.0.1:{mirror.ports['8080']}"
    answer = httpx.get(f"{url}/a/b?c=d", headers={"Host": DOMAIN})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{DOMAIN}/a/b?c=d"
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_http_on_the_port_of_https_is_told_apart(mirror: Nginx) -> None:
    answer = httpx.get(f"http://127.0.0.1:{mirror.ports['8443']}/", headers={"Host": DOMAIN})
    assert answer.status_code == 400
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_name_that_is_not_ours_over_our_connection_is_misdirected(mirror: Nginx) -> None:
    answer = send(mirror, "/", host="other.example")
    assert b" 421 " in answer.split(b"\r\n", 1)[0]
    assert b"X-Frame-Options: DENY" in answer


def test_a_reader_who_is_shown_a_page_sees_no_version(mirror: Nginx) -> None:
    with connect(mirror) as wire:
        wire.sendall(b"BROKEN\r\n\r\n")
        answer = wire.recv(65536)
    assert b"nginx/" not in answer
    assert b"1.2" not in answer
