"""The back-fill says what the poller would have said: the same deltas, gaps and memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dcim.demo.meters import DAY_MS
from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.physics import World
from dcim.demo.plan_parts import DemoPlan, PortPlan
from dcim.demo.polls import PastPolls, Samples
from dcim.demo.series_plan import SeriesPlan, plan_series
from dcim.metering.families import DISCARDS, NOT_REPORTED, TRAFFIC
from dcim.snmp.counting.counters import CounterState, Delta, Reading, advance
from dcim.snmp.reading.measuring import energy_delta, pack_state, unpack_state
from tests.unit.demo.conftest import find_event

HOUR_MS = 3_600_000


def series_of(plan: DemoPlan, family: str, device: str, slot: str) -> SeriesPlan:
    return next(
        one
        for one in plan_series(plan)
        if (one.family, one.device, one.slot) == (family, device, slot)
    )


def poll_one_by_one(
    world: World, port: PortPlan, polls: PastPolls, names: Sequence[str]
) -> tuple[list[tuple[int, ...]], CounterState | None]:
    """Feed every poll to `advance`, as the live poller does."""
    state: CounterState | None = None
    found: list[tuple[int, ...]] = []
    for at in polls.instants(port.device):
        instant = np.array([at], dtype=np.int64)
        reading = world.port(port.key, instant)
        ticks = int(at - world.outages.boots(port.device, instant)[0]) // 10
        narrow = port.device == NARROW_SWITCH
        state, result = advance(
            state,
            Reading(
                ts_ms=int(at),
                bits=32 if narrow else 64,
                in_octets=int(reading.in_octets[0]),
                out_octets=int(reading.out_octets[0]),
                uptime_ticks=ticks,
                engine_time_s=ticks // 100,
                speed_bps=port.speed_bps,
                discontinuity=None if narrow else 0,
                in_errors=int(reading.in_errors[0]),
                out_errors=int(reading.out_errors[0]),
                in_discards=int(reading.in_discards[0]),
                out_discards=int(reading.out_discards[0]),
            ),
        )
        if isinstance(result, Delta):
            counts = [getattr(result, name) for name in names]
            assert None not in counts
            found.append((result.ts_ms, result.span_ms, *counts))
    return found, state


def rows(samples: Samples) -> list[tuple[int, ...]]:
    columns = [samples.ts, samples.span_ms, *samples.values.values()]
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("kind", "target", "device", "name"),
    [
        ("reboot", "core-2", "core-2", "xle1/1/1"),
        ("blind", "acc-d", "acc-d", "fe1/0/1"),
        ("port_down", "acc-a:xge1/0/2", "acc-a", "xge1/0/2"),
        ("blind", "acc-d", "acc-d", "fe1/0/49"),
    ],
)
def test_deltas_are_those_of_the_poller(
    plan: DemoPlan, world: World, kind: str, target: str, device: str, name: str
) -> None:
    event = find_event(plan, kind, target)
    polls = PastPolls(world, event.start_ms - HOUR_MS, event.end_ms + HOUR_MS)
    one = series_of(plan, "traffic", device, name)
    assert isinstance(one.subject, PortPlan)
    expected, state = poll_one_by_one(world, one.subject, polls, TRAFFIC.columns)
    samples = polls.samples(one)
    assert rows(samples) == expected
    assert len(expected) > 100
    assert unpack_state(samples.memory) == state
    assert state is not None
    assert samples.memory == pack_state(state)
    dropped, _ = poll_one_by_one(world, one.subject, polls, DISCARDS.columns)
    assert rows(polls.samples(series_of(plan, "discards", device, name))) == dropped


def test_control_without_the_boot_times_the_restart_would_count(
    plan: DemoPlan, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = find_event(plan, "reboot", "core-2")
    polls = PastPolls(world, event.start_ms - HOUR_MS, event.end_ms + HOUR_MS)
    one = series_of(plan, "traffic", "core-2", "xle1/1/1")
    assert (polls.samples(one).values["in_octets"] >= 0).all()
    monkeypatch.setattr(world.outages, "boots", lambda device, ts: np.zeros_like(ts))
    assert (polls.samples(one).values["in_octets"] < 0).sum() == 1


@pytest.mark.parametrize("device", ["pdu-a-02-a", "pdu-d-02-a", "pdu-b-05-b"])
def test_energy_is_that_of_the_poller(plan: DemoPlan, world: World, device: str) -> None:
    target = {"pdu-a-02-a": "RPP-A1", "pdu-b-05-b": "RPP-B2/Q05"}.get(device)
    event = find_event(plan, *(("node_dead", target) if target else ("blind", device)))
    polls = PastPolls(world, event.start_ms - HOUR_MS, event.end_ms + HOUR_MS)
    samples = polls.samples(series_of(plan, "power", device, "input"))
    memory: dict[str, Any] | None = None
    _, row, place, feed = device.split("-")
    for at, wh, span in zip(samples.ts, samples.values["wh"], samples.span_ms, strict=True):
        register = int(
            world.pdu(f"{row.upper()}-{place}", feed.upper(), np.array([at], dtype=np.int64)).wh[0]
        )
        expected = energy_delta(memory, register, int(at))
        assert wh == expected
        assert span == (0 if expected == NOT_REPORTED or memory is None else at - memory["ts"])
        memory = {"wh": register, "ts": int(at)}
    assert samples.memory == memory
    lost = (samples.values["wh"] == NOT_REPORTED).sum()
    assert lost == (1 if target is None else 2)  # the first one; and across a long silence


def test_every_series_of_a_day_is_nearly_whole(plan: DemoPlan, world: World) -> None:
    start = plan.month_start_ms + 6 * DAY_MS
    polls = PastPolls(world, start, start + 2 * HOUR_MS)
    for one, samples in polls.every_series():
        assert len(samples.ts) >= 118, one
        assert set(samples.values) == set(samples.family.columns)
        assert (np.diff(samples.ts) > 0).all()
