from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from cli import dotenv
from cli.faults import BadInput
from cli.secret_rules import SECRETS, faults, new_secret
from cli.secrets import check, init
from registry.settings import read_settings
from tests.cli.person import ROOT, Person

EXAMPLE = ROOT / "compose/.env.example"
DOMAIN = "dash.example.com"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_bytes(EXAMPLE.read_bytes())
    return tmp_path / ".env"


@pytest.fixture
def made(file: Path) -> Path:
    init(file, domain=DOMAIN, docker_gid="998")
    return file


def values(file: Path) -> dict[str, str]:
    return dotenv.read(file.read_text())


def good() -> dict[str, str]:
    secrets = {name: new_secret() for name in SECRETS}
    return {**secrets, "DASHBOARD_DOMAIN": DOMAIN, "DOCKER_GID": "0"}


# ---------------------------------------------------------------------------- init


def test_a_new_file_passes_the_check_and_is_its_owner_s_alone(made: Path) -> None:
    check(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert values(made)["DASHBOARD_DOMAIN"] == DOMAIN


def test_a_new_file_keeps_every_word_of_the_example(made: Path) -> None:
    comments = [line for line in EXAMPLE.read_text().splitlines() if line.startswith("#")]
    assert [line for line in made.read_text().splitlines() if line.startswith("#")] == comments


def test_every_secret_has_256_bits_of_its_own(made: Path) -> None:
    secrets = [values(made)[name] for name in SECRETS]
    assert len(set(secrets)) == len(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)


def test_the_programs_take_what_was_made(made: Path) -> None:
    settings = read_settings(values(made))
    assert settings.proxy_token
    assert settings.secret_key


def test_a_second_run_changes_nothing(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = made.read_bytes()
    init(made, domain="other.example.com", docker_gid="1")
    assert made.read_bytes() == before
    assert "nothing was missing" in capsys.readouterr().err


def test_what_is_set_is_kept_and_what_is_not_is_made(file: Path) -> None:
    file.write_text(
        "# mine\nVSA_API_TOKEN=kept\nVSA_PROXY_TOKEN=\nVSA_SECRET_KEY=change-me # now\n"
    )
    init(file, domain=DOMAIN)
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# mine", "VSA_API_TOKEN=kept"]
    assert len(values(file)["VSA_PROXY_TOKEN"]) == len(values(file)["VSA_SECRET_KEY"]) == 64
    assert sum("VSA_PROXY_TOKEN" in line for line in lines) == 1
    assert "DOCKER_GID" not in values(file)


def test_a_file_from_before_the_exporter_s_role_goes_on_as_it_is(file: Path) -> None:
    before = {name: value for name, value in good().items() if name != "VSA_EXPORTER_PASSWORD"}
    file.write_text("".join(f"{name}={value}\n" for name, value in before.items()))
    check(file)
    init(file)
    assert values(file) == before


def test_the_exporter_s_password_is_made_where_its_line_is_empty(file: Path) -> None:
    file.write_text("VSA_EXPORTER_PASSWORD=\n")
    init(file)
    assert len(values(file)["VSA_EXPORTER_PASSWORD"]) == 64


def test_without_an_example_the_secrets_are_written_alone(tmp_path: Path) -> None:
    init(tmp_path / "env", domain=DOMAIN, docker_gid="0")
    assert set(values(tmp_path / "env")) == {*SECRETS, "DASHBOARD_DOMAIN", "DOCKER_GID"}


def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    file.symlink_to(tmp_path / "env/.env")
    init(file, domain=DOMAIN, docker_gid="0")
    assert file.is_symlink()
    check(tmp_path / "env/.env")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_written_by_root_it_belongs_to_its_folder_s_owner(file: Path, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    init(file)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1235)
    os.chown(file, 1236, 1237)
    init(file, domain=DOMAIN)
    assert (file.stat().st_uid, file.stat().st_gid) == (1236, 1237)


@pytest.mark.parametrize("domain", ["dash", "https://dash.example.com", "Dash.Example.com", "a..b"])
def test_a_domain_that_is_none_is_refused_and_nothing_written(file: Path, domain: str) -> None:
    with pytest.raises(BadInput, match="--domain: must be a DNS name"):
        init(file, domain=domain)
    assert not file.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none/\.env: No such file or directory"):
        init(tmp_path / "none/.env")


def test_no_secret_is_said(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "".join(capsys.readouterr())
    assert not [name for name in SECRETS if values(made)[name] in said]


# ---------------------------------------------------------------------------- check


def test_the_example_itself_is_refused_in_one_message_with_the_way_out() -> None:
    with pytest.raises(BadInput) as refused:
        check(EXAMPLE)
    said = str(refused.value)
    assert all(f"{name}: is still a placeholder" in said for name in SECRETS)
    assert "DOCKER_GID: is still a placeholder" in said
    assert "docker compose run --rm secrets init --domain" in said


def test_a_file_that_is_not_there_lacks_everything(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="POSTGRES_PASSWORD: is missing"):
        check(tmp_path / ".env")


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("POSTGRES_PASSWORD", "", "is missing"),
        ("POSTGRES_PASSWORD", "CHANGE_ME", "is still a placeholder"),
        ("POSTGRES_PASSWORD", "please-change-me-soon", "is still a placeholder"),
        ("VSA_SECRET_KEY", "a1b2c3d4e5f6g7h", "must have at least 16 characters"),
        ("VSA_SECRET_KEY", "abababababababababab", "can be guessed"),
        ("VSA_OWNER_PASSWORD", "p@ss/word?with#signs:", "must hold only A-Z, a-z, 0-9 and . _ ~ -"),
        ("DASHBOARD_DOMAIN", "localhost", "must be a DNS name in lower case"),
        ("DOCKER_GID", "staff", "must be a number"),
    ],
)
def test_each_fault_is_named_without_the_value(name: str, value: str, fault: str) -> None:
    (said,) = faults({**good(), name: value})
    assert said.startswith(f"{name}: {fault}")
    assert not value or value not in said.removeprefix(name)


def test_two_doors_do_not_share_a_key() -> None:
    shared = good() | dict.fromkeys(("VSA_API_TOKEN", "VSA_SECRET_KEY"), "one-for-both-doors-2026")
    assert faults(shared) == ["VSA_SECRET_KEY: must differ from VSA_API_TOKEN"]


def test_the_command_ends_with_code_2_or_0(made: Path, tmp_path: Path) -> None:
    person = Person({})
    assert person.vsa("secrets", "check", str(made)).code == 0
    refused = person.vsa("secrets", "check", str(tmp_path / "none"))
    assert refused.code == 2
    assert "vsa: the stack does not start with these settings:" in refused.err


# ---------------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A = spaced ", "spaced"),
        ("A='a # b' # comment", "a # b"),
        ('A="quoted"', "quoted"),
        ("A=a#b # comment", "a#b"),
        ("A= # comment", ""),
        ("A=", ""),
    ],
)
def test_a_value_is_read_as_compose_does(line: str, value: str) -> None:
    assert dotenv.read(line) == {"A": value}


def test_a_comment_sets_nothing() -> None:
    assert dotenv.read("#A=1\n# A=2\n\nnonsense\n") == {}
