from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.answers import NewerCertificate
from cli.endpoints import Seen, show_addresses
from cli.probe import _stapled
from registry.facts.domains import Fault, OcspStaple, OcspStatus, Verdict

AT = datetime(2026, 1, 1, tzinfo=UTC)


def seen(address: str, fingerprint: str, *faults: Fault, days: float = 60) -> Seen:
    """What an address showed: a certificate of ninety days, of which so many are left."""
    end = AT + timedelta(days=days)
    verdict = faults[0].verdict if faults else Verdict.OK
    start = end - timedelta(days=90)
    return Seen(address, None, verdict, faults, fingerprint * 8, start, end)


def test_addresses_that_disagree_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    new, old = "abcdef01", "12345678"
    show_addresses([seen("192.0.2.1", new), seen("192.0.2.2", old, days=9), seen("::1", new)], AT)
    said = capsys.readouterr().out
    assert "The addresses disagree\n  192.0.2.1, ::1  2025-12-02" in said
    assert "  192.0.2.2       2025-10-12 00:00 UTC to 2026-01-10 00:00 UTC, sha256 12345678" in said


def test_addresses_that_agree_are_not_talked_about(capsys: pytest.CaptureFixture[str]) -> None:
    show_addresses([seen("192.0.2.1", "a"), seen("192.0.2.2", "a")], AT)
    assert "disagree" not in capsys.readouterr().out


def test_a_fault_that_addresses_share_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    weak = Fault(Verdict.WEAK, "it is signed with sha1", 68)
    show_addresses([seen("192.0.2.1", "a", weak), seen("192.0.2.2", "a", weak)], AT)
    said = capsys.readouterr().out
    assert "  192.0.2.1, 192.0.2.2  it is signed with sha1  (weak, X.509 error 68)\n" in said


@pytest.mark.parametrize(
    ("staple", "words"),
    [
        (None, "nothing stapled"),
        (OcspStaple(OcspStatus.GOOD, "", AT, AT), "good, until 2026-01-01 00:00 UTC"),
        (OcspStaple(OcspStatus.REVOKED, "key compromise"), "revoked: key compromise"),
    ],
)
def test_what_is_stapled_is_said(staple: OcspStaple | None, words: str) -> None:
    said, _ = _stapled(staple)
    assert said == words


def test_a_renewal_that_is_not_loaded_is_not_well_and_says_where_it_lies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    newer = NewerCertificate(AT, "/etc/letsencrypt/live/a/fullchain.pem", "file")
    served = replace(seen("192.0.2.1", "a"), newer=newer)
    assert not served.is_well(AT)
    show_addresses([served], AT)
    said = capsys.readouterr().out
    assert "renewed, not loaded" in said
    assert "is known from /etc/letsencrypt/live/a/fullchain.pem (file)" in said
