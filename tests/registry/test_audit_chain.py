from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.audit_chain import (
    GENESIS,
    AuditEntry,
    canonical_bytes,
    chain_hash,
    format_time,
    parse_entry,
    verify_chain,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Change = Callable[[list[AuditEntry]], list[AuditEntry]]


def chain(length: int) -> list[AuditEntry]:
    """An unbroken trail."""
    entries: list[AuditEntry] = []
    for number in range(1, length + 1):
        entry = AuditEntry(
            id=number,
            timestamp=NOON + timedelta(seconds=number),
            actor="alice",
            action="node.update",
            target=f"node/n{number}",
            before={"enabled": True},
            after={"enabled": False},
            request_id="r",
            address="192.0.2.1",
            result="ok",
        )
        previous = entries[-1].hash if entries else GENESIS
        entries.append(replace(entry, hash=chain_hash(previous, canonical_bytes(entry))))
    return entries


def exported(entry: AuditEntry) -> object:
    """An entry as an export has it, read back from JSON."""
    values = asdict(entry) | {"timestamp": format_time(entry.timestamp)}
    return json.loads(json.dumps(values))


def test_a_whole_chain_holds() -> None:
    assert verify_chain(chain(5)) is None


def test_an_empty_trail_holds() -> None:
    assert verify_chain([], GENESIS) is None


TAMPERINGS: dict[str, tuple[Change, int]] = {
    "a field changed": (lambda es: [*es[:2], replace(es[2], actor="bob"), *es[3:]], 3),
    "a value within changed": (lambda es: [*es[:3], replace(es[3], after={}), es[4]], 4),
    "a time changed": (lambda es: [replace(es[0], timestamp=NOON), *es[1:]], 1),
    "an entry removed": (lambda es: [*es[:1], *es[2:]], 3),
    "the first removed": (lambda es: es[1:], 2),
    "two exchanged": (lambda es: [es[0], es[2], es[1], *es[3:]], 3),
    "one twice": (lambda es: [*es[:2], es[1], *es[2:]], 2),
    "renumbered after a removal": (
        lambda es: [es[0], *(replace(e, id=e.id - 1) for e in es[2:])],
        2,
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_the_first_broken_entry_is_named(tampering: str) -> None:
    change, first = TAMPERINGS[tampering]
    broken = verify_chain(change(chain(5)))
    assert broken is not None
    assert broken.entry_id == first


def test_a_tail_that_was_cut_shows_against_a_head_known_from_elsewhere() -> None:
    entries = chain(5)
    assert verify_chain(entries[:3]) is None
    broken = verify_chain(entries[:3], entries[-1].hash)
    assert broken is not None
    assert broken.entry_id == 4


def test_a_head_that_was_saved_earlier_is_found_in_a_trail_that_went_on() -> None:
    entries = chain(5)
    assert verify_chain(entries, entries[2].hash) is None


def test_a_part_of_a_trail_is_said_to_be_one() -> None:
    broken = verify_chain(chain(5)[3:])
    assert broken is not None
    assert "a part of it cannot be verified" in broken.reason


@pytest.mark.parametrize(
    "after",
    [
        {"enabled": 0.0},
        {"n": 2**60},
        {"n": float("nan")},
        {"t": "\0"},
        {"\0": 1},
        {"t": ["\ud800"]},
    ],
)
def test_a_value_that_no_entry_can_hold_is_refused_and_never_verifies(
    after: dict[str, object],
) -> None:
    entry = replace(chain(1)[0], after=after)
    with pytest.raises(ValueError, match=r"."):
        canonical_bytes(entry)
    broken = verify_chain([entry])
    assert broken is not None
    assert broken.entry_id == 1


EARLIEST = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
ZONELESS = chain(1)[0].timestamp.replace(tzinfo=None)


@pytest.mark.parametrize("moment", [EARLIEST, ZONELESS])
def test_a_time_that_no_entry_can_have_never_verifies(moment: datetime) -> None:
    entry = replace(chain(1)[0], timestamp=moment)
    assert verify_chain([entry]) is not None


def test_a_fraction_in_the_place_of_its_integer_is_named() -> None:
    (entry,) = chain(1)
    entry = replace(entry, after={"n": 1})
    entry = replace(entry, hash=chain_hash(GENESIS, canonical_bytes(entry)))
    assert verify_chain([entry]) is None
    assert verify_chain([replace(entry, after={"n": 1.0})]) is not None


def test_of_a_filtered_trail_the_first_hole_is_named_as_one() -> None:
    broken = verify_chain([entry for entry in chain(5) if entry.id != 3])
    assert broken is not None
    assert (broken.entry_id, "filter" in broken.reason) == (4, True)


def test_the_zone_in_which_a_time_is_written_changes_no_hash() -> None:
    (entry,) = chain(1)
    elsewhere = entry.timestamp.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert verify_chain([replace(entry, timestamp=elsewhere)]) is None


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, json_values, max_size=4), texts)
def test_an_entry_read_back_from_its_export_has_the_same_bytes(
    values: dict[str, object], actor: str
) -> None:
    entry = replace(chain(1)[0], after=values, actor=actor)
    assert canonical_bytes(parse_entry(exported(entry))) == canonical_bytes(entry)


TEXT_FIELDS = ["actor", "action", "target", "request_id", "address", "result"]


@given(st.integers(0, 3), st.sampled_from(TEXT_FIELDS), texts)
def test_no_field_of_any_entry_can_be_changed_unseen(index: int, field: str, forged: str) -> None:
    entries = chain(4)
    assume(getattr(entries[index], field) != forged)
    changed: dict[str, Any] = {field: forged}
    entries[index] = replace(entries[index], **changed)
    broken = verify_chain(entries)
    assert broken is not None
    assert broken.entry_id == index + 1


@pytest.mark.parametrize("line", [[], {}, {"id": "one"}, "text", None])
def test_what_is_no_entry_is_refused(line: object) -> None:
    with pytest.raises(ValueError, match="not an audit entry"):
        parse_entry(line)
