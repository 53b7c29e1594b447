"""The life of a ticket as a table: random lives stay in order, and nothing else is allowed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.operations.ticket_rules import (
    ACTIONS,
    REOPENING,
    STATES,
    Times,
    apply_action,
    are_ordered,
    find_state,
    list_actions,
)

AT = dt.datetime(2026, 10, 9, 2, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def later(hours: float) -> dt.datetime:
    return AT + hours * HOUR


def times_in(times: Times) -> dict[str, dt.datetime | None]:
    return {
        "opened": times.opened_at,
        "responded": times.responded_at,
        "resolved": times.resolved_at,
        "closed": times.closed_at,
    }


@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 60)), max_size=30))
def test_whatever_is_done_in_turn_the_times_stay_in_order(deeds: list[tuple[str, int]]) -> None:
    times, now = Times(AT), AT
    for name, minutes in deeds:
        now += dt.timedelta(minutes=minutes)
        before = times
        if name not in {action.name for action in list_actions(times, False, now)}:
            continue
        times = apply_action(times, name, now)
        assert are_ordered(times_in(times))
        assert find_state(times) in STATES
        assert find_state(times) != find_state(before)
        # The first answer is the one that counts, whatever comes later.
        if before.responded_at is not None:
            assert times.responded_at == before.responded_at
        # Nobody is waited for in a ticket that is done with.
        assert times.waiting_since is None or times.resolved_at is None


@pytest.mark.parametrize(
    ("done", "state", "staff", "customer"),
    [
        ((), "open", ["answer"], []),
        (("answer",), "answered", ["wait", "resolve", "close"], ["close"]),
        (("answer", "wait"), "waiting", ["resume", "resolve", "close"], ["close"]),
        (("answer", "resolve"), "resolved", ["close", "reopen"], ["close", "reopen"]),
        (("answer", "close"), "closed", ["reopen"], ["reopen"]),
        (("answer", "close", "reopen"), "answered", ["wait", "resolve", "close"], ["close"]),
    ],
)
def test_who_may_do_what_in_which_state(
    done: tuple[str, ...], state: str, staff: list[str], customer: list[str]
) -> None:
    times = Times(AT)
    for hour, name in enumerate(done, 1):
        times = apply_action(times, name, later(hour))
    assert find_state(times) == state
    assert [one.name for one in list_actions(times, False, later(9))] == staff
    assert [one.name for one in list_actions(times, True, later(9))] == customer


def test_a_week_after_closing_it_is_another_matter() -> None:
    closed = apply_action(Times(AT, later(1)), "close", later(2))
    assert closed == Times(AT, later(1), None, later(2), later(2))
    assert [one.name for one in list_actions(closed, False, later(2) + REOPENING)] == ["reopen"]
    past = later(2) + REOPENING + dt.timedelta(microseconds=1)
    assert list_actions(closed, False, past) == []


def test_what_lies_out_of_order_is_seen() -> None:
    assert are_ordered({"a": AT, "b": None, "c": AT, "d": later(1)})
    assert not are_ordered({"a": AT, "b": None, "c": later(-1)})
