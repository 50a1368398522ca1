"""PostgreSQL's own client programs: found, judged by version, told where to connect, run."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo

from registry.embedded.binaries import shipped_programs
from registry.session import driver_url

_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")
_TAIL_BYTES = 4096


class ClientError(Exception):
    """A client program is missing, too old, or failed; the message says which and why."""

    def __init__(self, message: str, *, is_connection: bool = False) -> None:
        super().__init__(message)
        self.is_connection = is_connection


@dataclass(frozen=True, slots=True)
class Clients:
    """A folder that holds pg_dump, pg_restore and psql of one version."""

    folder: Path
    version: str
    major: int

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command of one of them."""
        return [str(self.folder / program), *arguments]


def find_clients() -> list[Clients]:
    """Return those on PATH and those that came with the embedded server, the oldest version first."""
    on_path = shutil.which("pg_dump")
    folders = [Path(on_path).parent] if on_path else []
    shipped = shipped_programs()
    folders += [shipped] if shipped else []
    found = [clients for folder in folders if (clients := _judge(folder))]
    return sorted(found, key=lambda clients: clients.major)


def clients_for(server_version: str) -> Clients:
    """Return the oldest that are at least as new as the server: what they write, most can read."""
    server, found = int(re.split(r"\D", server_version)[0]), find_clients()
    able = [clients for clients in found if clients.major >= server]
    if able:
        return able[0]
    have = f"pg_dump {found[-1].version} is older than" if found else "no pg_dump is here for"
    raise ClientError(
        f"{have} the server, PostgreSQL {server_version}; install postgresql-client-{server} "
        "or newer, or use this product's image"
    )


def newest_clients() -> Clients:
    """Return the newest: they read what any older wrote."""
    if found := find_clients():
        return found[-1]
    raise ClientError(
        "no pg_restore is here; install postgresql-client, or use this product's image"
    )


def _judge(folder: Path) -> Clients | None:
    if not all((folder / name).exists() for name in ("pg_dump", "pg_restore", "psql")):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a program that PATH or the wheel has
            [folder / "pg_dump", "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:  # of another machine, or not to be run
        return None
    match = _VERSION.search(said)
    return Clients(folder, match[1], int(match[2])) if match else None


@contextmanager
def connection_string(url: str, program: str) -> Iterator[str]:
    """Yield how libpq reaches `url`: as an argument, which everybody can read, so without password.

    That lies in a file for us alone while we are inside.
    """
    target = driver_url(url, program, {})
    _, given = target.get_dialect()().create_connect_args(target)
    if "sslpassword" in given:
        raise ClientError(
            "sslpassword in a URL would show in the list of processes: use a bare key"
        )
    password = given.pop("password", None)
    with tempfile.TemporaryDirectory(prefix="vsa-") as folder:
        if password is not None:
            file = Path(folder) / "password"
            file.touch(mode=0o600)
            escaped = re.sub(r"([\\:])", r"\\\1", password)
            file.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
            given["passfile"] = str(file)
        yield make_conninfo(**given)


@contextmanager
def running(
    command: Sequence[str], *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client program inside; ClientError when it fails. It never outlives us."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=said)  # noqa: S603
        except OSError as error:
            raise ClientError(f"cannot run {command[0]}: {error.strerror}") from None
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                with suppress(OSError):  # what was not written yet is not wanted any more
                    close_input(process)
                raise
            code = process.wait()
        if code:
            raise _failure(Path(command[0]).name, code, said)


def close_input(process: subprocess.Popen[bytes]) -> None:
    """Tell a client program that nothing more comes."""
    if process.stdin:
        process.stdin.close()


def _failure(program: str, code: int, said: IO[bytes]) -> ClientError:
    """Take the first line that tells an error from what the program said."""
    said.seek(0)
    lines = said.read(_TAIL_BYTES).decode(errors="replace").splitlines()
    telling = [line for line in lines if re.search(r"error|ERROR|FATAL", line)] or lines
    reason = telling[0].removeprefix(f"{program}: ") if telling else f"exit code {code}"
    details = [line.removeprefix("DETAIL:").strip() for line in lines if line.startswith("DETAIL:")]
    reason = ": ".join([reason, *details[:1]])
    lost = re.search(r"connection to server|server closed the connection|terminating conn", reason)
    return ClientError(f"{program} failed: {reason}", is_connection=lost is not None)
