"""One `vsa up` a data folder: a lock that the kernel drops with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli.faults import BadInput


@contextmanager
def claim(data_dir: Path) -> Iterator[bool]:
    """Hold the data folder, made where it is missing; BadInput names the process that has it.

    Yields whether the one before was killed, so that its programs may still be ending.
    """
    with _opened(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = lock.read().strip() or "unknown"
            raise BadInput(
                f"`vsa up` runs already on {data_dir}, as process {owner}; "
                "stop it, or set VSA_DATA_DIR to another folder"
            ) from None
        was_killed = bool(lock.read())
        _write(lock, str(os.getpid()))
        try:
            yield was_killed
        finally:
            _write(lock, "")


def _opened(data_dir: Path) -> TextIO:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadInput(
            f"cannot use the data folder {data_dir}: {error.strerror}; set VSA_DATA_DIR"
        ) from None
    return os.fdopen(descriptor, "r+")


def _write(lock: TextIO, text: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()
