"""An edge that has just come up: NGINX with the placeholder, nothing issued yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.certbot.edge import Edge, new_edge


@pytest.fixture
def edge() -> Iterator[Edge]:
    with new_edge() as edge:
        edge.start_keeper()
        edge.start_nginx()
        yield edge
