"""The zoo: one table of real TLS servers, each with all that a probe must say of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry.facts.domains import StartTls, Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls import identities as i
from tests.collector.tls import manners as m
from tests.collector.tls.asking import NAME, World
from tests.collector.tls.dialects import UNWILLING, WILLING, Script
from tests.parts.tls import Identity, serve

V, R = Verdict, FailureReason
TLS_1_0, TLS_1_1 = m.only(ssl.TLSVersion.TLSv1), m.only(ssl.TLSVersion.TLSv1_1)
TLS_1_2, TLS_1_3 = m.only(ssl.TLSVersion.TLSv1_2), m.only(ssl.TLSVersion.TLSv1_3)
STALL = 0.2
# OpenSSL says of who is no authority that it may not be used as one, too.
NO_AUTHORITY = ((V.UNKNOWN_AUTHORITY, 79), (V.UNKNOWN_AUTHORITY, 26))


@dataclass(frozen=True, slots=True)
class Shows:
    """What must be seen: each fault with its X.509 code, the primary one first, and the facts beside it.

    `words` stand in the primary fault's detail; `life` is in days.
    """

    faults: tuple[tuple[Verdict, int | None], ...] = ()
    words: str = ""
    tls_version: str = "TLSv1.3"
    key: tuple[str, int | None] = ("ECDSA", 256)
    life: int = 90


@dataclass(frozen=True, slots=True)
class Fails:
    """What must be said of a server that shows nothing; `words` stand in the detail."""

    reason: FailureReason
    words: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One server: whose certificate it has, how it serves it, and what a probe must say."""

    title: str
    identity: Callable[[World], Identity]
    expected: Shows | Fails = Shows()
    manner: m.Manner = serve
    asked: str = NAME
    starttls: StartTls = StartTls.NONE
    limit: float = 5.0


def wrong(verdict: Verdict, code: int | None, words: str) -> Shows:
    return Shows(((verdict, code),), words)


