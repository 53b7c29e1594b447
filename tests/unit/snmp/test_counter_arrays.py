"""All ports of a device at once: the very same as `counters.advance` says port by port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dcim.snmp.counting import counter_arrays
from dcim.snmp.counting.counter_arrays import REASONS, PortDeltas, advance_ports
from dcim.snmp.counting.counters import CounterState, Delta, Gap, GapReason, Reading, advance
from dcim.snmp.counting.port_table import NOT_READ, Item, PortTable
from tests.agents.counter_histories import (
    NAMES,
    STARTS,
    T0,
    Agent,
    History,
    histories,
    random_histories,
)
from tests.unit.snmp.test_counters import Device, Step, ups
from tests.unit.snmp.test_counters import steps as device_steps

# --- what the table says of a reading, and the other way round

FIELDS = (
    *("ts_ms", "monotonic_ms", "uptime_ticks", "engine_time_s", "discontinuity", "bits"),
    *("speed_bps", "in_octets", "out_octets", "in_errors", "out_errors"),
    *("in_discards", "out_discards"),
)


def table(readings: dict[str, Reading], clock: str) -> PortTable:
    result = PortTable.empty(tuple(readings), clock)
    for column, reading in enumerate(readings.values()):
        result.matrix[:, column] = numbers(reading)
    return result


def numbers(reading: Reading) -> list[int]:
    values = [getattr(reading, field) for field in FIELDS]
    found = [NOT_READ if value is None else value for value in values]
    return [value - 2**64 if value >= 2**63 else value for value in found]


def known(number: Any) -> int | None:
    return None if number == NOT_READ else int(number)


def said(deltas: PortDeltas, column: int) -> Delta | Gap:
    ts_ms = int(deltas.ts_ms[column])
    code = int(deltas.reason[column])
    if code:
        assert deltas.span_ms[column] == deltas.in_octets[column] == NOT_READ
        assert deltas.out_octets[column] == deltas.in_errors[column] == NOT_READ
        return Gap(ts_ms, REASONS[code - 1])
    return Delta(
        ts_ms,
        int(deltas.span_ms[column]),
        int(deltas.in_octets[column]),
        int(deltas.out_octets[column]),
        known(deltas.in_errors[column]),
        known(deltas.out_errors[column]),
        known(deltas.in_discards[column]),
        known(deltas.out_discards[column]),
    )


Advance = Callable[[PortTable | None, PortTable], tuple[PortTable, PortDeltas]]


def check(history: History, advance_all: Advance = advance_ports) -> Counter[str]:
    """Hold all polls of a history against `advance`; return how often each outcome came."""
    agent = Agent(history)
    states: dict[str, CounterState | None] = {}
    kept: PortTable | None = None
    met: Counter[str] = Counter()
    for step in history.polls:
        found = agent.poll(step)
        before, (kept, deltas) = kept, advance_all(kept, table(found, agent.clock))
        for column, (name, reading) in enumerate(found.items()):
            states[name], outcome = advance(states.get(name), reading)
            assert said(deltas, column) == outcome
            met[outcome.reason if isinstance(outcome, Gap) else "delta"] += 1
        # Of another clock than the table's: kept without its monotonic time.
        for name, state in states.items():
            if state and state.last.clock != agent.clock:
                states[name] = CounterState(replace(state.last, monotonic_ms=None, clock=""))
        assert kept.clock == agent.clock
        assert kept.names[: len(found)] == tuple(found)
        assert sorted(kept.names) == sorted({*found, *(before.names if before else ())})
        columns = dict(zip(kept.names, kept.matrix.T.tolist(), strict=True))
        for name, state in states.items():
            if state:
                assert columns[name] == numbers(state.last)
            else:
                assert columns[name][Item.IN_OCTETS] == NOT_READ
    return met


def check_many(count: int, advance_all: Advance) -> Counter[str]:
    met: Counter[str] = Counter()
    for history in random_histories(count):
        met += check(history, advance_all)
    return met


@pytest.mark.parametrize("bits", [32, 64])
@settings(max_examples=2_100)
@given(histories)
def test_every_port_is_told_what_advance_tells(bits: int, history: History) -> None:
    for outcome in check(history._replace(bits=bits)):
        event(outcome)


def test_every_reason_is_met_often() -> None:
    met = check_many(800, advance_ports)
    assert set(met) == {*GapReason, "delta"}
    assert min(met.values()) > 50, met
    assert met["delta"] > 2_000


def test_reasons_are_stored_by_their_place() -> None:
    stored = "first duplicate stale clock too_long missing no_uptime reboot discontinuity width"
    assert [str(reason) for reason in REASONS] == [
        *stored.split(),
        *("went_back", "ambiguous", "implausible"),
    ]
    assert set(REASONS) == set(GapReason)


# --- controls: each takes one thing away, and the histories above see it


def by_position(before: PortTable | None, now: PortTable) -> tuple[PortTable, PortDeltas]:
    if before and len(before) == len(now):
        before = PortTable(now.names, before.clock, before.matrix)
    return advance_ports(before, now)


def test_control_ports_matched_by_position_are_caught() -> None:
    with pytest.raises(AssertionError):
        check_many(300, by_position)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("_unsigned", lambda row: row),
        ("_UPTIME_WRAP_MS", np.array(0)),
        ("_most_octets", lambda speed, span, _: 105 * speed * span // 800_000),  # overflows
        ("_CODES", counter_arrays._CODES[::-1]),
        ("_KEEPS_OLDER", np.zeros(len(REASONS) + 1, dtype=np.bool_)),
        ("_all_ones", lambda bits: np.full(len(bits), -1)),
        ("_LARGEST", np.array(1 << 62)),
        ("_LOW31", np.array((1 << 31) - 2)),
        ("_SLACK_MS", np.array(2_001)),
        ("_WALL_SLACK_MS", np.array(9_999)),
        ("_PERCENT", np.array(104)),
        ("DEFAULT", 900_001),
    ],
)
def test_control_a_changed_rule_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Any
) -> None:
    changed: Advance = advance_ports
    if name == "DEFAULT":

        def changed(before: PortTable | None, now: PortTable) -> tuple[PortTable, PortDeltas]:
            return advance_ports(before, now, max_span_ms=instead)
    else:
        monkeypatch.setattr(counter_arrays, name, instead)
    with pytest.raises(AssertionError):
        check_many(1_500, changed)


# --- against what was truly counted


@settings(max_examples=800)
@given(
    st.sampled_from([32, 64]),
    st.sampled_from([10_000_000, 100_000_000, 10**10, 16 * 10**11]),
    st.tuples(*[st.sampled_from(STARTS)] * 3),
    ups,
    st.lists(
        st.tuples(
            st.tuples(device_steps, device_steps, device_steps),
            st.permutations(NAMES),
            st.sets(st.sampled_from(NAMES), max_size=2),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_octets_are_conserved_and_stay_on_their_port(
    bits: int,
    speed: int,
    starts: tuple[int, ...],
    up_ms: int,
    polls: list[tuple[tuple[Step, ...], list[str], set[str]]],
) -> None:
    devices = {
        name: Device(bits, speed, (start, start // 2), up_ms)
        for name, start in zip(NAMES, starts, strict=True)
    }
    since = dict.fromkeys(NAMES, (0, 0))  # octets truly moved since the last reading kept
    covered = dict(since)
    counted = dict(since)
    restarted: set[str] = set()
    kept, _ = advance_ports(None, table({n: devices[n].read("") for n in NAMES}, "boot"))
    for steps, order, gone in polls:
        events = {name: step.event for name, step in zip(NAMES, steps, strict=True)}
        for name, step in zip(NAMES, steps, strict=True):
            true = devices[name].run(step._replace(span_ms=steps[0].span_ms))
            since[name] = _sum(since[name], true)
            if step.event in ("reboot", "engine", "clear"):
                restarted.add(name)
        found = {
            name: replace(devices[name].read(events[name]), clock="boot")
            for name in order
            if name not in gone
        }
        kept, deltas = advance_ports(kept, table(found, "boot"))
        for column, name in enumerate(found):
            outcome = said(deltas, column)
            if outcome == Gap(outcome.ts_ms, GapReason.MISSING):
                continue  # what was moved is counted at the next reading
            if isinstance(outcome, Delta):
                event("delta")
                assert name not in restarted
                counted[name] = _sum(counted[name], (outcome.in_octets, outcome.out_octets))
                covered[name] = _sum(covered[name], since[name])
            since[name] = (0, 0)
            restarted.discard(name)
    assert counted == covered


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


# --- what isn't arithmetic

BASE = Reading(T0, 64, 1000, 2000, 10**8, 10**9, 0, 10**6, 10_000, "boot", 1, 2, 3, 4)


def later(seconds: int, **changes: Any) -> Reading:
    moved = replace(
        BASE,
        ts_ms=T0 + seconds * 1000,
        monotonic_ms=10_000 + seconds * 1000,
        uptime_ticks=10**8 + seconds * 100,
        engine_time_s=10**6 + seconds,
    )
    return replace(moved, **changes)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # the youngest clock that can't have restarted in a minute, and 10 ms or a second younger
        ({"uptime_ticks": 6_201}, {"uptime_ticks": 9_000}, None),
        ({"uptime_ticks": 6_200}, {"uptime_ticks": 9_000}, GapReason.REBOOT),
        ({"engine_time_s": 63}, {"engine_time_s": 90}, None),
        ({"engine_time_s": 62}, {"engine_time_s": 90}, GapReason.REBOOT),
        ({}, {"engine_time_s": 10**6}, None),  # one that stands
        # a line that carries 2**32 - 1 octets in a second, and one that carries 2**32
        ({"bits": 32}, {"bits": 32, "speed_bps": 32_723_560_350}, None),
        ({"bits": 32}, {"bits": 32, "speed_bps": 32_723_560_351}, GapReason.AMBIGUOUS),
    ],
)
def test_at_the_edge(old: dict[str, Any], new: dict[str, Any], expected: GapReason | None) -> None:
    base = replace(BASE, speed_bps=1, **old)
    reading = later(1 if "bits" in new else 60, **{"speed_bps": 1, **new})
    outcome = advance(CounterState(base), reading)[1]
    deltas = advance_ports(table({"a": base}, "boot"), table({"a": reading}, "boot"))[1]
    assert said(deltas, 0) == outcome
    assert (outcome.reason if isinstance(outcome, Gap) else None) == expected


def test_a_usual_poll_is_kept_as_it_is() -> None:
    now = table({"a": later(60, in_octets=1500), "b": later(60)}, "boot")
    kept, deltas = advance_ports(table({"a": BASE, "b": BASE}, "boot"), now)
    assert kept is now
    assert said(deltas, 0) == Delta(T0 + 60_000, 60_000, 500, 0, 0, 0, 0, 0)


def test_no_ports_are_no_trouble() -> None:
    before = table({"a": BASE}, "boot")
    kept, deltas = advance_ports(before, PortTable.empty((), "boot"))
    assert kept.names == ("a",)
    assert not len(deltas.reason)
    assert not len(advance_ports(None, PortTable.empty(()))[0])


def test_a_port_that_comes_back_goes_on_where_it_was() -> None:
    before = table({"a": BASE, "b": BASE}, "boot")
    kept, _ = advance_ports(before, table({"b": later(60)}, "boot"))
    assert kept.names == ("b", "a")
    back = table({"a": later(120, in_octets=5000), "b": later(120)}, "boot")
    assert said(advance_ports(kept, back)[1], 0) == Delta(
        T0 + 120_000, 120_000, 4000, 0, 0, 0, 0, 0
    )


def test_names_made_up_by_an_agent_dont_pile_up() -> None:
    kept: PortTable | None = None
    for poll in range(40):
        names = {f"made up {poll}.{port}": later(60 * poll) for port in range(10)}
        kept, _ = advance_ports(kept, table(names, "boot"))
        assert len(kept) <= 4 * 10 + 64
    assert kept is not None
    assert len(kept) == 104  # the latest: those of ten polls and four of the one before
    assert {name.split(".")[0] for name in kept.names} == {
        f"made up {poll}" for poll in range(29, 40)
    }
    assert advance_ports(kept, kept)[0].names == kept.names


@pytest.mark.parametrize("clock", ["other", ""])
def test_what_is_kept_from_another_clock_loses_its_monotonic_time(clock: str) -> None:
    before = table({"gone": BASE, "unread": BASE, "read": BASE}, "boot")
    now = table({"unread": later(60, in_octets=None), "read": later(60)}, clock)
    kept, _ = advance_ports(before, now)
    assert kept.names == ("unread", "read", "gone")
    assert kept[Item.MONOTONIC_MS].tolist() == [NOT_READ, 70_000, NOT_READ]
    assert before[Item.MONOTONIC_MS].tolist() == [10_000] * 3
    same, _ = advance_ports(before, replace(now, clock="boot"))
    assert same[Item.MONOTONIC_MS].tolist() == [10_000, 70_000, 10_000]


@pytest.mark.parametrize("seed", range(50))
def test_any_numbers_at_all_are_taken(seed: int) -> None:
    pick = np.random.default_rng(seed)
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    tables = [
        PortTable(NAMES, "boot", pick.integers(low, high, (len(Item), 3), endpoint=True))
        for _ in range(2)
    ]
    for one in tables:
        one.matrix[Item.BITS] = pick.choice((32, 64, 0), 3)
    with np.errstate(all="raise"):
        kept, deltas = advance_ports(*tables)
    assert kept.matrix.shape == (len(Item), 3)
    assert (deltas.in_octets[deltas.reason == 0] >= 0).all()
