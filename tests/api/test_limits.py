from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from api.limits import MAX_BODY_BYTES

JSON = {"Content-Type": "application/json"}


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_a_body_of_a_megabyte_is_refused_by_its_declared_length(
    writer: httpx.AsyncClient,
) -> None:
    answer = await writer.post("/api/nodes", content=b" " * (1 << 20), headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["detail"] == f"The body may hold {MAX_BODY_BYTES} bytes."


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 400), (MAX_BODY_BYTES + 1024, 413)])
async def test_a_body_in_chunks_is_cut_off_at_the_limit(
    writer: httpx.AsyncClient, size: int, status: int
) -> None:
    answer = await writer.post("/api/nodes", content=chunks(size), headers=JSON)
    assert "content-length" not in answer.request.headers
    assert answer.status_code == status
