from __future__ import annotations

import socket
from pathlib import Path

from cli.local_engine import engine_trouble, node_name, same_engine
from registry.rules import node_name as valid_name
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


def test_a_link_leads_to_the_same_engine(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    assert same_engine(f"unix://{tmp_path}/var/d.sock", f"unix://{tmp_path}/run/d.sock")
    assert not same_engine(f"unix://{tmp_path}/var/d.sock", f"unix://{tmp_path}/run/e.sock")


def test_a_name_is_valid_and_not_taken() -> None:
    first = node_name(set())
    assert valid_name(first) == first
    assert node_name({first}) == f"{first}-2"
    assert node_name({first, f"{first}-2"}) == f"{first}-3"
