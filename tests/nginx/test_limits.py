from __future__ import annotations

import re
import ssl
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.nginx.conftest import API, BASIC, GRAFANA, UNHURRIED, trust
from tests.parts.nginx import DOMAIN, NAME, SHIPPED, Nginx, shipped_nginx

WRONG = httpx.BasicAuth(NAME, "a guess")
# As shipped, but for the delay of a wrong password.
HURRIED = [UNHURRIED[-1]]


@pytest.fixture
def strict(grafana: str) -> Iterator[Nginx]:
    """An NGINX with the limits that ship."""
    with shipped_nginx({API: grafana, GRAFANA: grafana}, HURRIED) as nginx:
        nginx.start()
        yield nginx


def client_key(address: str) -> str:
    """What limits count `address` as, by the expression that ships."""
    text = (SHIPPED / "vsa/http/limits.conf").read_text(encoding="utf-8")
    match = re.search(r'"~(\^\S+)" \$vsa_network;', text)
    assert match
    network = re.match(match[1].replace("(?<", "(?P<"), address)
    return network["vsa_network"] if network else address


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:"),
        ("2001:db8:1:2::1", "2001:db8:1:2:"),
        ("2001:db8:0:2:ffff::", "2001:db8:0:2:"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8::3:4:5:6", "2001:db8::"),
        ("::1", "::"),
    ],
)
def test_one_network_of_ipv6_counts_as_one_client(address: str, counted: str) -> None:
    assert client_key(address) == counted


def ask_often(
    nginx: Nginx, path: str, times: int, auth: httpx.Auth | None = None, **headers: str
) -> list[httpx.Response]:
    with httpx.Client(base_url=nginx.url, verify=trust(nginx), auth=auth) as client:
        sni = {"sni_hostname": DOMAIN}
        return [
            client.get(path, headers={"Host": DOMAIN, **headers}, extensions=sni)
            for _ in range(times)
        ]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_guesses_at_the_api_s_password_are_few(strict: Nginx) -> None:
    answers = ask_often(strict, "/api/nodes", 90, WRONG)
    assert set(statuses(answers)) == {401, 429}
    assert statuses(answers)[401] < 75
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "10"
    assert refused.json()["title"] == "Too Many Requests"
    assert refused.headers["X-Frame-Options"] == "DENY"


def test_who_is_limited_is_not_let_in_by_the_right_password(strict: Nginx) -> None:
    ask_often(strict, "/api/nodes", 70, WRONG)
    assert 429 in statuses(ask_often(strict, "/api/nodes", 3, BASIC))


def test_a_limit_on_passwords_leaves_tokens_alone(strict: Nginx) -> None:
    ask_often(strict, "/api/nodes", 70, WRONG)
    bearer = {"Authorization": "Bearer x"}
    assert statuses(ask_often(strict, "/api/nodes", 20, None, **bearer)) == {200: 20}


def test_tokens_have_a_limit_of_their_own(strict: Nginx) -> None:
    answers = ask_often(strict, "/api/nodes", 250, None, Authorization="Bearer x")
    assert set(statuses(answers)) == {200, 429}


def test_a_page_of_grafana_loads_at_once(strict: Nginx) -> None:
    assert statuses(ask_often(strict, "/grafana/public/x.js", 300, BASIC)) == {200: 300}


def test_guesses_at_grafana_end(strict: Nginx) -> None:
    answers = ask_often(strict, "/grafana/", 700, WRONG)
    assert set(statuses(answers)) == {401, 429}


@pytest.mark.parametrize("name", [NAME, "nobody"])
def test_a_wrong_answer_takes_as_long_for_every_name(grafana: str, name: str) -> None:
    with shipped_nginx({API: grafana, GRAFANA: grafana}) as nginx:
        nginx.start()
        begin = time.monotonic()
        ask_often(nginx, "/grafana/", 2, httpx.BasicAuth(name, "a guess"))
        assert time.monotonic() - begin > 0.5


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/api/nodes", 64 << 10, 200),
        ("/api/nodes", (64 << 10) + 1, 413),
        ("/grafana/api/x", 2 << 20, 200),
        ("/grafana/api/x", (2 << 20) + 1, 413),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_has_its_limit_declared_or_not(
    mirror: Nginx, path: str, size: int, status: int, declared: bool
) -> None:
    context: ssl.SSLContext = trust(mirror)
    body = b"x" * size
    with httpx.Client(base_url=mirror.url, verify=context, auth=BASIC) as client:
        answer = client.post(
            path,
            headers={"Host": DOMAIN},
            extensions={"sni_hostname": DOMAIN},
            content=body if declared else iter([body]),
        )
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["body"] == size
