"""Which labels of containers are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate


class LabelFilter:
    """Keeps the labels whose name is allowed: as it is written, or with `*` for any letters."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._pattern = re.compile("|".join(map(translate, allowed)) or r"(?!)")

    def __call__(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the allowed ones of `labels`."""
        return {name: value for name, value in labels.items() if self._pattern.match(name)}
