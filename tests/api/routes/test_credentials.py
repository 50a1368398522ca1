from __future__ import annotations

import httpx
import pytest
from asyncssh import generate_private_key
from fastapi import FastAPI

from api.app import make_app
from registry.session import Engine
from registry.settings import Settings, read_settings
from tests.api.conftest import connect
from tests.parts.tls import Authority

KEY = generate_private_key("ssh-ed25519")
SSH = {"kind": "ssh", "private_key": KEY.export_private_key().decode()}
PEM = Authority.create().issue(["collector.test"]).pem().decode()
TLS = {"kind": "tls", "certificate": PEM, "key": PEM}
HOST_KEY = " ".join(generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])


@pytest.fixture
def settings() -> Settings:
    return read_settings({"VSA_SECRET_KEY": "a key of the tests with 32 letters"})


async def store(admin: httpx.AsyncClient, secret: dict[str, str], name: str = "fleet") -> None:
    answer = await admin.post("/api/credentials", json={"name": name, "secret": secret})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/credentials/{name}"


@pytest.mark.parametrize("secret", [SSH, TLS])
async def test_what_is_stored_is_never_answered(
    admin: httpx.AsyncClient, secret: dict[str, str]
) -> None:
    await store(admin, secret)
    for path in ("/api/credentials", "/api/credentials/fleet", "/api/audit-logs"):
        text = (await admin.get(path)).text
        assert "fleet" in text
        assert "PRIVATE KEY" not in text


async def test_a_key_is_shown_by_its_public_half(admin: httpx.AsyncClient) -> None:
    await store(admin, SSH)
    facts = (await admin.get("/api/credentials/fleet")).json()["facts"]
    assert facts["fingerprint"] == KEY.get_fingerprint()
    assert facts["public_key"] in KEY.export_public_key().decode()


async def test_a_node_takes_it_and_the_host_key(admin: httpx.AsyncClient) -> None:
    await store(admin, SSH)
    node = {
        "name": "web-1",
        "docker_url": "ssh://vsa@web-1",
        "credential": "fleet",
        "host_key": f"{HOST_KEY} root@web-1",
    }
    answer = await admin.post("/api/nodes", json=node)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["credential"], answer.json()["host_key"]) == ("fleet", HOST_KEY)
    assert (await admin.get("/api/credentials/fleet")).json()["nodes"] == ["web-1"]
    assert (await admin.delete("/api/credentials/fleet")).status_code == 409
    assert (await admin.patch("/api/nodes/web-1", json={"credential": None})).status_code == 200
    assert (await admin.delete("/api/credentials/fleet")).status_code == 204


async def test_it_is_replaced_by_its_like(admin: httpx.AsyncClient) -> None:
    await store(admin, SSH)
    other = generate_private_key("ssh-ed25519")
    body = {"kind": "ssh", "private_key": other.export_private_key().decode()}
    answer = await admin.put("/api/credentials/fleet", json=body)
    assert answer.json()["facts"]["fingerprint"] == other.get_fingerprint()
    assert (await admin.put("/api/credentials/fleet", json=TLS)).status_code == 422


@pytest.mark.parametrize(
    ("secret", "field"),
    [
        ({"kind": "ssh", "private_key": "no PEM"}, "private_key"),
        ({"kind": "ssh"}, "private_key"),
        ({"kind": "tls", "certificate": PEM}, "key"),
        ({"kind": "tls", "ca": "no PEM"}, "ca"),
        ({"kind": "password"}, "secret"),
        ({"kind": "ssh", "private_key": "x" * 70_000}, ""),
    ],
)
async def test_what_does_not_fit_is_named_by_its_field_without_its_text(
    admin: httpx.AsyncClient, secret: dict[str, str], field: str
) -> None:
    answer = await admin.post("/api/credentials", json={"name": "fleet", "secret": secret})
    assert answer.status_code in {413, 422}
    assert field in "".join(fault["field"] for fault in answer.json()["errors"])
    assert "no PEM" not in answer.text


async def test_only_an_admin_changes_credentials(
    admin: httpx.AsyncClient, writer: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    await store(admin, SSH)
    for client in (writer, reader):
        assert (await client.get("/api/credentials")).status_code == 200
        body = {"name": "mine", "secret": SSH}
        assert (await client.post("/api/credentials", json=body)).status_code == 403
        assert (await client.put("/api/credentials/fleet", json=SSH)).status_code == 403
        assert (await client.delete("/api/credentials/fleet")).status_code == 403


async def test_without_a_secret_key_the_problem_names_the_setting(
    engine: Engine, admin: httpx.AsyncClient
) -> None:
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    bare: FastAPI = make_app(engine, read_settings({}))
    async with connect(bare, token) as client:
        answer = await client.post("/api/credentials", json={"name": "fleet", "secret": SSH})
    assert answer.status_code == 409
    assert "VSA_SECRET_KEY" in answer.json()["detail"]


async def test_an_unknown_credential_is_named(admin: httpx.AsyncClient) -> None:
    body = {"name": "web-1", "docker_url": "tcp://web-1", "credential": "nobody"}
    answer = await admin.post("/api/nodes", json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["credential"]


@pytest.mark.parametrize(
    "host_key", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "web-1 ssh-ed25519 AA"]
)
async def test_a_host_key_that_is_none_is_refused(admin: httpx.AsyncClient, host_key: str) -> None:
    body = {"name": "web-1", "docker_url": "ssh://vsa@web-1", "host_key": host_key}
    answer = await admin.post("/api/nodes", json=body)
    assert [fault["field"] for fault in answer.json()["errors"]] == ["host_key"]
