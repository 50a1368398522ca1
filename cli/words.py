"""Numbers and times in a person's words."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86400, "days"), (3600, "h"), (60, "min"))


def now() -> datetime:
    """Return this machine's time: what a person compares with."""
    return datetime.now(UTC)


def count(number: int, noun: str) -> str:
    """Write a number with its noun: `1 node`, `2 nodes`, `2 addresses`."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{ending}"


def span(seconds: float) -> str:
    """Write a time in the largest unit that it holds twice: `63 days`, `30 h`, `3 min`, `90 s`."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{int(seconds / size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(moment: datetime | None, at: datetime) -> str:
    """Say how long ago something was: `3 min ago`, `never`."""
    if moment is None:
        return "never"
    seconds = (at - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 1 else "just now"


def minute(moment: datetime) -> str:
    """Write a moment to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def second(moment: datetime) -> str:
    """Write a moment to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def letters(name: str) -> str:
    """Write a name as people do: `bücher.example` for `xn--bcher-kva.example`."""
    if "xn--" not in name:
        return name
    import idna

    try:
        return plain(idna.decode(name))
    except idna.IDNAError:  # made by another rule than today's
        return name


def plain(text: str) -> str:
    """Escape what would steer the terminal: engines and certificates come from strangers."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
