from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.docker import wire
from collector.docker.events import BUFFER, SECOND, News, read, window
from registry.facts.nodes import EventCursor

NOW = 1_700_000_000 * SECOND


def line(
    time_nano: int, action: str = "start", container: str = "aa", kind: str = "container"
) -> wire.Event:
    attributes = wire.Attributes(name="web", image="busy:1", exit_code="137")
    return wire.Event(kind, action, wire.Actor(container, attributes), time_nano)


def reread(lines: list[wire.Event], cursor: EventCursor | None) -> News:
    return read(lines, cursor, NOW)


def test_first_sight_stands_at_the_newest_event_and_tells_none() -> None:
    news = reread([line(NOW - 9), line(NOW - 5, "die")], None)
    assert news.events == ()
    assert news.cursor.time_nano == NOW - 5
    assert not news.lost


def test_first_sight_of_an_engine_without_events_stands_at_now_without_keys() -> None:
    assert reread([], None).cursor == EventCursor(NOW, ())


def test_a_later_event_is_told_with_its_exit_code() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    news = reread([line(NOW - 9), line(NOW - 5, "die")], cursor)
    (event,) = news.events
    assert (event.action, event.exit_code, event.name) == ("die", 137, "web")
    assert news.touched == {"aa"}


def test_only_a_death_has_an_exit_code() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    (event,) = reread([line(NOW - 9), line(NOW - 5, "start")], cursor).events
    assert event.exit_code is None


def test_a_quiet_engine_keeps_the_very_cursor() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    assert reread([line(NOW - 9)], cursor).cursor is cursor


def test_a_missing_anchor_means_lost_events() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    news = reread([line(NOW - 5, "die")], cursor)
    assert news.lost
    assert len(news.events) == 1


def test_an_emptied_buffer_means_lost_events_once() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    news = reread([], cursor)
    assert news.lost
    assert not reread([], news.cursor).lost


def test_without_an_anchor_only_a_full_buffer_means_lost_events() -> None:
    cursor = EventCursor(NOW - SECOND)
    assert not reread([line(NOW - 5)], cursor).lost
    assert reread([line(NOW - number) for number in range(BUFFER)], cursor).lost


def test_two_events_of_one_nanosecond_are_two() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    pair = [line(NOW - 5, container="aa"), line(NOW - 5, container="bb")]
    news = reread([line(NOW - 9), *pair], cursor)
    assert len(news.events) == 2
    assert reread(pair, news.cursor).events == ()


def test_an_event_that_entered_the_buffer_behind_a_younger_one_is_told() -> None:
    """Docker takes the time before the lock of its buffer."""
    cursor = reread([line(NOW - 9), line(NOW - 5)], None).cursor
    since, _ = window(cursor, NOW)
    assert since <= NOW - 7
    news = reread([line(NOW - 9), line(NOW - 5), line(NOW - 7, "die")], cursor)
    assert [event.action for event in news.events] == ["die"]
    assert news.cursor.time_nano == NOW - 5


def test_events_are_told_oldest_first() -> None:
    cursor = EventCursor(NOW - SECOND)
    news = reread([line(NOW - 3, "start"), line(NOW - 5, "create")], cursor)
    assert [event.action for event in news.events] == ["create", "start"]


def test_noise_and_other_kinds_move_the_cursor_and_are_not_told() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    noise = [
        line(NOW - 5, "exec_create: /bin/sh -c true"),
        line(NOW - 4, "top"),
        line(NOW - 3, "pull", kind="image"),
        line(NOW - 2, "prune", container=""),
    ]
    news = reread([line(NOW - 9), *noise], cursor)
    assert (news.events, news.touched) == ((), frozenset())
    assert news.cursor.time_nano == NOW - 2


def test_a_change_of_health_is_told_and_podmans_checks_only_touch() -> None:
    cursor = reread([line(NOW - 9)], None).cursor
    docker = reread([line(NOW - 9), line(NOW - 5, "health_status: healthy")], cursor)
    assert [event.action for event in docker.events] == ["health_status: healthy"]
    podman = reread([line(NOW - 9), line(NOW - 5, "health_status")], cursor)
    assert not podman.events
    assert podman.touched == {"aa"}


def test_a_clock_set_back_is_asked_for_all_and_counts_as_lost() -> None:
    cursor = EventCursor(NOW + 60 * SECOND, ("old",))
    assert window(cursor, NOW) == (0, NOW)
    news = reread([line(NOW - 5)], cursor)
    assert (news.lost, news.events, news.cursor.time_nano) == (True, (), NOW - 5)


def test_a_clock_a_moment_behind_never_asks_backwards() -> None:
    since, until = window(EventCursor(NOW + 5), NOW)
    assert since <= until == NOW + 5


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["start", "die", "exec_die"]))),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_however_readings_fall_each_event_is_told_once(
    history: list[tuple[int, str]], readings: list[int]
) -> None:
    events = [
        line(NOW + at * SECOND, action, container=f"{number:02x}")
        for number, (at, action) in enumerate(sorted(history))
    ]
    cursor, told = EventCursor(NOW - 1), list[str]()
    for reading in [*sorted(readings), 60]:
        now = NOW + reading * SECOND
        since, until = window(cursor, now)
        news = read([event for event in events if since <= event.time_nano <= until], cursor, now)
        assert not news.lost
        told += [event.container_id for event in news.events]
        cursor = news.cursor
    assert told == [event.actor.id for event in events if event.action != "exec_die"]
