"""Servers with certificates as no library writes them, signed by whom we trust: no crash, no wrong ok."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from collector.tls.answer import NoAnswerError
from collector.tls.context import verifying_context
from collector.tls.judge import judge
from registry.facts.domains import EndpointFacts, Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls import der
from tests.collector.tls.asking import NAME, World
from tests.collector.tls.der import Attribute, Element, Extension, Odd
from tests.collector.tls.in_memory import shake, showing
from tests.collector.tls.manners import only
from tests.parts.tls import ec_key, server_context

NOW = datetime.now(UTC)
KEY = ec_key()


class Time(NamedTuple):
    """How a time is written, and the moment that it means; None where it means none."""

    written: Element
    meant: datetime | None = None


def utc(text: str, meant: datetime | None = None) -> Time:
    return Time(Element(der.UTC_TIME, text.encode()), meant)


def general(text: str, meant: datetime | None = None) -> Time:
    return Time(Element(der.GENERALIZED_TIME, text.encode()), meant)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


STARTS = [
    utc("250101000000Z", at("2025-01-01")),
    utc("500101000000Z", at("1950-01-01")),
    utc("491231235959Z", at("2049-12-31 23:59:59")),
    general("20500101000000Z", at("2050-01-01")),
    general("20250101000000Z", at("2025-01-01")),  # not as RFC 5280 writes it, but plain to all
    general("00000101000000Z"),
    general("19491231235959Z", at("1949-12-31 23:59:59")),
    utc("2501010000Z"),
    utc("250101000000+0100"),
    utc("250230000000Z"),
    utc("now"),
    Time(Element(der.OCTET_STRING, b"250101000000Z")),
]
ENDS = [
    utc("491231235959Z", at("2049-12-31 23:59:59")),
    utc("991231235959Z", at("1999-12-31 23:59:59")),
    general("20500101000000Z", at("2050-01-01")),
    general("21060207062816Z", at("2106-02-07 06:28:16")),
    general("99991231235959Z", at("9999-12-31 23:59:59")),
    general("99991231235960Z"),
    general("20500101000000.5Z"),
    general("205001010000Z"),
    general("20500101000000"),
    general("20501301000000Z"),
    utc(""),
]
HERE, PARENT = NAME.encode(), NAME.partition(".")[2].encode()

TEXT = st.one_of(st.text(max_size=12).map(str.encode), st.binary(max_size=12))
WELL = Odd(STARTS[0].written, ENDS[0].written, names=[Element(der.DNS, HERE)])
NAMES = st.one_of(
    st.sampled_from(
        [
            Element(der.DNS, HERE),
            Element(der.DNS, HERE.upper()),
            Element(der.DNS, b"*." + PARENT),
            Element(der.DNS, HERE + b"\0.evil.test"),
            Element(der.DNS, HERE + b"."),
            Element(der.DNS, b" " + HERE),
            Element(der.DNS, HERE.replace(b"e", b"\xd0\xb5", 1)),  # a Cyrillic one
            Element(der.URI, b"https://" + HERE),
            Element(der.MAIL, HERE),
            Element(der.REGISTERED, b"\x2a\x03"),
            Element(der.DIRECTORY, der.tlv(der.SEQUENCE)),
            Element(der.OTHER_NAME, der.tlv(der.OID, b"\x2a\x03") + der.tlv(0xA0, b"\5\0")),
            *(Element(der.ADDRESS, bytes(size)) for size in (0, 3, 4, 5, 8, 16, 17, 32)),
        ]
    ),
    TEXT.map(lambda text: Element(der.DNS, text)),
    st.tuples(st.integers(0x80, 0xAF), TEXT).map(lambda parts: Element(*parts)),
)
STRINGS = (
    der.UTF8_STRING,
    der.PRINTABLE_STRING,
    der.T61_STRING,
    der.IA5_STRING,
    der.UNIVERSAL_STRING,
    der.BMP_STRING,
    der.INTEGER,
)
SUBJECTS = st.lists(
    st.builds(
        Attribute,
        st.sampled_from([der.COMMON_NAME, der.COUNTRY, b"\x2a\x03"]),
        st.builds(Element, st.sampled_from(STRINGS), TEXT),
    ),
    max_size=3,
)
EXTENSIONS = st.lists(
    st.builds(
        Extension,
        st.sampled_from(
            [der.SUBJECT_ALT_NAME, der.KEY_USAGE, der.BASIC_CONSTRAINTS, b"\x2a\x03\x04"]
        ),
        st.one_of(
            st.binary(max_size=8),
            st.just(der.tlv(der.SEQUENCE)),
            st.just(der.tlv(der.SEQUENCE, der.tlv(der.DNS, HERE))),
            st.just(der.tlv(der.BIT_STRING, b"\x07\x80")),
        ),
        st.booleans(),
    ),
    max_size=2,
)


@pytest.fixture(scope="module")
def client(world: World) -> SSL.Context:
    return verifying_context(world.bundle)


@pytest.fixture(scope="module")
def server(world: World) -> ssl.SSLContext:
    context = server_context(world.issuer.issue([NAME], key=KEY))
    only(ssl.TLSVersion.TLSv1_2)(context)
    return context


async def look(
    client: SSL.Context, server: ssl.SSLContext, world: World, odd: Odd
) -> EndpointFacts | None:
    """What is seen of a server that proves that it has the key of this certificate; None for nothing."""
    leaf = odd.signed(world.issuer, KEY.public_key())
    chain = [leaf, world.issuer.certificate.public_bytes(Encoding.DER)]
    shown = await shake(client, server, showing(chain), refuse=True)
    if isinstance(shown, NoAnswerError):
        assert shown.failure.reason is FailureReason.TLS
        assert shown.failure.detail.isprintable()
        return None
    assert shown.chain[0] == leaf
    facts = judge(shown, NAME, NOW)
    assert facts.chain == shown.chain
    assert all(text.isprintable() for text in texts(facts))
    return facts


def texts(facts: EndpointFacts) -> Iterator[str]:
    certificate = facts.certificate
    yield from (certificate.subject, certificate.issuer, certificate.parse_error)
    yield from certificate.sans
    yield from (fault.detail for fault in facts.faults)


def is_now(times: tuple[Time, Time]) -> bool:
    start, end = (time.meant for time in times)
    return bool(start and end and start <= NOW <= end)


async def test_one_that_is_written_well_is_ok(
    world: World, client: SSL.Context, server: ssl.SSLContext
) -> None:
    facts = await look(client, server, world, WELL)
    assert facts
    assert facts.verdict is Verdict.OK


async def test_no_date_is_ok_but_one_that_can_be_read_and_holds(
    world: World, client: SSL.Context, server: ssl.SSLContext
) -> None:
    for times in product(STARTS, ENDS):
        start, end = times
        parts = replace(WELL, not_before=start.written, not_after=end.written)
        facts = await look(client, server, world, parts)
        assert (facts is not None and facts.verdict is Verdict.OK) == is_now(times), times
        if facts:
            assert facts.certificate.not_before in {start.meant, None}
            assert facts.certificate.not_after in {end.meant, None}


@given(names=st.lists(NAMES, max_size=4))
async def test_no_name_is_ok_but_the_one_that_was_asked_for(
    world: World, client: SSL.Context, server: ssl.SSLContext, names: list[Element]
) -> None:
    facts = await look(client, server, world, replace(WELL, names=names))
    if facts and facts.verdict is Verdict.OK:
        assert any(tag == der.DNS and text.lower() == HERE for tag, text in names)


@given(subject=SUBJECTS, extensions=EXTENSIONS, version=st.binary(min_size=1, max_size=2))
async def test_odd_subjects_extensions_and_versions_are_never_a_crash(
    world: World,
    client: SSL.Context,
    server: ssl.SSLContext,
    subject: list[Attribute],
    extensions: list[Extension],
    version: bytes,
) -> None:
    parts = replace(WELL, names=(), subject=subject, extensions=extensions, version=version)
    facts = await look(client, server, world, parts)
    if facts and facts.verdict is Verdict.OK:
        assert facts.certificate.sans == (NAME,)


@given(serial=st.binary(max_size=40), subject=SUBJECTS)
async def test_odd_serial_numbers_and_subjects_hide_no_name(
    world: World,
    client: SSL.Context,
    server: ssl.SSLContext,
    serial: bytes,
    subject: list[Attribute],
) -> None:
    parts = replace(WELL, serial_number=serial, subject=subject)
    facts = await look(client, server, world, parts)
    if facts and not facts.certificate.parse_error:
        assert facts.certificate.sans == (NAME,)
        assert facts.certificate.serial_number
