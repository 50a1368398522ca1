from __future__ import annotations

import socket
from pathlib import Path

from cli.local_engine import engine_trouble
from tests.cli.conftest import paper_engine
from tests.parts.engine_world import World


def test_an_engine_that_answers_has_no_trouble(tmp_path: Path) -> None:
    with paper_engine(World(), tmp_path / "docker.sock") as url:
        assert engine_trouble(url) is None


def test_an_engine_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert engine_trouble(f"unix://{tmp_path}/none") == "no such socket"
    assert "only unix://" in (engine_trouble("tcp://127.0.0.1:2375") or "")


def test_a_socket_that_nobody_listens_on_is_no_engine(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "socket"))
    trouble = engine_trouble(f"unix://{tmp_path}/socket")
    assert trouble == "nobody listens there; is Docker stopped?"
