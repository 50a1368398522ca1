"""Certificates in files on this host, PEM or DER, as certbot and people lay them down.

What is named plainly must hold a certificate, else that is a failure. In a folder, and behind a glob,
what holds none is passed over; keys are not even opened there.
"""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import has_magic, iglob
from itertools import islice
from pathlib import Path

from registry.certificate_files import CertificateFile
from registry.x509 import read_certificate

_MOST_FILES, _MOST_FOLDERS = 1000, 10_000
_MOST_BYTES = 1 << 20
_MOST_ISSUERS = 10  # an honest chain has three; a bundle of roots is no chain
_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".cert", ".der"})
_KEY = re.compile(r"privkey|private|[._-]key\b", re.IGNORECASE)
_PEM = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END (?:X509 )?CERTIFICATE-----"
)
_DER = b"\x30"


@dataclass(frozen=True, slots=True)
class _File:
    """What a file holds: certificates in DER, in its order, or why that cannot be said."""

    path: Path
    chain: tuple[bytes, ...] = ()
    failure: str = ""

    def known(self) -> CertificateFile:
        """Tell of its first certificate; the others stand behind it."""
        place = str(self.path).encode(errors="backslashreplace").decode()
        if self.failure:
            return CertificateFile(place, failure_detail=self.failure)
        if not self.chain:
            return CertificateFile(place, failure_detail="it holds no certificate, PEM or DER")
        leaf = read_certificate(self.chain[0]).facts
        if leaf.not_after is None:
            why = f"its certificate cannot be read: {leaf.parse_error}"
            return CertificateFile(place, failure_detail=why)
        return CertificateFile(place, leaf, self.chain[1 : _MOST_ISSUERS + 1])


def read_files(patterns: Iterable[str]) -> list[CertificateFile]:
    """Read what files, folders and globs name, at most a thousand files; each place once, none raises."""
    known: dict[str, CertificateFile] = {}
    for pattern in patterns:
        for file in _files(pattern):
            if len(known) >= _MOST_FILES:
                why = f"more than {_MOST_FILES} files: not all of them are read"
                return [*known.values(), CertificateFile(pattern, failure_detail=why)]
            one = file.known()
            known[one.path] = one
    return [*known.values()]


def _files(pattern: str) -> Iterator[_File]:
    if has_magic(pattern):
        return _matching(pattern)
    path = Path(pattern)
    return _below(path) if _is_folder(path) else iter([_read(path)])


def _matching(pattern: str) -> Iterator[_File]:
    # Path.glob wants its pattern relative to a folder.
    found = iglob(pattern, recursive=True)  # noqa: PTH207
    paths = sorted(map(Path, islice(found, _MOST_FILES + 1)))
    if not paths:
        yield _File(Path(pattern), failure="nothing matches it, or its folder may not be read")
    yield from _holding([path for path in paths if not _is_folder(path)])
    for path in filter(_is_folder, paths):
        yield from _below(path)


def _below(folder: Path) -> Iterator[_File]:
    """Read a folder and those in it; links to files are followed, as certbot makes them."""
    closed: list[OSError] = []
    for path, _, names in islice(os.walk(folder, onerror=closed.append), _MOST_FOLDERS):
        files = [Path(path, name) for name in sorted(names)]
        yield from _holding([file for file in files if file.suffix.lower() in _SUFFIXES])
    for error in closed:
        yield _File(Path(error.filename), failure=str(error.strerror))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises where the folder above is closed


def _holding(paths: Sequence[Path]) -> Iterator[_File]:
    """Read those that hold certificates; of a folder's files that hold the same, the fullest.

    Certbot's cert.pem and chain.pem say what fullchain.pem does: one expiry is told of once.
    """
    read = paths[: _MOST_FILES + 1]
    files = [_read(path) for path in read if not _KEY.search(path.name)]
    fullest: dict[Path, list[_File]] = {}
    for file in sorted(files, key=lambda file: -len(file.chain)):
        told = fullest.setdefault(file.path.parent, [])
        if file.failure or (file.chain and not any(_is_within(file, other) for other in told)):
            told.append(file)
    for told in fullest.values():
        yield from sorted(told, key=lambda file: file.path)


def _is_within(file: _File, other: _File) -> bool:
    return set(file.chain) <= set(other.chain)


def _read(path: Path) -> _File:
    try:
        content = _content(path)
    except OSError as error:
        return _File(path, failure=error.strerror or str(error))
    except ValueError as error:
        return _File(path, failure=str(error))
    return _File(path, tuple(_certificates(content)))


def _content(path: Path) -> bytes:
    # Opened first, then judged: a name may change what it means. A pipe must not make us wait.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    return content


def _certificates(content: bytes) -> Iterator[bytes]:
    if content.startswith(_DER):
        yield content
    for block in _PEM.findall(content):
        try:
            yield b64decode(b"".join(block.split()), validate=True)
        except ValueError:  # still a certificate, if a broken one: the facts say so
            yield b""
