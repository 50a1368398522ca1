"""Servers that say anything at all, before and in the handshake: never a crash, never a wrong ok."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from collector.tls.answer import MAX_RECEIVED_BYTES, Look, NoAnswerError
from collector.tls.context import verifying_context
from collector.tls.dialog import Dialog
from collector.tls.judge import judge
from collector.tls.starttls import DIALECTS
from registry.facts.domains import StartTls, Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import NAME, World
from tests.collector.tls.dialects import WILLING
from tests.collector.tls.in_memory import Tamper, Wire, shake
from tests.collector.tls.manners import only
from tests.parts.tls import server_context

# ---------------------------------------------------------------------------- before TLS

HONEST = [
    (dialect, b"".join([script[0], *(answer for _, answer in script[1:])]))
    for dialect, scripts in WILLING.items()
    for script in scripts
]


def pieces(said: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut what a server says into the pieces that arrive."""
    places = [0, *sorted(cut % (len(said) + 1) for cut in cuts), len(said)]
    return [said[start:end] for start, end in pairwise(places)]


async def hear(dialect: StartTls, said: Sequence[bytes]) -> NoAnswerError | None:
    """Hear what a server says, piece by piece, until it leaves; None when it turned to TLS."""
    dialog, wire = Dialog(Look()), Wire()
    dialog.connection_made(wire)
    speaking = asyncio.ensure_future(DIALECTS[dialect](dialog))
    for piece in said:
        await asyncio.sleep(0)
        dialog.data_received(piece)
    dialog.connection_lost(None)
    try:
        async with asyncio.timeout(5):
            await speaking
    except NoAnswerError as none:
        return none
    finally:
        assert len(wire.take()) < 200
    return None


@given(st.sampled_from(HONEST), st.lists(st.integers(0, 400), max_size=20))
async def test_what_an_honest_server_says_may_come_in_any_pieces(
    honest: tuple[StartTls, bytes], cuts: list[int]
) -> None:
    dialect, said = honest
    assert await hear(dialect, pieces(said, cuts)) is None


@given(
    st.sampled_from(HONEST),
    st.integers(0, 400),
    st.integers(0, 400),
    st.binary(max_size=40),
    st.lists(st.integers(0, 400), max_size=3),
)
async def test_an_answer_with_a_part_replaced_is_taken_or_refused_in_printable_words(
    honest: tuple[StartTls, bytes], start: int, end: int, part: bytes, cuts: list[int]
) -> None:
    dialect, said = honest
    none = await hear(dialect, pieces(said[:start] + part + said[end:], cuts))
    assert none is None or is_well_said(none, FailureReason.PROTOCOL)


@given(st.sampled_from(list(DIALECTS)), st.lists(st.binary(max_size=60), max_size=8))
async def test_random_bytes_never_turn_to_tls_unless_postgres_says_yes(
    dialect: StartTls, said: list[bytes]
) -> None:
    none = await hear(dialect, said)
    yes = dialect is StartTls.POSTGRES and b"".join(said).startswith(b"S")
    assert yes if none is None else is_well_said(none, FailureReason.PROTOCOL)


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("word", [b"220-", b"* OK ", b"+OK ", b"\x30\x84\x7f\xff\xff\xff", b"\n"])
async def test_a_flood_ends_at_the_budget(dialect: StartTls, word: bytes) -> None:
    flood = [word + b"x" * 4000] * (MAX_RECEIVED_BYTES // 4000 + 2)
    none = await hear(dialect, flood)
    assert none is not None
    assert is_well_said(none, FailureReason.PROTOCOL, FailureReason.TOO_LARGE)


def is_well_said(none: NoAnswerError, *reasons: FailureReason) -> bool:
    failure = none.failure
    return failure.reason in reasons and failure.detail.isprintable() and len(failure.detail) < 1000


# ---------------------------------------------------------------------------- in the handshake

CHANGES = st.lists(
    st.tuples(st.integers(0, 2500), st.integers(0, 30), st.binary(max_size=30)),
    min_size=1,
    max_size=4,
)


def changing(changes: Sequence[tuple[int, int, bytes]]) -> Tamper:
    """Replace parts of all that the server says: where, how many bytes, by what."""
    passed = 0

    def tamper(data: bytes) -> bytes:
        nonlocal passed
        start, passed = passed, passed + len(data)
        for place, size, part in sorted(changes, reverse=True):
            if start <= place < passed:
                data = data[: place - start] + part + data[place - start + size :]
        return data

    return tamper


@pytest.fixture(scope="module")
def servers(world: World) -> dict[str, ssl.SSLContext]:
    identity = world.issuer.issue([NAME])
    contexts = {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        contexts[version.name] = server_context(identity)
        only(version)(contexts[version.name])
    return contexts


@pytest.fixture(scope="module")
def client(world: World) -> SSL.Context:
    return verifying_context(world.bundle)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("refuse", [False, True])
@given(changes=CHANGES)
async def test_a_handshake_that_is_tampered_with_is_never_a_crash_nor_a_wrong_ok(
    client: SSL.Context,
    servers: dict[str, ssl.SSLContext],
    version: str,
    refuse: bool,
    changes: list[tuple[int, int, bytes]],
) -> None:
    shown = await shake(client, servers[version], changing(changes), refuse=refuse)
    if isinstance(shown, NoAnswerError):
        assert is_well_said(shown, FailureReason.TLS, FailureReason.TOO_LARGE)
        return
    judged = judge(shown, NAME, datetime.now(UTC))
    if judged.verdict is Verdict.OK:
        assert judged.certificate.sans == (NAME,)
        assert judged.certificate.issuer == "CN=Test Intermediate"
