"""A page read back: its series as a dictionary, and promtool's word on it."""

from __future__ import annotations

from tests.parts.prometheus import promtool

# Of a series its name and labels, without the timestamp.
Series = dict[str, str]


def series(page: str) -> Series:
    """Map each series, as it is written, to its value and timestamp; twice the same fails."""
    lines = [line.rpartition("} ") if "}" in line else line.partition(" ") for line in _data(page)]
    found = {f"{name}{brace.strip()}": value for name, brace, value in lines}
    assert len(found) == len(lines), "a series is there twice"
    return found


def values(page: str, name: str) -> Series:
    """Map the labels of one metric's series to their values, timestamps left out."""
    return {
        text.removeprefix(name): value.split()[0]
        for text, value in series(page).items()
        if text.partition("{")[0] == name
    }


def names(page: str) -> set[str]:
    return {text.partition("{")[0] for text in series(page)}


def assert_promtool_is_content(page: str) -> None:
    judgement = promtool("check", "metrics", stdin=page)
    assert judgement.passed, judgement.text
    assert not judgement.text


def _data(page: str) -> list[str]:
    return [line for line in page.splitlines() if not line.startswith("#")]