GOOD = (
    Exhibit("ECDSA P-256, TLS 1.3", i.good, manner=m.set_up(TLS_1_3)),
    Exhibit("ECDSA P-256, TLS 1.2", i.good, Shows(tls_version="TLSv1.2"), m.set_up(TLS_1_2)),
    Exhibit("RSA-2048, TLS 1.3", i.rsa, Shows(key=("RSA", 2048)), m.set_up(TLS_1_3)),
    Exhibit(
        "RSA-2048, TLS 1.2",
        i.rsa,
        Shows(tls_version="TLSv1.2", key=("RSA", 2048)),
        m.set_up(TLS_1_2),
    ),
    Exhibit(
        "RSA key exchange",
        i.rsa,
        Shows(tls_version="TLSv1.2", key=("RSA", 2048)),
        m.set_up(m.with_cipher("AES128-GCM-SHA256")),
    ),
    Exhibit("ECDSA P-384", i.p384, Shows(key=("ECDSA", 384))),
    Exhibit("Ed25519, TLS 1.3", i.ed, Shows(key=("Ed25519", None)), m.set_up(TLS_1_3)),
    Exhibit(
        "Ed25519, TLS 1.2",
        i.ed,
        Shows(tls_version="TLSv1.2", key=("Ed25519", None)),
        m.set_up(TLS_1_2),
    ),
    Exhibit("6 days", i.six_days, Shows(life=6)),
    Exhibit("398 days", i.year, Shows(life=398)),
    Exhibit("chain out of order", i.out_of_order),
    Exhibit("chain with extras", i.with_extras),
    Exhibit("cross-signed by an expired root", i.cross_signed),
    Exhibit("2,001 names", i.many_names),
    Exhibit("wildcard", i.wildcard, asked=f"www.{NAME}"),
    Exhibit("IDN", i.idn, asked=i.IDN),
    Exhibit("IP address", i.address, asked="127.0.0.1"),
    Exhibit("name constraints that permit", i.permitted),
    Exhibit("server name needed", i.good, manner=m.by_name(i.own(), NAME)),
    Exhibit(
        "client certificate demanded, TLS 1.2",
        i.good,
        Shows(tls_version="TLSv1.2"),
        m.set_up(TLS_1_2, m.demanding_a_certificate),
    ),
    Exhibit(
        "client certificate demanded, TLS 1.3",
        i.good,
        manner=m.set_up(TLS_1_3, m.demanding_a_certificate),
    ),
)
FAULTY = (
    Exhibit("expired", i.expired, wrong(V.EXPIRED, 10, "it expired at")),
    Exhibit("not yet valid", i.not_yet, wrong(V.NOT_YET_VALID, 9, "it is valid from")),
    Exhibit(
        "under an expired authority",
        i.under_an_expired_authority,
        wrong(V.EXPIRED, 10, "authority CN=Old: it expired at"),
    ),
    Exhibit("of another name", i.of_another, wrong(V.HOSTNAME_MISMATCH, 62, "else.test")),
    Exhibit("common name only", i.nameless, wrong(V.HOSTNAME_MISMATCH, 62, "subjectAltName")),
    Exhibit("embedded NUL", i.nul, wrong(V.HOSTNAME_MISMATCH, 62, "\\x00.evil.test")),
    Exhibit(
        "wildcard two labels up",
        i.wildcard,
        wrong(V.HOSTNAME_MISMATCH, 62, "*."),
        asked=f"a.b.{NAME}",
    ),
    Exhibit("wildcard for its own parent", i.wildcard, wrong(V.HOSTNAME_MISMATCH, 62, "*.")),
    Exhibit(
        "of another address",
        i.address,
        wrong(V.HOSTNAME_MISMATCH, 64, "127.0.0.1"),
        asked="127.0.0.2",
    ),
    Exhibit("self-signed", i.own, wrong(V.SELF_SIGNED, 18, "signed itself")),
    Exhibit("unknown authority", i.stranger, wrong(V.UNKNOWN_AUTHORITY, 20, "CN=Stranger")),
    Exhibit(
        "unknown root that is sent",
        i.stranger_with_root,
        wrong(V.UNKNOWN_AUTHORITY, 19, "CN=Stranger"),
    ),
    Exhibit(
        "namesake of the root", i.namesake, wrong(V.UNKNOWN_AUTHORITY, 7, "its signature is not")
    ),
    Exhibit(
        "nothing but the leaf", i.alone, wrong(V.UNKNOWN_AUTHORITY, 20, "CN=Test Intermediate")
    ),
    Exhibit(
        "nothing but the leaf, which says where its issuer is",
        i.alone_but_fetchable,
        wrong(V.INCOMPLETE_CHAIN, 20, i.ISSUER_URL),
    ),
    Exhibit(
        "name not permitted", i.elsewhere, wrong(V.UNKNOWN_AUTHORITY, 47, "permits no such name")
    ),
    Exhibit("name excluded", i.excluded, wrong(V.UNKNOWN_AUTHORITY, 48, "excludes such names")),
    Exhibit("for clients", i.for_clients, wrong(V.UNKNOWN_AUTHORITY, 26, "may not be used")),
    Exhibit(
        "under an authority for clients",
        i.under_an_authority_for_clients,
        wrong(V.UNKNOWN_AUTHORITY, 26, "CN=Odd: it may not be used"),
    ),
    Exhibit("path too long", i.path_too_long, wrong(V.UNKNOWN_AUTHORITY, 25, "path length")),
    Exhibit("under a leaf", i.under_a_leaf, Shows(NO_AUTHORITY, "is no authority")),
    Exhibit("under CA:FALSE", i.under_no_authority, Shows(NO_AUTHORITY, "is no authority")),
    Exhibit(
        "under an authority that may not sign",
        i.under_one_that_may_not_sign,
        Shows((*NO_AUTHORITY, (V.UNKNOWN_AUTHORITY, 32)), "CN=Odd: it is no authority"),
    ),
    Exhibit(
        "unknown critical extension",
        i.of_unknown_demands,
        wrong(V.UNKNOWN_AUTHORITY, 34, "critical"),
    ),
    Exhibit("forged", i.forged, wrong(V.UNKNOWN_AUTHORITY, 7, "its signature is not its issuer's")),
    Exhibit("RSA-1024", i.short_rsa, Shows(((V.WEAK, 66),), "1024 bits", key=("RSA", 1024))),
    Exhibit("under RSA-1024", i.under_a_short_key, wrong(V.WEAK, 67, "CN=Short: its RSA key")),
    Exhibit(
        "under ECDSA P-192", i.under_a_short_curve, wrong(V.WEAK, 67, "CN=Curve: its ECDSA key")
    ),
    Exhibit("SHA-1", i.sha1, wrong(V.WEAK, 68, "sha1")),
    Exhibit("TLS 1.0", i.good, Shows(((V.WEAK, None),), "TLSv1 ", "TLSv1"), m.set_up(TLS_1_0)),
    Exhibit("TLS 1.1", i.good, Shows(((V.WEAK, None),), "TLSv1.1", "TLSv1.1"), m.set_up(TLS_1_1)),
    Exhibit(
        "everything wrong at once",
        i.all_wrong,
        Shows(
            (
                (V.EXPIRED, 10),
                (V.HOSTNAME_MISMATCH, 62),
                (V.UNKNOWN_AUTHORITY, 20),
                (V.WEAK, 66),
                (V.WEAK, 68),
            ),
            "it expired at",
            key=("RSA", 1024),
        ),
    ),
)
WILLING_TO_TURN = tuple(
    Exhibit(f"{dialect} {number}", i.good, manner=m.behind(script), starttls=dialect)
    for dialect, scripts in WILLING.items()
    for number, script in enumerate(scripts)
)
UNWILLING_TO_TURN = tuple(
    Exhibit(
        f"{dialect} says no: {words}",
        i.good,
        Fails(R.PROTOCOL, words),
        m.saying(script),
        starttls=dialect,
    )
    for dialect, script, words in UNWILLING
)
# A full handshake is six records of the server's in TLS 1.3, and seven in TLS 1.2.
STALLING = tuple(
    Exhibit(
        f"{version} stalls after {records} records",
        i.good,
        Fails(R.TIMEOUT, "the TLS handshake took longer than 0.2 s"),
        m.stopping_after(records, setup),
        limit=STALL,
    )
    for version, setup, total in (("TLS 1.2", TLS_1_2, 7), ("TLS 1.3", TLS_1_3, 6))
    for records in range(total)
)
REFUSING = (
    Exhibit(
        "wrong server name",
        i.good,
        Fails(
            R.TLS,
            "unrecognized_name: it has no certificate for this server name; check server_name",
        ),
        m.set_up(m.knowing_no_name),
    ),
    Exhibit(
        "no shared cipher",
        i.good,
        Fails(R.TLS, "handshake_failure"),
        m.set_up(m.with_cipher("aNULL")),
    ),
    Exhibit("10 MB certificate", i.ten_megabytes, Fails(R.TOO_LARGE, "100 KB")),
    Exhibit(
        "impostor without the key, RSA key exchange",
        i.rsa,
        Fails(R.TLS, "handshake_failure"),
        m.stopping_after(3, m.with_cipher("AES128-GCM-SHA256"), then=m.refuse),
    ),
)


def stalling_before_tls(dialect: StartTls, script: Script) -> Iterator[Exhibit]:
    """One that stalls before each of its answers, of which the greeting is the first."""
    greeting, *exchanges = script
    for said, withheld in enumerate([greeting, *(answer for _, answer in exchanges)]):
        if withheld:
            yield Exhibit(
                f"{dialect} stalls after {said} answers",
                i.good,
                Fails(R.TIMEOUT, "STARTTLS took longer than 0.2 s"),
                m.silent_after(script, said),
                starttls=dialect,
                limit=STALL,
            )


STALLING_BEFORE_TLS = tuple(
    exhibit
    for dialect, scripts in WILLING.items()
    for exhibit in stalling_before_tls(dialect, scripts[0])
)
ZOO = (
    *GOOD,
    *FAULTY,
    *WILLING_TO_TURN,
    *UNWILLING_TO_TURN,
    *REFUSING,
    *STALLING_BEFORE_TLS,
    *STALLING,
)
