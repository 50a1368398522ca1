"""From what a handshake showed to facts and a verdict; pure, and anew at each look, for dates pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from OpenSSL.SSL import X509VerificationCodes as Codes

from collector.tls.answer import Shown, VerifyError
from collector.tls.staple import judge_staple
from registry.facts.domains import EndpointFacts, Fault, OcspStaple, OcspStatus, Verdict
from registry.server_names import as_address
from registry.x509 import Parsed, read_certificate

_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}

# What OpenSSL's security level 2 asks for: 112 bits of strength.
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "ECDSA": 224}
_BROKEN_HASHES = frozenset({"md5", "sha1"})
_STRONG_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})
_LISTED, _LENGTH = 5, 200  # names in a detail, characters of each

_DATES = frozenset({Codes.ERR_CERT_HAS_EXPIRED, Codes.ERR_CERT_NOT_YET_VALID})
# The issuer is neither trusted nor among what was sent. The last of these only repeats it for a leaf.
_NO_ISSUER = frozenset(
    {
        Codes.ERR_UNABLE_TO_GET_ISSUER_CERT,
        Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    }
)
# X509_V_ERR_EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK: pyOpenSSL has no names for them.
_KEY_TOO_SMALL, _AUTHORITY_KEY_TOO_SMALL, _HASH_TOO_WEAK = 66, 67, 68

_VERDICTS = {
    Codes.ERR_CERT_REVOKED: Verdict.REVOKED,
    Codes.ERR_CERT_HAS_EXPIRED: Verdict.EXPIRED,
    Codes.ERR_CERT_NOT_YET_VALID: Verdict.NOT_YET_VALID,
    Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: Verdict.SELF_SIGNED,
    _KEY_TOO_SMALL: Verdict.WEAK,
    _AUTHORITY_KEY_TOO_SMALL: Verdict.WEAK,
    _HASH_TOO_WEAK: Verdict.WEAK,
}
_WORDS = {
    code: name.removeprefix("ERR_").lower().replace("_", " ")
    for name, code in vars(Codes).items()
    if isinstance(code, int)
} | {
    Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "it signed itself and is not trusted",
    Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN: "it is a root that was sent and is not trusted",
    Codes.ERR_CERT_SIGNATURE_FAILURE: "its signature is not its issuer's",
    Codes.ERR_INVALID_CA: "it is no authority, but another certificate names it as issuer",
    Codes.ERR_PATH_LENGTH_EXCEEDED: "it has more authorities below it than it may (path length)",
    Codes.ERR_INVALID_PURPOSE: "it may not be used for TLS servers (extended key usage)",
    Codes.ERR_PERMITTED_VIOLATION: "an authority above it permits no such name (name constraints)",
    Codes.ERR_EXCLUDED_VIOLATION: "an authority above it excludes such names (name constraints)",
}


def judge(shown: Shown, server_name: str, now: datetime) -> EndpointFacts:
    """Judge a handshake for the name that was asked for, at the time `now` (aware, UTC)."""
    sent = [read_certificate(der) for der in shown.chain]
    path = [read_certificate(der) for der in shown.path] or sent[:1]
    broken = list(_path_faults(shown.errors, path))
    staple = judge_staple(shown.staple, sent[0].facts.der, _issuer(path, sent), now)
    faults = [*broken, *_date_faults(path, now), *_name_faults(path[0], server_name)]
    faults += [*_revocation(staple), *_weaknesses(path), *_version_faults(shown.tls_version)]
    faults.sort(key=lambda fault: _RANK[fault.verdict])
    return EndpointFacts(
        certificate=sent[0].facts,
        chain=tuple(each.facts.der for each in sent),
        verdict=faults[0].verdict if faults else Verdict.OK,
        faults=tuple(faults),
        tls_version=shown.tls_version,
        cipher=shown.cipher,
        alpn=shown.alpn,
        chain_not_after=None if broken else _earliest_end(path),
        sent_not_after=_earliest_end(sent),
        staple=staple,
    )


def _issuer(path: Sequence[Parsed], sent: Sequence[Parsed]) -> bytes | None:
    """Return who issued the leaf, as verified, or else as sent."""
    above = [*path[1:2], *sent[1:2]]
    return above[0].facts.der if above else None


def _revocation(staple: OcspStaple | None) -> Iterator[Fault]:
    if staple and staple.status is OcspStatus.REVOKED:
        when = f" at {staple.revoked_at:%Y-%m-%d %H:%M:%S} UTC" if staple.revoked_at else ""
        detail = (
            f"certificate: its authority revoked it{when} ({staple.detail or 'no reason given'})"
        )
        yield Fault(Verdict.REVOKED, detail, Codes.ERR_CERT_REVOKED)


def _path_faults(errors: Sequence[VerifyError], path: Sequence[Parsed]) -> Iterator[Fault]:
    """Turn OpenSSL's errors into faults, but its dates only where we cannot read them ourselves."""
    orphaned = False
    for code, depth in errors:
        certificate = path[min(depth, len(path) - 1)]
        if code in _DATES and certificate.facts.not_before and certificate.facts.not_after:
            continue
        if code not in _NO_ISSUER:
            words = f"{_title(path, certificate)}: {_WORDS.get(code, 'refused by OpenSSL')}"
            yield Fault(_VERDICTS.get(code, Verdict.UNKNOWN_AUTHORITY), words, code)
        elif not orphaned:
            orphaned = True
            yield _orphan(_title(path, certificate), certificate, code)


