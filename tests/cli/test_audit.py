from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.person import Home


@pytest.fixture
def exported(home: Home, tmp_path: Path) -> Path:
    """The whole trail, of four entries at least, as NDJSON."""
    for name in ("spare-1", "spare-2"):
        home.rest("POST", "/nodes", {"name": name, "docker_url": "unix:///x", "enabled": False})
        home.rest("DELETE", f"/nodes/{name}")
    path = tmp_path / "trail.ndjson"
    path.write_bytes(home.rest("GET", "/audit-logs/export?format=ndjson").content)
    return path


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def test_changes_are_listed_with_their_actor_the_newest_first(home: Home, exported: Path) -> None:
    said = home.vsa("audit", "list", "--limit", "1", "--since", "1h")
    assert said.code == 0, said.err
    header, entry = said.out.splitlines()
    assert header.split() == ["#", "time", "actor", "action", "target", "from"]
    assert tuple(entry.split()[4:7]) == ("first", "node.delete", "node/spare-2")


def test_filters_pick_entries(home: Home, exported: Path) -> None:
    said = home.vsa(
        "audit", "list", "--action", "node.delete", "--target", "node/spare-1", "--json"
    )
    document = said.document()
    assert isinstance(document, dict)
    assert {entry["target"] for entry in document["items"]} == {"node/spare-1"}


def test_the_trail_of_the_api_is_whole(home: Home, exported: Path) -> None:
    said = home.vsa("audit", "verify")
    assert said.code == 0
    assert said.out.startswith("whole: ")
    assert json.loads(lines(exported)[-1])["hash"] in said.out


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_an_export_is_whole(home: Home, exported: Path, form: str) -> None:
    path = exported.with_suffix(f".{form}")
    home.vsa("audit", "export", "--format", form, "-o", str(path))
    assert home.vsa("audit", "verify", str(path)).code == 0


def test_an_export_follows_no_link_that_lies_ready(home: Home, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "trail.json.part").symlink_to(victim)
    assert home.vsa("audit", "export", "-o", str(tmp_path / "trail.json")).code == 2
    assert victim.read_text() == "mine"


def test_an_entry_that_was_changed_is_named(home: Home, exported: Path) -> None:
    entries = lines(exported)
    entries[1] = entries[1].replace('"actor":"', '"actor":"not-')
    exported.write_text("".join(entries))
    said = home.vsa("audit", "verify", str(exported))
    assert said.code == 1
    assert said.out.startswith("broken at entry 2: ")


def test_a_tail_that_was_cut_shows_by_a_head_that_was_kept(home: Home, exported: Path) -> None:
    *rest, last = lines(exported)
    exported.write_text("".join(rest))
    head = json.loads(last)["hash"]
    assert home.vsa("audit", "verify", str(exported)).code == 0
    said = home.vsa("audit", "verify", str(exported), "--head", head)
    assert said.code == 1
    assert "the trail ends before" in said.out


def test_an_export_goes_to_stdout_and_its_head_to_stderr(home: Home, exported: Path) -> None:
    said = home.vsa("audit", "export", "--format", "csv")
    assert said.out.startswith("id,timestamp,actor,action,target,")
    assert said.err.startswith("head ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"id,timestamp\n", "line 1: no audit entry"),
        (b"[1]", "no audit export"),
        (b"\xff", "line 1"),
    ],
)
def test_what_is_no_export_is_bad_input(home: Home, tmp_path: Path, text: bytes, told: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    said = home.vsa("audit", "verify", str(path))
    assert said.code == 2
    assert told in said.err


def test_a_file_that_cannot_be_used_is_bad_input(home: Home, tmp_path: Path) -> None:
    assert home.vsa("audit", "verify", str(tmp_path / "none")).code == 2
    said = home.vsa("audit", "export", "-o", str(tmp_path / "none" / "trail"))
    assert said.code == 2
    assert "cannot write" in said.err
