from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from api.exports import FORMATS, in_chunks
from registry.audit import AuditEntry

ENTRY: dict[str, Any] = {
    "id": 1,
    "timestamp": datetime(2026, 11, 23, 8, tzinfo=UTC),
    "actor": "ci",
    "action": "node.create",
    "target": "node/web-1",
    "before": None,
    "after": {"name": "web-1"},
    "request_id": "r1",
    "address": "192.0.2.1",
    "result": "ok",
    "hash": "00",
}


async def export(form: str, *changes: dict[str, Any]) -> str:
    async def entries() -> AsyncIterator[AuditEntry]:
        for change in changes:
            yield AuditEntry(**ENTRY | change)

    return "".join([piece async for piece in FORMATS[form].render(entries())])


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_of_a_csv_begins_like_a_formula(start: str) -> None:
    (row,) = read(await export("csv", {"request_id": f"{start}cmd"}))
    assert row["request_id"] == f"'{start}cmd"


async def test_a_csv_is_as_rfc_4180_wants_it() -> None:
    text = await export("csv", {"actor": 'a "b",\nc'}, {})
    assert text.splitlines()[0] == ",".join(ENTRY)
    assert text.count("\r\n") == 3
    assert [row["actor"] for row in read(text)] == ['a "b",\nc', "ci"]


async def test_a_csv_holds_the_change_as_json_and_nothing_for_none() -> None:
    (row,) = read(await export("csv", {"after": {"name": "ü"}}))
    assert (row["before"], row["after"]) == ("", '{"name": "ü"}')


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_json_export_is_one_array_whatever_its_length(number: int) -> None:
    entries = json.loads(await export("json", *({"id": id_} for id_ in range(number))))
    assert [entry["id"] for entry in entries] == list(range(number))


async def test_an_ndjson_export_is_one_object_a_line() -> None:
    text = await export("ndjson", {"actor": "a\nb"}, {})
    assert [json.loads(line)["actor"] for line in text.splitlines()] == ["a\nb", "ci"]


async def test_small_pieces_travel_together_and_large_ones_do_not_wait() -> None:
    async def pieces() -> AsyncIterator[str]:
        for _ in range(5):
            yield "x" * 30_000

    sizes = [len(chunk) async for chunk in in_chunks(pieces())]
    assert sizes == [90_000, 60_000]
