from __future__ import annotations

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.parts.tls import Authority, Identity

AUTHORITY = Authority.create().intermediate()
NAME = "www.example.org"


def pem(identity: Identity) -> str:
    sent = (identity.certificate, *identity.sent)
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in sent)


async def upload(client: httpx.AsyncClient, identity: Identity) -> httpx.Response:
    return await client.post("/api/certificates", json={"name": NAME, "pem": pem(identity)})


async def test_an_upload_is_a_certificate_with_its_chain(writer: httpx.AsyncClient) -> None:
    identity = AUTHORITY.issue([NAME])
    made = await upload(writer, identity)
    assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"/api/certificates/{identity.fingerprint}"
    shown = (await writer.get(made.headers["Location"])).json()
    assert shown["chain"] == pem(identity)
    assert shown["chain"].startswith(shown["pem"])
    assert shown["known"] == [{"source": "upload", "host": "", "place": NAME}]
    assert shown["endpoints"] == []


async def test_the_renewed_one_takes_its_place(writer: httpx.AsyncClient) -> None:
    old, new = AUTHORITY.issue([NAME]), AUTHORITY.issue([NAME])
    codes = [(await upload(writer, one)).status_code for one in (old, new, new)]
    assert codes == [201, 200, 200]
    (known,) = (await writer.get("/api/known-certificates")).json()["items"]
    assert (known["place"], known["fingerprint"]) == (NAME, new.fingerprint)
    assert (await writer.delete(f"/api/known-certificates/{NAME}")).status_code == 204
    assert (await writer.get("/api/known-certificates")).json()["items"] == []
    assert (await writer.delete(f"/api/known-certificates/{NAME}")).status_code == 404


async def test_files_and_uploads_are_listed_apart(writer: httpx.AsyncClient) -> None:
    await upload(writer, AUTHORITY.issue([NAME]))
    found = {
        source: (await writer.get("/api/known-certificates", params={"source": source})).json()
        for source in ("file", "upload")
    }
    assert {source: len(page["items"]) for source, page in found.items()} == {
        "file": 0,
        "upload": 1,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": NAME}, "pem"),
        ({"name": NAME, "pem": "no PEM"}, "pem"),
        ({"name": NAME, "pem": AUTHORITY.issue([NAME]).pem().decode()}, "pem"),
        ({"name": "../etc", "pem": pem(AUTHORITY.issue([NAME]))}, "name"),
    ],
)
async def test_what_is_refused_is_named_by_its_field_and_not_repeated(
    writer: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    answer = await writer.post("/api/certificates", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
    assert "BEGIN PRIVATE KEY" not in answer.text


async def test_a_reader_uploads_nothing(
    reader: httpx.AsyncClient, writer: httpx.AsyncClient
) -> None:
    identity = AUTHORITY.issue([NAME])
    assert (await upload(reader, identity)).status_code == 403
    await upload(writer, identity)
    assert (await reader.delete(f"/api/known-certificates/{NAME}")).status_code == 403
