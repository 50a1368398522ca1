"""A data folder that the server's system user can reach; whatever still runs on it is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.embedded import cluster
from registry.embedded.layout import Layout
from tests.parts.postgres import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder("vsa-") as path:
        yield path


@pytest.fixture
def data_dir(folder: Path) -> Iterator[Path]:
    yield folder / "data"
    cluster.end(Layout(folder / "data"), patience=0)
