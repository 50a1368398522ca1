"""Certificates in a file that a person names: PEM or DER in, PEM out, and never a key."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from cli.faults import BadInput
from cli.options import read_file

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_DER_SEQUENCE = b"\x30"


def read_certificates(file: Path) -> str:
    """Return the certificates of a file as PEM; a key that lies beside them stays where it is."""
    content = read_file("FILE", file)
    if blocks := _BLOCK.findall(content):
        return "".join(f"{block.decode('ascii', 'replace')}\n" for block in blocks)
    if content.startswith(_DER_SEQUENCE):
        return ssl.DER_cert_to_PEM_cert(content)
    raise BadInput(f"FILE: {file} holds no certificate, neither as PEM nor as DER")
