from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.conftest import paper_engine
from tests.cli.person import VSA, Home, wait_gone
from tests.end_to_end.house import wait_for
from tests.parts.engine_world import World
from tests.parts.postgres import short_folder

PROGRAMS = ("api", "collector", "exporter")


@pytest.fixture(scope="module")
def fresh() -> Iterator[Home]:
    """A home in which no test has changed anything but what it undid."""
    with short_folder("vsa-up-") as folder:
        home = Home(folder)
        home.begin()
        try:
            yield home
        finally:
            home.end()


def test_it_says_where_everything_is_and_what_to_try(fresh: Home) -> None:
    said = fresh.said()
    for part in (
        f"http://127.0.0.1:{fresh.api_port}/api",
        f"http://127.0.0.1:{fresh.exporter_port}/metrics",
        str(fresh.data / "token"),
        "no engine at unix://",
        "domain add example.com",
        "credentials_file:",
    ):
        assert part in said


def test_without_docker_status_says_what_is_missing(fresh: Home) -> None:
    said = fresh.vsa("status")
    assert said.code == 0
    assert "Nothing is watched yet." in said.out
    assert f"no engine at {fresh.environment['VSA_DOCKER_HOST']}: no such socket" in said.out
    assert "vsa domain add example.com" in said.out


def test_its_token_is_closed_to_others(fresh: Home) -> None:
    token = fresh.data / "token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert len(token.read_text().strip()) >= 32


def test_a_second_one_on_the_same_data_is_refused_by_name(fresh: Home) -> None:
    said = fresh.vsa("up")
    assert (said.code, said.out) == (2, "")
    assert f"as process {fresh.up.pid};" in said.err


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_killed_comes_back(fresh: Home, program: str) -> None:
    words = ("--supervised", program)
    first = fresh.process(*words)
    assert first
    os.kill(first, signal.SIGKILL)
    wait_for(f"another {program}", lambda: fresh.process(*words) not in {None, first})
    assert f"{program} was killed by signal 9; starting it again" in fresh.said()
    wait_for("all is well again", lambda: fresh.vsa("status").code == 0)


def test_a_database_that_is_killed_comes_back(fresh: Home) -> None:
    words = ("postgres -D", "--max_connections")
    first = fresh.process(*words)
    assert first
    os.kill(first, signal.SIGKILL)
    wait_for("another server", lambda: fresh.process(*words) not in {None, first})
    wait_for("all is well again", lambda: fresh.vsa("status").code == 0)


def test_what_was_registered_outlives_a_kill_and_ctrl_c_leaves_nothing_running() -> None:
    with short_folder("vsa-up-") as folder, paper_engine(World(), folder / "docker.sock") as url:
        home = Home(folder, VSA_DOCKER_HOST=url)
        home.begin()
        assert home.vsa("node", "set", "--label", "kept=yes", node_of(home)).code == 0
        home.end(signal.SIGKILL)
        home.begin()  # at once: the programs of the dead one are still ending
        assert home.vsa("node", "list", "--label", "kept=yes").out.count("\n") == 2
        assert home.end(signal.SIGINT) == 0
        wait_gone(home)


def test_a_local_engine_that_a_person_removed_does_not_come_back() -> None:
    with short_folder("vsa-up-") as folder, paper_engine(World(), folder / "docker.sock") as url:
        home = Home(folder, VSA_DOCKER_HOST=url)
        home.begin()
        assert f"watched as node {node_of(home)}" in home.said()
        assert home.vsa("node", "rm", node_of(home)).code == 0
        home.end()
        home.begin()
        assert "not watched any more" in home.said()
        assert "No node is watched" in home.vsa("node", "list").out
        home.end()


def node_of(home: Home) -> str:
    listing = home.vsa("node", "list", "--json").document()
    assert isinstance(listing, dict)
    name: str = listing["items"][0]["name"]
    return name


@pytest.mark.parametrize("setting", ["VSA_API_LISTEN", "VSA_EXPORTER_LISTEN"])
def test_a_port_in_use_names_the_setting_and_leaves_nothing_running(setting: str) -> None:
    with short_folder("vsa-up-") as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        home = Home(folder, **{setting: address})
        said = home.vsa("up")
        assert said.code == 2
        assert said.err == (
            f"vsa: {address} is in use by another program; set {setting} to another address\n"
        )
        assert not home.processes()


def test_a_database_out_of_reach_is_one_line(home: Home) -> None:
    with short_folder("vsa-up-") as folder:
        url = f"postgresql://vsa@/vsa?host={folder}"
        said = Home(folder, VSA_DATABASE_URL=url).vsa("up")
        assert said.code == 3
        assert said.err.splitlines()[-1].startswith("vsa: cannot reach PostgreSQL: ")
        assert "Traceback" not in said.err


def test_a_stop_while_it_starts_leaves_nothing_running() -> None:
    with short_folder("vsa-up-") as folder:
        home = Home(folder)
        up = subprocess.Popen(
            [*VSA, "up"], env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_for("PostgreSQL is there", lambda: home.process("postgres -D"))
        up.send_signal(signal.SIGTERM)
        _, said = up.communicate(timeout=40)
        assert b"Traceback" not in said
        assert up.returncode == 0
        wait_gone(home)
