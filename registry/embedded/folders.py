"""Makes the folders of the embedded server, each open to no more than it must be."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from registry.embedded.account import Account, closed_folder
from registry.embedded.layout import EmbeddedError, Layout

_ROLES = "postgres,vsa_owner,vsa,vsa_grafana"


def prepare(data_dir: Path, account: Account) -> Layout:
    """Make the folders below `data_dir`; EmbeddedError when `account` cannot live there."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        layout = Layout(data_dir.resolve())
        _let_enter(layout.root, account)
        private_folder(layout.sockets, account)
        _write_access(layout)
    except OSError as error:
        raise EmbeddedError(f"cannot use the data folder {data_dir}: {error}") from None
    return layout


def private_folder(path: Path, account: Account) -> None:
    """Make `path` a folder of `account` alone; EmbeddedError when it is somebody else's."""
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.uid}:
        raise EmbeddedError(f"{path} belongs to another user; remove it, for it must be ours alone")
    if account.drops:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    path.chmod(0o700)


def _let_enter(root: Path, account: Account) -> None:
    """Let the account pass the data folder itself; the folders above it are not ours to open."""
    closed = closed_folder(root, account)
    if closed == root:
        os.chown(root, -1, account.gid)
        root.chmod(root.stat().st_mode | stat.S_IXGRP)
        closed = closed_folder(root, account)
    if closed:
        raise EmbeddedError(
            f"the system user {account.name} cannot enter {closed}, on the way to {root}: "
            f"run `chmod o+x {closed}`, or set VSA_DATA_DIR to another folder"
        )


def _write_access(layout: Layout) -> None:
    """Say who may connect: the system user of this process alone, vouched for by the kernel."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    mapping = "".join(f'vsa "{user}" {role}\n' for role in _ROLES.split(","))
    layout.config.mkdir(exist_ok=True)
    layout.config.chmod(0o755)
    _write(layout.hba, f"local all {_ROLES} peer map=vsa\n")
    _write(layout.ident, mapping)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)
