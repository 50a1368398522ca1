from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.htpasswd import htpasswd
from tests.end_to_end.house import wait_for
from tests.nginx.conftest import API, BASIC, GRAFANA, UNHURRIED, ask, connect, websocket
from tests.nginx.echo import echoing
from tests.nginx.names import Names, name_server
from tests.parts.nginx import Nginx, shipped_nginx, write_certificate
from tests.parts.ports import free_port

RESOLVER = "127.0.0.11 valid=10s"


@pytest.fixture
def own(grafana: str) -> Iterator[Nginx]:
    """An NGINX of the test's own, to be reloaded."""
    with shipped_nginx({API: grafana, GRAFANA: grafana}, UNHURRIED) as nginx:
        nginx.start()
        yield nginx


def workers(nginx: Nginx) -> set[str]:
    """The processes that serve, those that are about to end included."""
    assert nginx.process
    children = Path(f"/proc/{nginx.process.pid}/task/{nginx.process.pid}/children")
    return set(children.read_text(encoding="ascii").split())


def test_a_container_made_anew_is_found_at_its_new_address() -> None:
    names, port = Names(""), free_port()
    with name_server(names) as resolver:
        replacing = [*UNHURRIED, (RESOLVER, f"127.0.0.1:{resolver} valid=1s")]
        upstreams = {API: f"dashboard-api:{port}", GRAFANA: f"dashboard-ui:{port}"}
        with shipped_nginx(upstreams, replacing) as nginx:
            nginx.start()

            def status() -> int:
                return ask(nginx, "GET", "/grafana/", auth=BASIC).status_code

            assert status() == 502
            for address in ("127.0.0.2", "127.0.0.3"):
                names.address = address
                with echoing(address, port):
                    wait_for(f"the upstream at {address}", lambda: status() == 200)
                assert status() == 502


def test_an_open_websocket_survives_a_reload(own: Nginx) -> None:
    with websocket(own) as live:
        before = workers(own)
        own.reload()
        wait_for("new workers", lambda: workers(own) > before)
        assert live.say("still here\n") == "still here\n"
        assert ask(own, "GET", "/grafana/", auth=BASIC).status_code == 200


def test_a_reload_takes_up_a_renewed_certificate(own: Nginx) -> None:
    def serial() -> str:
        with connect(own) as wire:
            return str((wire.getpeercert() or {})["serialNumber"])

    before = serial()
    write_certificate(own.folder, own.authority)
    assert serial() == before
    own.reload()
    wait_for("the renewed certificate", lambda: serial() != before)


def test_a_password_of_the_command_line_holds_without_a_reload(
    own: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.passwords.unlink()
    monkeypatch.setattr("sys.stdin", io.StringIO("a rainy Friday: 1 + 1 = ü\n"))
    htpasswd("bob", own.passwords)
    bob = httpx.BasicAuth("bob", "a rainy Friday: 1 + 1 = ü")
    assert ask(own, "GET", "/grafana/", auth=bob).status_code == 200
    assert ask(own, "GET", "/grafana/", auth=BASIC).status_code == 401
    htpasswd("bob", own.passwords, delete=True)
    assert ask(own, "GET", "/grafana/", auth=bob).status_code == 401
