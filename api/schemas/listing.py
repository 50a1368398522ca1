"""Lists: what is asked of one and how it is answered."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.values import LabelFilter

ItemT = TypeVar("ItemT")


class Listing(BaseModel, Generic[ItemT]):
    """One page of a list; `next` is the cursor of the page after it, null at the end."""

    items: list[ItemT]
    next: str | None


class Query(BaseModel):
    """Query parameters; a misspelt filter is refused, for ignored it would show too much."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(Query):
    """What every list takes."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[
        str | None, Field(max_length=1000, description="`next` of the page before")
    ] = None


class TargetQuery(ListQuery):
    """Filters for nodes and domains: all must hold."""

    enabled: bool | None = None
    label: LabelFilter | None = None

    def label_pair(self) -> tuple[str, str] | None:
        """Return the label's name and value apart."""
        key, _, value = (self.label or "").partition("=")
        return (key, value) if key else None
