"""What every dashboard has in common, read from the files as Grafana reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from grafana import style
from grafana.__main__ import FOLDER, NAMES, differing, render
from grafana.page import COLUMNS, TITLES
from tests.parts.grafana import dashboards, panels

Board = dict[str, Any]
BOARDS: list[Board] = dashboards()
COLOURS = {
    *(style.GOOD, style.WARNING, style.BAD, style.CHANGING),
    *(style.OFF, style.UNKNOWN, style.NEUTRAL, style.NOTHING),
}
VARIABLE = re.compile(r"\$\{?([a-z]\w*)")
boards = pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS])


def test_the_files_are_what_the_code_makes() -> None:
    assert not differing()
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


def test_making_them_twice_gives_the_same() -> None:
    assert [render(name) for name in NAMES] == [render(name) for name in NAMES]


def test_every_page_of_the_menu_is_there() -> None:
    assert {board["uid"]: board["title"] for board in BOARDS} == TITLES


@boards
def test_it_is_a_classic_dashboard_that_nobody_edits_in_the_browser(board: Board) -> None:
    assert board["schemaVersion"] == 42
    assert board["editable"] is False
    assert board["timezone"] == "browser"
    assert board["tags"] == ["vsa"]
    assert board["refresh"]
    assert board["description"]
    assert "id" not in board


@boards
def test_the_menu_leads_to_every_other_page_and_keeps_time_and_choices(board: Board) -> None:
    assert [link["url"] for link in board["links"]] == [
        f"/d/{uid}" for uid in TITLES if uid != board["uid"]
    ]
    assert all(link["keepTime"] and link["includeVars"] for link in board["links"])


@boards
def test_every_link_leads_to_a_page_that_is_there(board: Board) -> None:
    # Home's table names the page in a column of its own.
    known = {*TITLES, "${__data.fields.page}"}
    assert set(re.findall(r"\bd/([\w.${}-]+)", json.dumps(board))) <= known


@boards
def test_every_data_link_keeps_time_and_data_sources(board: Board) -> None:
    for url in re.findall(r'"url": "(/d/[^"]*\?[^"]*)"', json.dumps(board)):
        assert "${__url_time_range}" in url
        assert "var-prometheus=${prometheus}" in url
        assert "var-postgresql=${postgresql}" in url


@boards
def test_every_variable_is_defined_and_used(board: Board) -> None:
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    used = set(VARIABLE.findall(json.dumps([board["panels"], board["templating"]])))
    assert used == set(variables)
    assert all(variable["label"] for variable in variables.values())
    assert all(variable["description"] for variable in variables.values())


@boards
def test_panels_lie_side_by_side_within_the_width(board: Board) -> None:
    laid = list(panels(board))
    assert all(0 <= panel["gridPos"]["x"] <= COLUMNS - panel["gridPos"]["w"] for panel in laid)
    assert not [
        (one["title"], other["title"])
        for one, other in combinations(laid, 2)
        if overlap(one["gridPos"], other["gridPos"])
    ]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@boards
def test_panels_are_told_apart(board: Board) -> None:
    laid = list(panels(board))
    assert len({panel["id"] for panel in laid}) == len(laid)
    titles = [(row_of(board, panel), panel["title"]) for panel in laid]
    assert len(set(titles)) == len(titles)


def row_of(board: Board, panel: Board) -> str:
    """The title of the row that a panel stands under."""
    above = [each for each in board["panels"] if each["type"] == "row"]
    above = [row for row in above if row["gridPos"]["y"] <= panel["gridPos"]["y"]]
    return above[-1]["title"] if above and panel["type"] != "row" else ""


def drawn(board: Board) -> list[Board]:
    """The panels that show something: all but the titles of rows."""
    return [panel for panel in panels(board) if panel["type"] != "row"]


@boards
def test_a_panel_says_what_it_means_in_what_unit_and_what_nothing_means(board: Board) -> None:
    assert not [panel["title"] for panel in drawn(board) if len(panel["description"]) < 20]
    assert not [
        panel["title"]
        for panel in drawn(board)
        if panel["type"] != "text"
        and not {"unit", "noValue"} <= panel["fieldConfig"]["defaults"].keys()
    ]


@boards
def test_a_panel_asks_the_data_sources_that_were_chosen(board: Board) -> None:
    asked = [panel for panel in drawn(board) if panel["type"] != "text"]
    asked += [target for panel in asked for target in panel["targets"]]
    assert {(part["datasource"]["type"], part["datasource"]["uid"]) for part in asked} <= {
        ("prometheus", "${prometheus}"),
        ("grafana-postgresql-datasource", "${postgresql}"),
    }


@boards
def test_a_colour_means_the_same_everywhere(board: Board) -> None:
    assert {colour for panel in drawn(board) for colour in colours(panel)} <= COLOURS


def colours(part: object) -> Iterator[str]:
    """Every colour that is written out, wherever it stands."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"color", "fixedColor"} and isinstance(value, str):
                yield value
            yield from colours(value)
    elif isinstance(part, list):
        for each in part:
            yield from colours(each)
