from __future__ import annotations

import json
from typing import Any

import httpx

from tests.end_to_end.house import wait_for
from tests.nginx.conftest import BASIC, PROOF, ask, send
from tests.parts.nginx import NAME, PASSWORD, PROXY_TOKEN, Nginx

SECRETS = ("hunter2", PASSWORD, PROXY_TOKEN, PROOF.split()[1])


def entry(nginx: Nginx, request_id: str, kind: str = "access") -> dict[str, Any]:
    """The line of one request, once it is written."""

    def find() -> dict[str, Any] | None:
        lines = [json.loads(line) for line in nginx.log(kind)]
        return next((line for line in lines if line["request_id"] == request_id), None)

    return wait_for(f"the line of {request_id}", find) or {}


def everything(nginx: Nginx) -> str:
    stderr = (nginx.folder / "dev/stderr").read_text(encoding="utf-8")
    return "\n".join((*nginx.log("access"), *nginx.log("error"), stderr))


def test_a_line_tells_who_asked_what_and_how_it_went(mirror: Nginx) -> None:
    headers = {"X-Request-ID": "log-1", "User-Agent": "curl/8"}
    ask(mirror, "GET", "/api/nodes?limit=5", headers=headers, auth=BASIC)
    line = entry(mirror, "log-1")
    kinds = {"seconds": float, "bytes": int, "upstream_seconds": str, "upstream": str, "time": str}
    for name, kind in kinds.items():
        assert isinstance(line.pop(name), kind)
    assert line == {
        "request_id": "log-1",
        "address": "127.0.0.1",
        "user": NAME,
        "method": "GET",
        "host": "vsa.example.com",
        "path": "/api/nodes",
        "protocol": "HTTP/1.1",
        "status": 200,
        "tls": "TLSv1.3",
        "upstream_status": "200",
        "agent": "curl/8",
    }


def test_no_secret_is_logged_wherever_it_stands(mirror: Nginx, lonely: Nginx) -> None:
    for nginx in (mirror, lonely):
        headers = {
            "Cookie": "session=hunter2",
            "Referer": "https://vsa.example.com/?token=hunter2",
            "X-VSA-Proxy": "hunter2",
            "X-Request-ID": "secret-1",
        }
        for path in ("/api/x?token=hunter2", "/grafana/x?auth_token=hunter2", "/x?a=hunter2"):
            ask(nginx, "GET", path, headers=headers, auth=BASIC)
            ask(nginx, "GET", path, headers=headers, auth=httpx.BasicAuth("hunter2", "hunter2"))
            ask(nginx, "GET", path, headers={**headers, "Authorization": "Bearer hunter2"})
        send(nginx, "/?hunter2", b"X-Request-ID: secret-2", b"Content-Length: hunter2")
        entry(nginx, "secret-2")
        logged = everything(nginx)
        assert not [secret for secret in SECRETS if secret in logged]


def test_a_name_is_logged_only_once_its_password_was_right(mirror: Nginx) -> None:
    wrong = httpx.BasicAuth(NAME, "a guess")
    ask(mirror, "GET", "/grafana/", headers={"X-Request-ID": "guess"}, auth=wrong)
    assert entry(mirror, "guess")["user"] == ""
    assert entry(mirror, "guess")["status"] == 401


def test_every_line_is_json_whatever_is_asked(mirror: Nginx) -> None:
    odd = [
        ("/%00%0a%22\\", b'User-Agent: \x01\xff"\\ \xc3\xa9'),
        ('/\xff\xfe"\\?\xff', b"User-Agent: \xf0\x9f"),
        ("/{}[]$remote_user\t", b"User-Agent: a\x0bb"),
        ("/" + "x" * 4000, b"User-Agent: " + b"y" * 4000),
    ]
    for number, (path, line) in enumerate(odd):
        send(mirror, path, line, f"X-Request-ID: odd-{number}".encode())
    send(mirror, "/ HTTP/9.9\r\nX: ")
    ask(mirror, "PURGE", "/", headers={"X-Request-ID": "purge"})
    assert entry(mirror, "purge")["method"] == "PURGE"
    for kind in ("access", "error"):
        for text in mirror.log(kind):
            assert isinstance(json.loads(text), dict)


def test_what_failed_stands_in_the_error_log_too(lonely: Nginx) -> None:
    ask(lonely, "POST", "/api/nodes", headers={"X-Request-ID": "down"}, auth=BASIC)
    line = entry(lonely, "down", "error")
    assert (line["status"], line["upstream_status"], line["method"]) == (502, "502", "POST")
    ask(lonely, "GET", "/nothing", headers={"X-Request-ID": "absent"})
    assert entry(lonely, "absent")["status"] == 404
    assert not any("absent" in text for text in lonely.log("error"))
