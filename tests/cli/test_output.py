from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.output import Line, list_lines, pairs, print_json, screen, table


@pytest.fixture(autouse=True)
def new_screen() -> Iterator[None]:
    """A console of each test's own: it holds on to stdout."""
    screen.cache_clear()
    yield
    screen.cache_clear()


def test_a_table_has_no_empty_column_and_no_blanks_at_its_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("a", "nothing", "b"), [("1", "", "x"), ("long", "", "")])
    assert capsys.readouterr().out == "a     b\n1     x\nlong\n"


def test_what_looks_like_markup_or_steers_the_terminal_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs([("image", "[red]busy[/red]:1\x1b[2J"), ("without value", "")])
    assert capsys.readouterr().out == "  image  [red]busy[/red]:1\\x1b[2J\n"


def test_nothing_is_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name",), [("x" * 500,)])
    assert "x" * 500 in capsys.readouterr().out


def test_what_is_not_well_is_shown_first_and_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [Line(is_well=number % 2 == 0, cells=(f"n{number}",)) for number in range(8)]
    list_lines(("name",), lines, most=3)
    assert capsys.readouterr().out.split() == [
        *("name", "n1", "n3", "n5", "n7"),
        *("…", "and", "4", "more,", "all", "well:", "--all", "shows", "them"),
    ]


def test_json_is_indented_and_else_untouched(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json('{"b":1.0,"a":"ü"}'.encode())
    assert capfdbinary.readouterr().out == '{\n  "b": 1.0,\n  "a": "ü"\n}\n'.encode()
