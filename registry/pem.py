"""Certificates that people hand in as PEM."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry.errors import FieldFault, Invalid
from registry.x509 import REFUSALS


def read_chain(field: str, text: str) -> tuple[bytes, ...]:
    """Return the certificates of a PEM text in their order, as DER; never empty.

    Raises Invalid, naming the field, for anything else, and for a private key among them: none is to
    lie where only certificates are looked for.
    """
    if "PRIVATE KEY-----" in text:
        raise refused(field, "must hold certificates only, and no private key")
    try:
        with warnings.catch_warnings():  # of odd but readable contents
            warnings.simplefilter("ignore")
            found = x509.load_pem_x509_certificates(text.encode())
    except REFUSALS:
        raise refused(field, "must be certificates as PEM: -----BEGIN CERTIFICATE-----…") from None
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def refused(field: str, message: str) -> Invalid:
    """Say why a certificate that was handed in is not taken."""
    return Invalid((FieldFault(field, "certificate", message),))
