"""Where a command gets its settings and its client: when it runs, so that `--help` stays fast.

pydantic and httpx cost half a second of CPU, of which help needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.faults import BadInput

if TYPE_CHECKING:
    from cli.client import Api
    from registry.settings import Settings


def own_settings() -> Settings:
    """Return this person's settings; BadInput has a line for each fault in them."""
    from registry.settings import SettingsError, read_settings

    try:
        return read_settings()
    except SettingsError as error:
        raise BadInput(str(error)) from None


def connect() -> Api:
    """Return the API of this person's settings; nothing is asked yet."""
    from cli.client import Api

    return Api(own_settings())
