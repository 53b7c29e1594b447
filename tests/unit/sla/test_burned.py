"""What is kept of counted downtime: appended and closed, and never seen otherwise than it was."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.preset_terms import load_preset
from dcim.sla.rules.burned import LEAST_LEFT, Burned, Kept, Stretch, compare, judge_burned
from dcim.sla.rules.facts import Facts, Item, Notice, Period, Resource, State, Window
from dcim.sla.rules.intervals import Intervals, clip, union
from dcim.sla.rules.terms import Target

MIN = 60_000
END = 30 * 1440 * MIN
MONTH = Period(0, END)
TERMS = load_preset("availability-tiers").terms
ITEM = Item("B1", "bandwidth", Decimal(1), Decimal(0), 0, END)


def facts(low: int, high: int, *windows: Window) -> Facts:
    """A port that is down in [low, high), minutes."""
    states: tuple[tuple[int, int, State], ...] = (
        (0, low * MIN, "up"), (low * MIN, high * MIN, "down"), (high * MIN, END, "up"),
    )  # fmt: skip
    return Facts((ITEM,), (Resource("p1", "port", ("B1",), states),), windows)


def judge(given_facts: Facts, until: int) -> Burned:
    [found] = judge_burned(TERMS, given_facts, MONTH, until * MIN)
    return found


def test_what_counts_is_what_was_known_at_the_instant() -> None:
    """These terms count an outage from more than five minutes on, and then from its start."""
    outage = facts(100, 120)
    assert judge(outage, 105).parts == []
    assert judge(outage, 106).parts == [(100 * MIN, 106 * MIN)]
    assert judge(outage, 200).parts == [(100 * MIN, 120 * MIN)]
    assert judge(outage, 200).left == pytest.approx(0.001)
    assert (judge(outage, 200).item, judge(outage, 200).metric) == ("B1", "network")


def test_a_window_approved_afterwards_takes_it_back() -> None:
    told = Notice(-2 * 1440 * MIN, 90 * MIN, 130 * MIN)
    window = Window("M1", "maintenance", 90 * MIN, 130 * MIN, told.at, notices=(told,))
    assert judge(facts(100, 120, window), 200).parts == []
    # The control: announced too late it takes nothing back.
    late = replace(window, announced_at=89 * MIN, notices=(replace(told, at=89 * MIN),))
    assert judge(facts(100, 120, late), 200).parts == [(100 * MIN, 120 * MIN)]


def test_what_leaves_nothing_is_judged_by_the_least_that_one_can_leave() -> None:
    [metric] = TERMS.metrics
    nothing = replace(metric, target=Target(downtime_ms=0))
    [found] = judge_burned(replace(TERMS, metrics=(nothing,)), facts(100, 120), MONTH, END)
    assert found.left == LEAST_LEFT
    half_an_hour = replace(metric, target=Target(downtime_ms=30 * MIN))
    [found] = judge_burned(replace(TERMS, metrics=(half_an_hour,)), facts(100, 120), MONTH, END)
    assert found.left == pytest.approx(30 / (30 * 1440))
    counted = replace(metric, target=Target(events=3))
    assert judge_burned(replace(TERMS, metrics=(counted,)), facts(100, 120), MONTH, END) == []


class Store:
    """Rounds as they happen, and what was seen up to each instant that was published."""

    def __init__(self) -> None:
        self.rows: dict[int, Stretch] = {}
        self.published: int | None = None
        self.known = 0

    def publish(self, until: int) -> None:
        self.published, self.known = until, max(self.known, until + 1)

    def keep(self, judged: Intervals, span: Period) -> None:
        self.known = now = max(span.end, self.known)
        kept = [Kept(k, s.start, s.end) for k, s in self.rows.items() if s.undone is None]
        changes = compare(kept, judged, span, self.published)
        for key, end in changes.grown.items():
            self.rows[key] = replace(self.rows[key], end=end)
        for key in changes.undone:
            self.rows[key] = replace(self.rows[key], undone=now)
        for start, end in changes.new:
            self.rows[len(self.rows)] = Stretch(start, end, now)

    def seen(self, at: int) -> Intervals:
        counting = [
            (one.start, min(one.end, at))
            for one in self.rows.values()
            if one.known <= at and (one.undone is None or at < one.undone)
        ]
        found = union(counting)
        assert sum(e - s for s, e in found) == sum(max(e - s, 0) for s, e in counting), "overlap"
        return found

    def standing(self) -> Intervals:
        return union((s.start, s.end) for s in self.rows.values() if s.undone is None)


PARTS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4).map(
    lambda rows: union((start, start + length) for start, length in rows)
)
ROUNDS = st.lists(
    st.tuples(PARTS, st.integers(0, 10), st.integers(0, 15), st.booleans(), st.integers(0, 10)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(ROUNDS)
def test_what_was_seen_by_a_published_instant_never_changes(
    rounds: list[tuple[Intervals, int, int, bool, int]],
) -> None:
    """Judged anew each round: later, earlier by a slower round, of a span that begins later; what
    counts comes, grows, shrinks and goes as it likes."""
    store, now, remembered = Store(), 0, dict[int, Intervals]()
    for judged, ahead, behind, publishes, since in rounds:
        now += ahead
        span = Period(since, max(now - behind, since + 1))
        before = store.standing()
        store.keep(clip(judged, 0, span.end), span)
        assert clip(store.standing(), span.start, span.end) == clip(judged, span.start, span.end)
        # Outside of what was judged all stays.
        for low, high in ((-1, span.start), (span.end, 1000)):
            assert clip(store.standing(), low, high) == clip(before, low, high)
        if publishes and (store.published is None or now > store.published):
            for at in range((store.published or -1) + 1, now + 1):
                remembered[at] = store.seen(at)
            store.publish(now)
        for at, seen in remembered.items():
            assert store.seen(at) == seen


def test_the_control_growing_what_had_ended_would_change_what_was_seen() -> None:
    kept = [Kept(1, 10, 20)]
    grows = [(10, 30)]
    assert compare(kept, grows, Period(0, 30), published=20).grown == {1: 30}
    later = compare(kept, grows, Period(0, 30), published=21)
    assert (later.grown, later.new) == ({}, [(20, 30)])
