"""How answers look: tables and colour for a person, JSON for a program, progress apart on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.words import plain

Cell = str | Text

GOOD, WARN, BAD, QUIET, STRONG = "green", "yellow", "red", "dim", "bold"


@cache
def screen(*, error: bool = False) -> Console:
    """Return stdout, or stderr; colour only on a terminal and without NO_COLOR.

    Into a pipe nothing is cut or wrapped, for rich would take it for 80 columns.
    """
    piped = not (sys.stderr if error else sys.stdout).isatty()
    return Console(
        stderr=error, markup=False, highlight=False, emoji=False, width=1000 if piped else None
    )


def say(*lines: Cell) -> None:
    """Print lines of the answer; an empty one when there is nothing to say."""
    for line in lines or ("",):
        screen().print(_shown(line), soft_wrap=True)


def note(line: str, style: str = QUIET) -> None:
    """Print a line that is no part of the answer: progress, a warning."""
    screen(error=True).print(Text(plain(line), style), soft_wrap=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a line a row, two blanks between columns; a column that is empty is left out.

    Where the terminal is too narrow, the last column is cut: what can be long stands there.
    """
    shown = [[_shown(cell) for cell in row] for row in rows]
    used = [place for place in range(len(headers)) if any(row[place] for row in shown)]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET)
    for place in used:
        grid.add_column(headers[place], no_wrap=place != used[-1])
    for row in shown:
        row[used[-1]].no_wrap, row[used[-1]].overflow = True, "ellipsis"
    _print_grid(grid, ([row[place] for place in used] for row in shown))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table, and whether somebody should look at it."""

    is_well: bool
    cells: Sequence[Cell]


def list_lines(headers: Sequence[str], lines: Sequence[Line], most: int | None = None) -> None:
    """Print lines as a table, what is not well first; of what is well no more than make `most`."""
    wrong = [line for line in lines if not line.is_well]
    ordered = wrong + [line for line in lines if line.is_well]
    shown = ordered[: max(most, len(wrong))] if most else ordered
    table(headers, [line.cells for line in shown])
    if len(shown) < len(ordered):
        say(Text(f"… and {len(ordered) - len(shown)} more, all well: --all shows them", QUIET))


def pairs(rows: Iterable[tuple[str, Cell]]) -> None:
    """Print names with their values, indented; those without a value are left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=QUIET)
    grid.add_column(overflow="fold")
    _print_grid(grid, ((f"  {name}", value) for name, value in rows if value))


def print_json(document: bytes) -> None:
    """Print JSON as the API gave it, indented."""
    sys.stdout.buffer.write(msgspec.json.format(document, indent=2) + b"\n")


def _print_grid(grid: Table, rows: Iterable[Sequence[Cell]]) -> None:
    for row in rows:
        grid.add_row(*map(_shown, row))
    if not grid.row_count:
        return
    with screen().capture() as capture:
        screen().print(grid)
    # Without the blanks that fill each line up to the widest.
    screen().file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _shown(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(plain(cell))
