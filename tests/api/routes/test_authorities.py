from __future__ import annotations

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.parts.tls import Authority

ROOT = Authority.create("Corp Root")
PEM = ROOT.certificate.public_bytes(Encoding.PEM).decode()
ISSUING = ROOT.intermediate().certificate.public_bytes(Encoding.PEM).decode()


async def trust(admin: httpx.AsyncClient, **fields: object) -> httpx.Response:
    return await admin.post("/api/authorities", json={"name": "corp", "pem": PEM, **fields})


async def test_a_root_is_trusted_shown_and_forgotten(admin: httpx.AsyncClient) -> None:
    made = await trust(admin)
    assert (made.status_code, made.headers["Location"]) == (201, "/api/authorities/corp")
    shown = (await admin.get("/api/authorities/corp")).json()
    assert shown == made.json()
    assert (shown["facts"]["subject"], shown["pem"]) == ("CN=Corp Root", PEM)
    assert (await admin.get("/api/authorities")).json() == {"items": [shown], "next": None}
    assert (await admin.delete("/api/authorities/corp")).status_code == 204
    assert (await admin.get("/api/authorities/corp")).status_code == 404


async def test_it_may_vouch_for_one_domain_alone(admin: httpx.AsyncClient) -> None:
    domain = (await admin.post("/api/domains", json={"name": "intranet.example.org"})).json()
    made = (await trust(admin, domain_id=domain["id"])).json()
    assert (made["domain_id"], made["domain"]) == (domain["id"], "intranet.example.org")


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"pem": ISSUING}, "pem", "must be a root"),
        ({"pem": PEM + PEM}, "pem", "these are 2"),
        ({"pem": ""}, "pem", "PEM"),
        ({"pem": "x" * 21_000}, "pem", "20480"),
        ({"domain_id": 7}, "domain_id", "not 7"),
        ({"name": "a/b"}, "name", "pattern"),
        ({"trust": True}, "trust", "is no field"),
    ],
)
async def test_what_is_refused_is_named_by_its_field(
    admin: httpx.AsyncClient, fields: dict[str, object], field: str, words: str
) -> None:
    answer = await trust(admin, **fields)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["field"], words in fault["message"]) == (422, field, True)


async def test_a_name_is_taken_once(admin: httpx.AsyncClient) -> None:
    assert [(await trust(admin)).status_code for _ in range(2)] == [201, 409]


async def test_only_an_admin_says_who_is_trusted(
    admin: httpx.AsyncClient, writer: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    await trust(admin)
    for client in (writer, reader):
        assert (await client.get("/api/authorities/corp")).status_code == 200
        assert (await trust(client, name="mine")).status_code == 403
        assert (await client.delete("/api/authorities/corp")).status_code == 403
