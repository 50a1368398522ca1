from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from registry.embedded.layout import Layout


def socket_path_bytes(layout: Layout) -> int:
    return len(os.fsencode(layout.sockets / ".s.PGSQL.5432"))


def test_the_socket_lives_below_the_data_folder() -> None:
    assert Layout(Path("/var/lib/vsa")).sockets == Path("/var/lib/vsa/run")


def test_a_path_that_just_fits_a_socket_is_used() -> None:
    root = Path("/" + "x" * 88)
    assert socket_path_bytes(Layout(root)) == 107
    assert Layout(root).sockets.parent == root


@pytest.mark.parametrize("name", ["x" * 89, "with space", "a,b", "zoë", "a'b", "50%"])
def test_a_path_that_no_socket_may_have_gets_a_short_one_elsewhere(name: str) -> None:
    layout = Layout(Path("/", name))
    assert layout.sockets.parent in {Path("/run"), Path("/tmp")}
    assert socket_path_bytes(layout) < 60


def test_the_short_one_is_stable_and_its_own() -> None:
    one, other = Layout(Path("/a b")), Layout(Path("/a c"))
    assert one.sockets == Layout(Path("/a b")).sockets
    assert one.sockets != other.sockets


def test_a_url_names_role_database_and_socket() -> None:
    url = make_url(Layout(Path("/data")).url("vsa", "vsa"))
    assert (url.username, url.password, url.database) == ("vsa", None, "vsa")
    assert url.query == {"host": "/data/run"}
