"""Gaps of polls joined to stretches: nothing is told twice, nothing is left out."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.counting.counter_arrays import REASONS
from dcim.snmp.counting.counters import GapReason
from dcim.snmp.health.gaps import (
    ABSENT,
    MISSED,
    SAMPLE,
    SILENT,
    Coverage,
    GapSpan,
    Window,
    join_gaps,
    lay_out,
    name_reason,
)

MINUTE = 60_000
REBOOT = 1 + REASONS.index(GapReason.REBOOT)
FIRST = 1 + REASONS.index(GapReason.FIRST)
CODES = st.sampled_from([SAMPLE, SAMPLE, SAMPLE, ABSENT, REBOOT, FIRST])


def times_of(*minutes: float) -> Any:
    return np.array([int(each * MINUTE) for each in minutes], dtype=np.int64)


def cover(
    minutes: list[float], codes: list[int], *, end: float = 10, before: bool = True
) -> Coverage:
    window = Window(0, int(end * MINUTE), MINUTE, before)
    line = lay_out(times_of(*minutes), window)
    (found,) = join_gaps(["p"], np.array(codes, dtype=np.int16).reshape(-1, 1), line)
    return found


def span(reason: str, begin: float, end: float, polls: int) -> GapSpan:
    return GapSpan(reason, int(begin * MINUTE), int(end * MINUTE), polls)


def test_all_there() -> None:
    assert cover([1, 2.01, 2.99, 4], [SAMPLE] * 4, end=4.9) == Coverage("p", 4, 4, [])


def test_the_same_reason_is_one_stretch_from_the_last_sample_on() -> None:
    found = cover([1, 2, 3, 4, 5], [0, REBOOT, REBOOT, 0, FIRST], end=5.5)
    assert found == Coverage("p", 5, 2, [span("reboot", 1, 3, 2), span("first", 4, 5, 1)])


def test_polls_that_are_missing_are_a_stretch_of_their_own() -> None:
    found = cover([1, 2, 6, 7], [0, 0, REBOOT, 0], end=7.5)
    assert found == Coverage("p", 7, 3, [span(SILENT, 2, 5, 3), span("reboot", 5, 6, 1)])


def test_a_poll_under_way_is_not_missing_yet() -> None:
    assert cover([1], [0], end=2.8).gaps == []
    assert cover([1], [0], end=2.9).gaps == [span(SILENT, 1, 2.9, 1)]


def test_silence_at_the_beginning_counts_only_of_who_was_polled_before() -> None:
    assert cover([5], [0], end=5.5).gaps == [span(SILENT, 0, 4, 4)]
    assert cover([5], [0], end=5.5, before=False) == Coverage("p", 1, 1, [])
    assert cover([1], [0], end=1.5).gaps == []


def test_nothing_at_all() -> None:
    line = lay_out(times_of(), Window(0, 10 * MINUTE, MINUTE, polled_before=True))
    none = np.zeros((0, 1), dtype=np.int16)
    assert join_gaps(["p"], none, line) == [Coverage("p", 9, 0, [span(SILENT, 0, 10, 9)])]
    line = lay_out(times_of(), Window(0, 10 * MINUTE, MINUTE, polled_before=False))
    assert join_gaps(["p"], none, line) == [Coverage("p", 0, 0, [])]


def test_a_port_that_was_not_there_misses_nothing() -> None:
    found = cover([1, 2, 5, 6], [ABSENT, ABSENT, ABSENT, 0], end=6.5)
    assert found == Coverage("p", 1, 1, [])


def test_reasons_have_their_names() -> None:
    assert name_reason(REBOOT) == "reboot"
    assert name_reason(200) == "unknown"
    assert len(REASONS) < MISSED


@given(
    st.lists(st.tuples(st.integers(1, 4 * MINUTE), CODES), max_size=30),
    st.integers(0, 3 * MINUTE),
    st.booleans(),
)
def test_polls_and_time_are_told_once(
    polls: list[tuple[int, int]], rest: int, before: bool
) -> None:
    times = np.cumsum([distance for distance, _ in polls]).astype(np.int64)
    codes = np.array([code for _, code in polls], dtype=np.int16).reshape(-1, 1)
    window = Window(0, int(times[-1] if len(times) else 0) + rest, MINUTE, before)
    line = lay_out(times, window)
    # Rows lie one behind the other, in the window, and each poll is in one.
    assert line.poll[line.poll >= 0].tolist() == list(range(len(polls)))
    assert (line.end >= line.begin).all()
    assert (line.begin[1:] >= line.end[:-1]).all()
    assert not len(line.begin) or (line.begin[0] >= 0 and line.end[-1] <= window.end_ms)
    assert (line.weight > 0).all()
    (found,) = join_gaps(["p"], codes, line)
    assert found.got == sum(code == SAMPLE for _, code in polls)
    assert found.missing == sum(gap.polls for gap in found.gaps)
    for one, other in zip(found.gaps, found.gaps[1:], strict=False):
        assert one.end_ms <= other.begin_ms
        # What touches and has one reason would have been joined.
        assert one.reason != other.reason or one.end_ms < other.begin_ms
    # Polls one by one, without joining.
    told = [gap for gap in found.gaps if gap.reason != SILENT]
    assert sum(gap.polls for gap in told) == sum(code > 0 for _, code in polls)
    for at, code in zip(times.tolist(), codes[:, 0].tolist(), strict=True):
        inside = [gap for gap in found.gaps if gap.begin_ms < at <= gap.end_ms]
        if code > 0:
            assert [gap.reason for gap in inside] == [name_reason(code)]
        elif code == SAMPLE:
            assert not inside
