from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from collector.certificate_files import read_files
from registry.certificate_files import CertificateFile
from tests.parts.tls import Authority, Identity

ROOT = Authority.create()
BELOW = ROOT.intermediate()


def laid_down(folder: Path, identity: Identity, number: int = 1) -> Path:
    """Lay an identity down as certbot does: links in live/ to numbered files in archive/."""
    archive, live = folder / "archive" / "example.test", folder / "live" / "example.test"
    pem = [each.public_bytes(Encoding.PEM) for each in (identity.certificate, *identity.sent)]
    contents = {
        "cert": pem[0],
        "chain": b"".join(pem[1:]),
        "fullchain": b"".join(pem),
        "privkey": identity.pem().partition(b"-----BEGIN CERT")[0],
    }
    live.mkdir(parents=True, exist_ok=True)
    archive.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (archive / f"{name}{number}.pem").write_bytes(content)
        link = live / f"{name}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../archive/example.test/{name}{number}.pem")
    (live / "README").write_text("This directory contains your keys and certificates.")
    return live.parent


def failure_at(place: Path | str) -> str:
    """What is said of one place that is named plainly."""
    (known,) = read_files([str(place)])
    assert (known.path, known.certificate) == (str(place), None)
    return known.failure_detail


def fingerprint_of(known: CertificateFile) -> str:
    assert known.certificate, known.failure_detail
    return known.certificate.fingerprint


def test_of_certbots_folder_each_lineage_is_told_of_once_with_its_whole_chain(
    tmp_path: Path,
) -> None:
    identity = BELOW.issue(["example.test", "www.example.test"])
    live = laid_down(tmp_path, identity)
    (known,) = read_files([str(live)])
    assert known.path == f"{live}/example.test/fullchain.pem"
    assert known.certificate
    assert known.certificate.sans == ("example.test", "www.example.test")
    assert known.issuers == identity.chain[1:]


def test_a_renewal_lies_at_the_same_place(tmp_path: Path) -> None:
    first, second = BELOW.issue(["example.test"]), BELOW.issue(["example.test"])
    laid_down(tmp_path, first)
    live = laid_down(tmp_path, second, number=2)
    (known,) = read_files([str(live)])
    assert known.path == f"{live}/example.test/fullchain.pem"
    assert fingerprint_of(known) == second.fingerprint


def test_a_glob_takes_what_holds_certificates(tmp_path: Path) -> None:
    identity = BELOW.issue(["example.test"])
    live = laid_down(tmp_path, identity)
    known = read_files([f"{live}/*/cert.pem", f"{live}/*/*.pem"])
    assert {Path(one.path).name for one in known} == {"cert.pem", "fullchain.pem"}


def test_der_and_pem_with_a_key_before_it_are_read(tmp_path: Path) -> None:
    identity = ROOT.issue(["example.test"])
    der, pem = tmp_path / "a.der", tmp_path / "haproxy.pem"
    der.write_bytes(identity.chain[0])
    pem.write_bytes(b"a comment that openssl x509 -text writes\n" + identity.pem())
    known = read_files([str(der), str(pem)])
    assert [fingerprint_of(one) for one in known] == [identity.fingerprint] * 2


def test_keys_in_a_folder_are_not_opened(tmp_path: Path) -> None:
    identity = BELOW.issue(["example.test"])
    live = laid_down(tmp_path, identity)
    key = live / "example.test" / "privkey.pem"
    key.unlink()
    os.mkfifo(key)  # it would say that it is no file
    (live / "example.test" / "web.key.pem").mkdir()
    (known,) = read_files([str(live)])
    assert fingerprint_of(known) == identity.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.pem", b"", "it holds no certificate, PEM or DER"),
        ("big.pem", b"x" * ((1 << 20) + 1), "it is larger than 1 MiB"),
        ("broken.der", b"\x30\x03\x01\x02\x03", "its certificate cannot be read: "),
        (
            "broken.pem",
            b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
            "its certificate cannot be read: ",
        ),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert failure_at(tmp_path / name).startswith(told)


def test_what_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pem")
    assert failure_at(tmp_path / "gone.pem") == "No such file or directory"
    assert failure_at(tmp_path / "pipe.pem") == "it is no regular file"
    assert failure_at(f"{tmp_path}/*.crt") == ("nothing matches it, or its folder may not be read")


def test_a_link_in_a_folder_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").symlink_to("../archive/cert1.pem")
    (known,) = read_files([str(tmp_path)])
    assert (known.path, known.failure_detail) == (
        f"{tmp_path}/cert.pem",
        "No such file or directory",
    )


@contextmanager
def no_longer_root() -> Iterator[None]:
    """Be nobody for a while, whom a folder's mode holds back."""
    was = os.geteuid()
    os.seteuid(65534 if was == 0 else was)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_folder_that_may_not_be_read_is_told() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        live = laid_down(Path(folder), BELOW.issue(["example.test"]))
        for mode, closed in ((0o711, live), (0o711, live / "example.test")):
            live.chmod(mode)
            closed.chmod(0o000)
            with no_longer_root():
                assert failure_at(closed) == "Permission denied"


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "loop.pem").symlink_to("loop.pem")
    (known,) = read_files([str(tmp_path)])
    assert known.failure_detail == "Too many levels of symbolic links"


def test_a_name_that_is_no_text_can_be_stored(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pem")).write_bytes(b"")
    identity = ROOT.issue(["example.test"])
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe.pem")).write_bytes(identity.pem())
    (known,) = read_files([str(tmp_path)])
    assert known.path == f"{tmp_path}/\\udcfe.pem"


def test_a_thousand_files_are_read_and_the_rest_is_told_of(tmp_path: Path) -> None:
    pem = [ROOT.issue([f"{number}.test"]).pem() for number in range(3)]
    for number in range(1002):
        folder = tmp_path / str(number)  # in one folder they would be the same
        folder.mkdir()
        (folder / "cert.pem").write_bytes(pem[number % 3])
    known = read_files([str(tmp_path)])
    assert len(known) == 1001
    assert known[-1].failure_detail == "more than 1000 files: not all of them are read"


def test_a_hostile_file_costs_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n" * 37_000)
    before = datetime.now(UTC)
    assert failure_at(tmp_path / "a.pem") == "it holds no certificate, PEM or DER"
    assert (datetime.now(UTC) - before).total_seconds() < 2
