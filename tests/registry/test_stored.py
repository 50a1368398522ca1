from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.facts.nodes import EngineFacts
from registry.facts.outcomes import Failure, FailureReason
from registry.stored import clean_detail, decode, encode_rows, hex_bytes, make_failure
from tests.registry.targets import ENGINE

SCALARS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(SCALARS, SCALARS)
def test_text_is_encoded_as_it_is_but_for_nuls(key: str, value: str) -> None:
    (row,) = json.loads(encode_rows([{"x": {key: value}}]))
    assert row == {"x": {key.replace("\x00", ""): value.replace("\x00", "")}}


def test_facts_are_encoded_by_the_names_they_are_decoded_by() -> None:
    (row,) = json.loads(encode_rows([ENGINE]))
    assert decode(row, EngineFacts) == ENGINE


def test_times_are_encoded_with_their_zone() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC)
    assert encode_rows([{"at": moment}]) == '[{"at":"2026-11-23T12:00:00.000001Z"}]'


@pytest.mark.parametrize(
    ("detail", "stored"),
    [("a\x00b", "ab"), ("x" * 900, "x" * 500), ("lone \udcff", "lone ?"), ("Grüße", "Grüße")],
)
def test_a_failures_sentence_is_made_fit_to_be_stored(detail: str, stored: str) -> None:
    assert clean_detail(detail) == stored


def test_a_failure_is_made_of_its_two_columns() -> None:
    assert make_failure("dns", "no such name") == Failure(FailureReason.DNS, "no such name")
    assert make_failure(None, None) is None


def test_bytes_are_written_as_postgresql_reads_them() -> None:
    assert hex_bytes(b"\x00\xff") == "\\x00ff"
