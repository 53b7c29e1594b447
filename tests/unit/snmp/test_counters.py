"""Counters to deltas: against a simulated device whose true octets are known."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.snmp.counting.counters import CounterState, Delta, Gap, GapReason, Reading, advance

T0 = 1_790_000_000_000
GIG = 1_000_000_000


class Step(NamedTuple):
    span_ms: int
    in_share: int  # of the line rate, in thousandths
    out_share: int
    event: str


steps = st.builds(
    Step,
    st.integers(10_000, 120_000),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.sampled_from(["", "", "", "reboot", "engine", "clear", "unread", "stuck", "moved"]),
)


class Device:
    """A device with one port: counts truly, reports through wrapping counters and clocks."""

    def __init__(self, bits: int, speed: int, start: tuple[int, int], up_ms: int) -> None:
        self.bits, self.speed = bits, speed
        self.inward, self.outward = start
        self.up_ms, self.engine_ms = up_ms, up_ms
        self.discontinuity = 0
        self.now_ms = 0
        self.clock = "boot-1"

    def run(self, step: Step) -> tuple[int, int]:
        """Let time pass; return the octets truly moved."""
        self.now_ms += step.span_ms
        up = step.span_ms // 2  # a restart takes the other half
        if step.event == "reboot":
            moved = self._moved(step, up)
            self.inward, self.outward = moved
            self.up_ms = self.engine_ms = up
            return moved
        moved = self._moved(step, step.span_ms)
        self.up_ms += step.span_ms
        self.engine_ms += step.span_ms
        self.inward += moved[0]
        self.outward += moved[1]
        if step.event == "clear":
            self.inward, self.outward = moved
            self.discontinuity += 1
        if step.event == "engine":
            self.engine_ms = up
            self.inward, self.outward = moved
        if step.event == "moved":
            self.clock += "x"
        return moved

    def _moved(self, step: Step, span_ms: int) -> tuple[int, int]:
        line = self.speed * span_ms // 8000
        return line * step.in_share // 1000, line * step.out_share // 1000

    def read(self, event: str) -> Reading:
        wrap = 1 << self.bits
        stuck = wrap - 1 if event == "stuck" else None
        return Reading(
            ts_ms=T0 + self.now_ms,
            bits=self.bits,
            in_octets=None if event == "unread" else stuck or self.inward % wrap,
            out_octets=self.outward % wrap,
            uptime_ticks=self.up_ms // 10 % 2**32,
            engine_time_s=self.engine_ms // 1000,
            speed_bps=self.speed,
            discontinuity=self.discontinuity,
            monotonic_ms=self.now_ms,
            clock=self.clock,
        )


starts = st.one_of(
    st.integers(0, 2**32), st.integers(2**32 - 10**9, 2**32), st.integers(2**64 - 10**10, 2**64)
)
ups = st.one_of(st.integers(0, 10**6), st.integers(2**32 * 10 - 10**6, 2**32 * 10), st.just(10**9))


@settings(max_examples=5_000)
@given(
    st.sampled_from([32, 64]),
    st.sampled_from([10_000_000, 100_000_000, GIG, 10 * GIG, 400 * GIG]),
    st.tuples(starts, starts),
    ups,
    st.lists(steps, min_size=1, max_size=12),
)
def test_no_octet_is_wrong_and_no_break_goes_unseen(
    bits: int, speed: int, start: tuple[int, int], up_ms: int, steps: list[Step]
) -> None:
    device = Device(bits, speed, start, up_ms)
    state, _ = advance(None, device.read(""))
    since = [0, 0]
    span = 0
    broken = state is None
    for step in steps:
        moved = device.run(step)
        since = [since[0] + moved[0], since[1] + moved[1]]
        span += step.span_ms
        broken = broken or step.event in ("reboot", "engine", "clear")
        reading = device.read(step.event)
        before = state
        state, outcome = advance(state, reading)
        if broken or step.event in ("unread", "stuck"):
            assert isinstance(outcome, Gap)
        elif bits == 64 and up_ms != 0 and _no_all_ones(reading):
            assert isinstance(outcome, Delta), outcome
        if isinstance(outcome, Delta):
            assert (outcome.in_octets, outcome.out_octets) == tuple(since)
            assert outcome.span_ms == span
        if state is not before:  # measured anew from here
            since, span, broken = [0, 0], 0, False


def _no_all_ones(reading: Reading) -> bool:
    return 2**reading.bits - 1 not in (reading.in_octets, reading.out_octets)


def test_control_plain_subtraction_gets_it_wrong() -> None:
    device = Device(32, 100_000_000, (2**32 - 5, 0), 10**9)
    old = device.read("")
    true = device.run(Step(60_000, 500, 0, ""))
    new = device.read("")
    assert (new.in_octets or 0) - (old.in_octets or 0) != true[0]
    outcome = advance(CounterState(old), new)[1]
    assert isinstance(outcome, Delta)
    assert outcome.in_octets == true[0]


BASE = Reading(
    ts_ms=T0, bits=64, in_octets=1000, out_octets=2000, uptime_ticks=50_000_000, speed_bps=GIG
)


def later(seconds: int = 60, **changes: object) -> Reading:
    base = replace(
        BASE,
        ts_ms=T0 + seconds * 1000,
        uptime_ticks=(BASE.uptime_ticks or 0) + seconds * 100,
        in_octets=5000,
        out_octets=6000,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def outcome(reading: Reading, base: Reading = BASE) -> Delta | Gap:
    return advance(CounterState(base), reading)[1]


def test_a_plain_minute() -> None:
    assert outcome(later()) == Delta(T0 + 60_000, 60_000, 4000, 4000)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (later(uptime_ticks=30), GapReason.REBOOT),
        (later(uptime_ticks=None), GapReason.NO_UPTIME),
        (later(discontinuity=7), GapReason.DISCONTINUITY),
        (later(bits=32), GapReason.WIDTH),
        (later(in_octets=999), GapReason.WENT_BACK),
        (later(in_octets=1000 + GIG * 60 // 8 * 106 // 100), GapReason.IMPLAUSIBLE),
        (later(in_octets=None), GapReason.MISSING),
        (later(in_octets=2**64 - 1), GapReason.MISSING),
        (later(seconds=901), GapReason.TOO_LONG),
        (later(seconds=0), GapReason.DUPLICATE),
        (later(seconds=-60), GapReason.STALE),
        # the wall clock jumped an hour ahead while the agent counted a minute
        (later(ts_ms=T0 + 3_660_000), GapReason.CLOCK),
    ],
)
def test_what_is_not_certain_is_a_gap(reading: Reading, reason: GapReason) -> None:
    got = outcome(reading)
    assert isinstance(got, Gap)
    assert got.reason is reason


def test_no_more_is_counted_than_can_be_stored() -> None:
    unknown = replace(BASE, speed_bps=None, in_octets=0)
    most = later(speed_bps=None, in_octets=2**63 - 1)
    assert outcome(most, unknown) == Delta(T0 + 60_000, 60_000, 2**63 - 1, 4000)
    more = replace(most, in_octets=2**63)
    assert outcome(more, unknown) == Gap(T0 + 60_000, GapReason.IMPLAUSIBLE)
    # a speed that no line has makes nothing plausible either
    fast = replace(unknown, speed_bps=2**80)
    assert outcome(more, fast) == Gap(T0 + 60_000, GapReason.IMPLAUSIBLE)


def test_a_width_that_there_is_not_is_nothing_read() -> None:
    for bits in (-1, 0, 48):
        assert outcome(later(bits=bits)) == Gap(T0 + 60_000, GapReason.MISSING)


@pytest.mark.parametrize("reason", ["missing", "duplicate", "stale"])
def test_readings_that_say_nothing_leave_the_state(reason: str) -> None:
    reading = {
        "missing": later(out_octets=None),
        "duplicate": later(seconds=0),
        "stale": later(seconds=-1),
    }[reason]
    state = CounterState(BASE)
    kept, got = advance(state, reading)
    assert kept is state
    assert isinstance(got, Gap)
    assert got.reason == reason


def test_thirty_two_bits_count_only_where_one_wrap_is_certain() -> None:
    slow = replace(BASE, bits=32, speed_bps=100_000_000)
    fast = replace(BASE, bits=32, speed_bps=GIG)
    assert isinstance(outcome(later(bits=32, speed_bps=100_000_000), slow), Delta)
    for speed in (GIG, 0, None):
        got = outcome(later(bits=32, speed_bps=speed), replace(fast, speed_bps=speed))
        assert got == Gap(T0 + 60_000, GapReason.AMBIGUOUS)
    assert isinstance(outcome(later(seconds=20, bits=32), fast), Delta)


def test_the_wrap_of_sysuptime_is_no_reboot() -> None:
    near = replace(BASE, uptime_ticks=2**32 - 3000)
    assert isinstance(outcome(later(uptime_ticks=3000), near), Delta)
    for reading in (later(uptime_ticks=300), later(uptime_ticks=9000)):
        assert outcome(reading, near) == Gap(T0 + 60_000, GapReason.REBOOT)
    engine = replace(near, engine_time_s=42_949_642)
    assert outcome(later(uptime_ticks=3000, engine_time_s=30), engine) == Gap(
        T0 + 60_000, GapReason.REBOOT
    )


def test_a_restart_soon_after_a_restart_is_seen() -> None:
    young = replace(BASE, uptime_ticks=500)
    assert outcome(later(uptime_ticks=4000), young) == Gap(T0 + 60_000, GapReason.REBOOT)
    assert isinstance(outcome(later(uptime_ticks=6500), young), Delta)


def test_errors_are_counted_apart() -> None:
    base = replace(BASE, in_errors=2**32 - 1, out_errors=9, in_discards=None, out_discards=4)
    got = outcome(later(in_errors=4, out_errors=3, in_discards=2, out_discards=4), base)
    assert isinstance(got, Delta)
    assert (got.in_errors, got.out_errors) == (5, None)
    assert (got.in_discards, got.out_discards) == (None, 0)


def test_a_wall_clock_set_back_is_a_gap_and_goes_on() -> None:
    base = replace(BASE, clock="m", monotonic_ms=0)
    back = later(ts_ms=T0 - 3_600_000, clock="m", monotonic_ms=60_000)
    state, got = advance(CounterState(base), back)
    assert isinstance(got, Gap)
    assert got.reason is GapReason.CLOCK
    assert state == CounterState(back)
