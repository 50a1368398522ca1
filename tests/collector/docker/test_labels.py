from __future__ import annotations

import pytest

from collector.docker.labels import LabelFilter

LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.image": "x", "a": "b"}


@pytest.mark.parametrize(
    ("allowed", "kept"),
    [
        ((), set()),
        (("a",), {"a"}),
        (("com.docker.compose.project", "absent"), {"com.docker.compose.project"}),
        (("com.docker.compose.*",), LABELS.keys() - {"a"}),
        (("*",), set(LABELS)),
        (("A", "com.docker", "comXdocker.compose.project"), set()),
    ],
)
def test_what_is_named_is_kept(allowed: tuple[str, ...], kept: set[str]) -> None:
    assert LabelFilter(allowed)(LABELS).keys() == kept
