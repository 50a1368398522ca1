"""Bytes on their way: how many, how fast, told on a terminal; and a file that appears whole."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from cli.faults import BadInput

_UNITS = ("KiB", "MiB", "GiB", "TiB")
_TOLD_EVERY = 0.2


def size(count: int) -> str:
    """Write a number of bytes in the largest unit that it holds once: `900 B`, `1.5 MiB`."""
    amount, unit = float(count), "B"
    for larger in _UNITS:
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


class Progress:
    """Counts bytes, and tells them on stderr where that is a terminal."""

    def __init__(self, total: int | None = None) -> None:
        self.count = 0
        self._total = total
        self._began = self._told = time.monotonic()
        self._shown = sys.stderr.isatty()

    def add(self, count: int) -> None:
        """Count some bytes more."""
        self.count += count
        now = time.monotonic()
        if self._shown and now - self._told >= _TOLD_EVERY:
            self._told = now
            self._tell(now - self._began)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:  # the line is left clean for what is said next
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _tell(self, seconds: float) -> None:
        share = f" of {size(self._total)}" if self._total else ""
        rate = size(int(self.count / seconds))
        sys.stderr.write(f"\r\x1b[K{size(self.count)}{share}, {rate}/s")
        sys.stderr.flush()


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a file for us alone that appears under its name only when it is whole and on the disk."""
    if path.exists() and not force:
        raise BadInput(f"{path} exists; --force replaces it")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with _claimed(unfinished) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def _claimed(path: Path) -> Iterator[BinaryIO]:
    """Open an unfinished file; what a killed writer left is written over, a living one's is not.

    Nor is one that lies ready for us in a folder which others may write to: they would read along.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise BadInput(f"{path} belongs to somebody else; remove it")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{path} is being written by another process") from None
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        yield file


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
