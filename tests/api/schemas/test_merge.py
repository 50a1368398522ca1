from __future__ import annotations

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from api.schemas.merge import merge_patch, patched

# RFC 7396, appendix A.
CASES: list[tuple[object, object, object]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


class Body(BaseModel):
    name: str
    labels: dict[str, str] = Field(default={}, max_length=2)


class Patch(BaseModel):
    name: str = ""
    labels: dict[str, str | None] | None = None


@pytest.mark.parametrize(("target", "patch", "result"), CASES)
def test_a_patch_is_merged_as_the_rfc_says(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result


def test_what_a_patch_leaves_out_stays() -> None:
    current = Body(name="a", labels={"k": "v"})
    assert patched(current, Patch(name="b"), Body) == Body(name="b", labels={"k": "v"})


def test_null_brings_the_default_back() -> None:
    assert patched(Body(name="a", labels={"k": "v"}), Patch(labels=None), Body) == Body(name="a")


def test_a_whole_that_breaks_a_rule_is_refused_though_each_part_is_right() -> None:
    current = Body(name="a", labels={"k": "v", "l": "w"})
    with pytest.raises(RequestValidationError) as refused:
        patched(current, Patch(labels={"m": "x"}), Body)
    assert refused.value.errors()[0]["loc"] == ("labels",)
