"""What is asked and answered of a node's past."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.listing import ListQuery, Query
from api.schemas.values import Moment, PlainText
from registry.facts.containers import ContainerFacts
from registry.past import Unknown


class MomentQuery(Query):
    """The moment that is asked about."""

    at: Annotated[Moment | None, Field(description="now, if none is given")] = None


class WindowQuery(ListQuery):
    """The time that is asked about: `since` is in it, `until` is not."""

    since: Annotated[Moment | None, Field(description="a day before `until` if none is given")] = (
        None
    )
    until: Annotated[Moment | None, Field(description="now, if none is given")] = None


class RestartQuery(WindowQuery):
    """Filters for restarts: all must hold."""

    container: Annotated[
        PlainText | None, Field(description="a whole name, or the beginning of an id")
    ] = None


class PastAnswer(BaseModel):
    """A node at a moment.

    Where `unknown` is not null nobody knows how it was then: `containers` is how it was seen last
    before that, if ever.
    """

    model_config = ConfigDict(from_attributes=True)

    node: str
    at: datetime
    unknown: Unknown | None
    containers: tuple[ContainerFacts, ...]
