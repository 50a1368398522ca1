"""Certificates of every kind for the name that is asked for: good ones, and one for each thing that is wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.collector.tls.asking import NAME, World
from tests.parts.tls import Authority, Identity, PrivateKey, ec_key, rsa_key, self_signed

IDN = "xn--bcher-kva.test"
ISSUER_URL = "http://issuer.example/ca.crt"


def days(number: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=number)


def certify(
    issuer: Authority,
    subject: x509.Name,
    key: PrivateKey,
    *extensions: tuple[x509.ExtensionType, bool],
    days_left: float = 89,
) -> x509.Certificate:
    """Sign any name and key with any extensions, each with whether it is critical."""
    builder = x509.CertificateBuilder(
        issuer.certificate.subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        days(days_left - 90),
        days(days_left),
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key, hashes.SHA256())


def issued_under(
    issuer: Authority, *extensions: tuple[x509.ExtensionType, bool], name: str = "Odd"
) -> Identity:
    """A good leaf below an authority that has these extensions and no others."""
    key, subject = ec_key(), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    middle = certify(issuer, subject, key, *extensions)
    return Authority(key, middle, (middle,)).issue([NAME])


AUTHORITY = (x509.BasicConstraints(ca=True, path_length=None), True)

# ---------------------------------------------------------------------------- well


def good(world: World) -> Identity:
    return world.issuer.issue([NAME])


def rsa(world: World) -> Identity:
    return world.issuer.issue([NAME], key=rsa_key())


def p384(world: World) -> Identity:
    return world.issuer.issue([NAME], key=ec.generate_private_key(ec.SECP384R1()))


def ed(world: World) -> Identity:
    return world.issuer.issue([NAME], key=ed25519.Ed25519PrivateKey.generate())


def six_days(world: World) -> Identity:
    return world.issuer.issue([NAME], not_before=days(-1), not_after=days(5))


def year(world: World) -> Identity:
    return world.issuer.issue([NAME], not_before=days(-1), not_after=days(397))


def out_of_order(world: World) -> Identity:
    last = world.issuer.intermediate("Last")
    return last.issue([NAME]).sending(world.issuer.certificate, last.certificate)


def with_extras(world: World) -> Identity:
    stranger = Authority.create("Stranger")
    sent = (stranger.certificate, world.issuer.certificate, world.root.certificate)
    return world.issuer.issue([NAME]).sending(*sent, good(world).certificate)


def cross_signed(world: World) -> Identity:
    """The trusted root is sent as an old, expired and unknown one certified it (as in September 2021)."""
    old = Authority.create("Old Root")
    crossed = certify(old, world.root.certificate.subject, world.root.key, AUTHORITY, days_left=-30)
    return good(world).sending(world.issuer.certificate, crossed)


def many_names(world: World) -> Identity:
    return world.issuer.issue([NAME, *(f"host-{number}.example.test" for number in range(2000))])


def ten_megabytes(world: World) -> Identity:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), os.urandom(10_000_000))
    return world.issuer.issue([NAME], extensions=[padding])


def wildcard(world: World) -> Identity:
    return world.issuer.issue([f"*.{NAME}"])


def idn(world: World) -> Identity:
    return world.issuer.issue([IDN])


def address(world: World) -> Identity:
    return world.issuer.issue(["127.0.0.1"])


def permitted(world: World) -> Identity:
    here = x509.NameConstraints([x509.DNSName("test")], [x509.IPAddress(ip_network("10.0.0.0/8"))])
    return world.root.intermediate("Here", extensions=[here]).issue([NAME])


def own(_: World | None = None) -> Identity:
    return self_signed([NAME])


# ---------------------------------------------------------------------------- dates, names, trust


def expired(world: World) -> Identity:
    return world.issuer.issue([NAME], not_before=days(-91), not_after=days(-1))


def not_yet(world: World) -> Identity:
    return world.issuer.issue([NAME], not_before=days(1), not_after=days(91))


def under_an_expired_authority(world: World) -> Identity:
    return world.root.intermediate("Old", not_after=days(-1)).issue([NAME])


def of_another(world: World) -> Identity:
    return world.issuer.issue(["else.test"])


def nameless(world: World) -> Identity:
    return world.issuer.issue([], common_name=NAME)


def nul(world: World) -> Identity:
    return world.issuer.issue([f"{NAME}\0.evil.test"])


def stranger(_: World) -> Identity:
    return Authority.create("Stranger").issue([NAME])


def stranger_with_root(_: World) -> Identity:
    authority = Authority.create("Stranger")
    return authority.issue([NAME]).sending(authority.certificate)


def namesake(_: World) -> Identity:
    return Authority.create().intermediate().issue([NAME])


def alone(world: World) -> Identity:
    return good(world).sending()


def alone_but_fetchable(world: World) -> Identity:
    return world.issuer.issue([NAME], ca_issuers=ISSUER_URL).sending()


# ---------------------------------------------------------------------------- paths


def elsewhere(world: World) -> Identity:
    there = x509.NameConstraints([x509.DNSName("other.test")], None)
    return world.root.intermediate("Elsewhere", extensions=[there]).issue([NAME])


def excluded(world: World) -> Identity:
    not_here = x509.NameConstraints(None, [x509.DNSName(NAME)])
    return world.root.intermediate("Not here", extensions=[not_here]).issue([NAME])


def for_clients(world: World) -> Identity:
    return world.issuer.issue([NAME], extensions=[_usage(ExtendedKeyUsageOID.CLIENT_AUTH)])


def under_an_authority_for_clients(world: World) -> Identity:
    return issued_under(world.root, AUTHORITY, (_usage(ExtendedKeyUsageOID.CLIENT_AUTH), False))


def path_too_long(world: World) -> Identity:
    last = world.root.intermediate("Last", path_length=0)
    return last.intermediate("One more").issue([NAME])


def under_a_leaf(world: World) -> Identity:
    leaf = world.issuer.issue(["not-an-authority.test"])
    return Authority(leaf.key, leaf.certificate, (leaf.certificate, *leaf.sent)).issue([NAME])


def under_no_authority(world: World) -> Identity:
    return issued_under(world.root, (x509.BasicConstraints(ca=False, path_length=None), True))


def under_one_that_may_not_sign(world: World) -> Identity:
    usage = dict.fromkeys(_KEY_USAGES, False) | {"digital_signature": True}
    return issued_under(world.root, AUTHORITY, (x509.KeyUsage(**usage), True))


def of_unknown_demands(world: World) -> Identity:
    key, demand = ec_key(), x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    leaf = certify(world.issuer, subject, key, (names, False), (demand, True))
    return Identity(key, leaf, world.issuer.sent)


def forged(world: World) -> Identity:
    """The last bit of the issuer's signature is another."""
    identity = good(world)
    der = bytearray(identity.certificate.public_bytes(Encoding.DER))
    der[-1] ^= 1
    return Identity(identity.key, x509.load_der_x509_certificate(bytes(der)), identity.sent)


_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _usage(purpose: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([purpose])


# ---------------------------------------------------------------------------- weak


def short_rsa(world: World) -> Identity:
    return world.issuer.issue([NAME], key=rsa_key(1024))


def under_a_short_curve(world: World) -> Identity:
    key = ec.generate_private_key(ec.SECP192R1())
    return world.root.intermediate("Curve", key=key).issue([NAME])


def under_a_short_key(world: World) -> Identity:
    return world.root.intermediate("Short", key=rsa_key(1024)).issue([NAME])


def sha1(world: World) -> Identity:
    return world.issuer.issue([NAME], sha1=True)


def all_wrong(_: World) -> Identity:
    return Authority.create("Stranger").issue(
        ["else.test"],
        key=rsa_key(1024),
        sha1=True,
        not_before=days(-91),
        not_after=days(-1),
    )
