from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid
from registry.paging import decode_cursor, encode_cursor

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
numbers = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(texts | numbers, min_size=1, max_size=3))
def test_a_cursor_brings_its_key_back(key: list[str | int]) -> None:
    assert decode_cursor(encode_cursor(*key), *map(type, key)) == key


@given(st.text())
def test_any_other_text_is_refused_by_the_field_s_name(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(text, str, str, str)
    assert [fault.field for fault in caught.value.faults] == ["cursor"]


@pytest.mark.parametrize("text", ["", "!", "e30", "W10", "W251bGxd", "WzEuNV0", "[" * 3000, "é"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(text, str)


def test_the_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor("name", 1), int)
