"""What ends a command early: one line for the person, and an exit code that scripts rely on."""

from __future__ import annotations

# Beside these two: 0 is well, 1 is not well (what was asked for is there, and it is bad).
NOT_WELL = 1


class Fault(Exception):
    """Trouble that was to be expected; its text says what is wrong and what to do."""

    exit_code = 2


class BadInput(Fault):
    """What was asked for cannot be: an argument, a setting, a token, a refusal of the API."""


class CannotReach(Fault):
    """Whoever should answer does not: the API, the database, a target."""

    exit_code = 3
