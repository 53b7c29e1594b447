"""Pacing: in any minute no more than the robot takes, and nothing held back without need."""

import datetime as dt
import random

import pytest

from dcim.outbox.pacing import PACES, Pace, book

T0 = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
LIMITS = [("dingtalk", 20, MINUTE), ("wecom", 20, MINUTE), ("feishu", 100, MINUTE),
          ("feishu", 5, dt.timedelta(seconds=1))]  # fmt: skip


def send_all(pace: Pace, wanted: list[dt.datetime]) -> list[dt.datetime]:
    """When each leaves, of those that want to at these times."""
    ready_at, left = None, []
    for now in wanted:
        at = now if ready_at is None else max(now, ready_at)
        ready_at = book(pace, ready_at, at)
        left.append(at)
    return left


def most_within(times: list[dt.datetime], window: dt.timedelta) -> int:
    return max(sum(1 for t in times if start <= t < start + window) for start in times)


@pytest.mark.parametrize(("kind", "most", "window"), LIMITS)
def test_no_window_holds_more_than_is_taken(kind: str, most: int, window: dt.timedelta) -> None:
    chance = random.Random(7)
    for gap_s in (0, 0.1, 1, 3, 20):
        wanted, now = [], T0
        for _ in range(150):
            now += dt.timedelta(seconds=chance.expovariate(1 / gap_s) if gap_s else 0)
            wanted.append(now)
        left = send_all(PACES[kind], wanted)
        assert most_within(left, window) <= most
        if gap_s == 0:
            # The control: unpaced they would all be in it.
            assert most_within(wanted, window) == 150


@pytest.mark.parametrize("kind", PACES)
def test_few_leave_at_once(kind: str) -> None:
    few = [T0] * PACES[kind].burst
    assert send_all(PACES[kind], few) == few
    # And again after a rest.
    later = [T0 + MINUTE] * PACES[kind].burst
    assert send_all(PACES[kind], few + later)[len(few) :] == later


def test_never_wholly_stopped() -> None:
    left = send_all(PACES["dingtalk"], [T0] * 45)
    assert left[-1] - T0 == dt.timedelta(seconds=4 * 40)