def _orphan(title: str, certificate: Parsed, code: int) -> Fault:
    detail = (
        f"{title}: its issuer {_short(certificate.facts.issuer)} is not trusted and was not sent"
    )
    if certificate.ca_issuers:
        detail += (
            f"; the server should send it, it is to be had at {_short(certificate.ca_issuers)}"
        )
        return Fault(Verdict.INCOMPLETE_CHAIN, detail, code)
    return Fault(Verdict.UNKNOWN_AUTHORITY, detail, code)


def _date_faults(path: Sequence[Parsed], now: datetime) -> Iterator[Fault]:
    for certificate in path:
        start, end = certificate.facts.not_before, certificate.facts.not_after
        if end and now > end:
            detail = f"{_title(path, certificate)}: it expired at {end:%Y-%m-%d %H:%M:%S} UTC"
            yield Fault(Verdict.EXPIRED, detail, Codes.ERR_CERT_HAS_EXPIRED)
        if start and now < start:
            detail = f"{_title(path, certificate)}: it is valid from {start:%Y-%m-%d %H:%M:%S} UTC"
            yield Fault(Verdict.NOT_YET_VALID, detail, Codes.ERR_CERT_NOT_YET_VALID)


def _name_faults(leaf: Parsed, server_name: str) -> Iterator[Fault]:
    if leaf.is_named(server_name):
        return
    code = Codes.ERR_IP_ADDRESS_MISMATCH if as_address(server_name) else Codes.ERR_HOSTNAME_MISMATCH
    yield Fault(Verdict.HOSTNAME_MISMATCH, f"{server_name} is not its name; {_names(leaf)}", code)


def _names(leaf: Parsed) -> str:
    """Say which names a certificate has instead, or why none can be seen."""
    names = leaf.facts.sans
    if leaf.facts.parse_error and not names:
        return f"it cannot be read: {leaf.facts.parse_error}"
    if not names:
        return "it has none in subjectAltName"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"it was issued for {', '.join(map(_short, names[:_LISTED]))}{more}"


def _weaknesses(path: Sequence[Parsed]) -> Iterator[Fault]:
    for certificate in path:
        facts = certificate.facts
        if not (facts.key_type and facts.not_before and facts.not_after):
            # Whose strength or end nobody can tell is not ok, though OpenSSL may read it.
            detail = f"{_title(path, certificate)}: it cannot be read: {facts.parse_error}"
            yield Fault(Verdict.WEAK, detail)
        if facts.key_bits and facts.key_bits < _LEAST_BITS.get(facts.key_type, 0):
            code = _KEY_TOO_SMALL if certificate is path[0] else _AUTHORITY_KEY_TOO_SMALL
            detail = f"{_title(path, certificate)}: its {facts.key_type} key has {facts.key_bits} bits only"
            yield Fault(Verdict.WEAK, detail, code)
        is_root = certificate is path[-1] and certificate.self_issued
        # Nobody relies on a root's own signature.
        if certificate.signature_hash in _BROKEN_HASHES and not is_root:
            detail = f"{_title(path, certificate)}: it is signed with {certificate.signature_hash}"
            yield Fault(Verdict.WEAK, detail, _HASH_TOO_WEAK)


def _version_faults(tls_version: str) -> Iterator[Fault]:
    if tls_version not in _STRONG_VERSIONS:
        yield Fault(Verdict.WEAK, f"the server speaks {tls_version} at most, not TLS 1.2 or 1.3")


def _earliest_end(path: Sequence[Parsed]) -> datetime | None:
    ends = [certificate.facts.not_after for certificate in path]
    known = [end for end in ends if end]
    return min(known) if len(known) == len(ends) else None


def _title(path: Sequence[Parsed], certificate: Parsed) -> str:
    return (
        "certificate"
        if certificate is path[0]
        else f"authority {_short(certificate.facts.subject)}"
    )


def _short(text: str) -> str:
    """Cut what only a hostile certificate makes so long."""
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
