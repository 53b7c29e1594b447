"""What is true in the demo: monotone counters, outages that spread down, loads that move over."""

import numpy as np
import pytest

from dcim.demo.meters import DAY_MS, Meter
from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.noise import Ints
from dcim.demo.physics import COUNTER32, FRAME_OCTETS, TIGHT, World
from dcim.demo.plan_parts import DemoPlan
from dcim.demo.polls import PastPolls
from tests.unit.demo.conftest import find_event

MINUTE_MS = 60_000


def every_minute(start: int, end: int) -> Ints:
    return np.arange(start, end, MINUTE_MS, dtype=np.int64)


def one(instant: int) -> Ints:
    return np.array([instant], dtype=np.int64)


def ramp(minutes: Ints) -> Ints:
    return minutes % 7


def test_a_meter_is_the_sum_of_its_minutes() -> None:
    epoch = 20_000 * DAY_MS
    meter = Meter(epoch, ramp, initial=5)
    minutes = np.arange(epoch // MINUTE_MS, epoch // MINUTE_MS + 4_000, dtype=np.int64)
    expected = 5 + np.concatenate(([0], np.cumsum(ramp(minutes))))
    assert (meter.total(minutes * MINUTE_MS) == expected[:-1]).all()
    later = one(int(minutes[-1]) * MINUTE_MS + 30_000)
    assert meter.total(later)[0] == expected[-2] + int(ramp(minutes[-1:])[0]) // 2


def test_a_meter_says_the_same_whoever_asks_first() -> None:
    epoch = 20_000 * DAY_MS
    asked_forwards, asked_backwards = Meter(epoch, ramp), Meter(epoch, ramp)
    instants = np.array([epoch + day * DAY_MS + day * 12_345 for day in range(9)], dtype=np.int64)
    backwards = [int(asked_backwards.total(one(int(at)))[0]) for at in instants[::-1]]
    assert asked_forwards.total(instants).tolist() == backwards[::-1]


def test_a_meter_knows_nothing_before_its_epoch() -> None:
    with pytest.raises(ValueError, match="before"):
        Meter(20_000 * DAY_MS, ramp).total(one(20_000 * DAY_MS - 1))


def test_counters_only_grow_and_single_reads_agree(plan: DemoPlan, world: World) -> None:
    start = plan.month_start_ms + 3 * DAY_MS
    instants = every_minute(start, start + DAY_MS) + 1_234
    for key in ("acc-a:ge1/0/1", "core-1:xle1/1/1"):
        whole = world.port(key, instants).in_octets
        assert (np.diff(whole) >= 0).all()
        assert np.diff(whole).max() > 0
        fresh = World(plan)
        for at in (0, 700, 1_439):
            assert fresh.port(key, instants[at : at + 1]).in_octets[0] == whole[at]


def test_a_day_has_a_rhythm(plan: DemoPlan, world: World) -> None:
    start = plan.month_start_ms + 5 * DAY_MS  # local midnight
    octets = np.diff(world.port("acc-a:ge1/0/1", every_minute(start, start + DAY_MS)).in_octets)
    night, morning = octets[2 * 60 : 5 * 60].mean(), octets[9 * 60 : 12 * 60].mean()
    assert morning > 3 * night


def test_the_narrow_switch_wraps(plan: DemoPlan, world: World) -> None:
    start = plan.month_start_ms + 3 * DAY_MS
    instants = every_minute(start, start + DAY_MS)
    octets = world.port("acc-d:fe1/0/1", instants).in_octets
    assert octets.max() < 1 << 32
    assert (np.diff(octets) < 0).sum() >= 3


def test_trunks_drop_a_little_when_they_are_tight_and_nothing_else_does(
    plan: DemoPlan, world: World
) -> None:
    instants = every_minute(plan.month_start_ms, plan.month_start_ms + 14 * DAY_MS)
    shares: dict[str, float] = {}
    for port in plan.ports:
        reading = world.port(port.key, instants)
        octets = np.diff(reading.out_octets) % COUNTER32
        dropped = np.diff(reading.out_discards) % COUNTER32
        assert not reading.in_discards.any()
        if dropped.any():
            shares[port.key] = float(octets[dropped > 0].min()) * 8 / 60 / port.speed_bps
            # A little: less than a packet in a thousand.
            assert dropped.sum() * FRAME_OCTETS * 1_000 < octets.sum()
    assert set(shares) == {f"{NARROW_SWITCH}:fe1/0/49", f"{NARROW_SWITCH}:fe1/0/50"}
    assert min(shares.values()) > TIGHT


def test_a_restart_begins_all_counters_again(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "reboot", "core-2")
    key = "core-2:xle1/1/1"
    before, after = world.port(key, one(event.start_ms)), world.port(key, one(event.end_ms + 1_000))
    assert after.in_octets[0] < before.in_octets[0] // 1_000
    outages = world.outages
    assert not outages.answers("core-2", one(event.start_ms + 1_000))[0]
    assert outages.answers("core-2", one(event.end_ms))[0]
    assert outages.boots("core-2", one(event.end_ms + 5_000))[0] == event.end_ms


def test_a_port_that_is_down_carries_nothing(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "port_down", "acc-a:xge1/0/2")
    event = next(e for e in plan.events if e.targets == ("acc-a:xge1/0/2",))
    inside = every_minute(event.start_ms + MINUTE_MS, event.end_ms - MINUTE_MS)
    reading = world.port("acc-a:xge1/0/2", inside)
    assert not reading.up.any()
    assert np.diff(reading.in_octets).sum() == 0
    assert world.port("acc-a:xge1/0/2", one(event.end_ms)).up[0]


def test_a_pdu_without_input_is_silent_and_its_branch_is_seen_dead(
    plan: DemoPlan, world: World
) -> None:
    event = find_event(plan, "node_dead", "RPP-A1")
    middle = one((event.start_ms + event.end_ms) // 2)
    before, back = one(event.start_ms - 1), one(event.end_ms + MINUTE_MS)
    answers = world.outages.answers
    assert answers("pdu-a-02-a", before)[0]
    assert not answers("pdu-a-02-a", middle)[0]
    assert answers("pdu-a-02-a", back)[0]
    assert answers("pdu-a-02-b", middle)[0]
    assert answers("bcm-a-a", middle)[0]
    dead = world.branch("A-02", "A", middle)
    assert (dead.mv[0], dead.ma[0], dead.mw[0]) == (0, 0, 0)
    assert world.panel("A", "A", middle).mv[0] == 0
    assert world.branch("B-02", "A", middle).mv[0] > 200_000


def test_the_other_feed_carries_all(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "node_dead", "RPP-A1")
    before, middle = one(event.start_ms - MINUTE_MS), one(event.start_ms + MINUTE_MS)
    share = world.pdu("A-02", "B", before).mw[0]
    whole = world.pdu("A-02", "B", middle).mw[0]
    assert whole > 1.7 * share


def test_both_feeds_of_two_racks_are_dead_for_37_minutes(plan: DemoPlan, world: World) -> None:
    day = find_event(plan, "node_dead", "RPP-B1")
    instants = np.arange(day.start_ms - 3_600_000, day.end_ms + 3_600_000, 1_000, dtype=np.int64)
    for rack, minutes in (("B-05", 37), ("B-06", 37), ("B-04", 0)):
        drawn = world.pdu(rack, "A", instants).mw + world.pdu(rack, "B", instants).mw
        assert int((drawn == 0).sum()) // 60 == minutes


def test_energy_is_the_integral_of_power(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "node_dead", "RPP-A1")
    instants = every_minute(event.start_ms - 6 * 3_600_000, event.end_ms + 6 * 3_600_000)
    for feed in ("A", "B"):
        reading = world.pdu("A-02", feed, instants)
        used = reading.wh[-1] - reading.wh[0]
        assert used == pytest.approx(reading.mw[:-1].sum() / 60_000, rel=0.02)


def test_the_hall_is_hot_for_70_minutes(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "hot", "M2")
    instants = np.arange(event.start_ms - 3_600_000, event.end_ms + 3_600_000, 60_000)
    above = (world.climate("env-m2-1", instants).mc > 27_000).sum()
    assert 64 <= above <= 76
    assert (world.climate("env-m1-1", instants).mc < 27_000).all()


def test_someone_overloads_feed_a_of_one_rack(plan: DemoPlan, world: World) -> None:
    now = one(plan.anchor_ms)
    assert world.pdu("A-03", "A", now).ma[0] > 0.75 * 32_000
    before = world.pdu("A-03", "A", one(plan.month_start_ms + DAY_MS)).ma[0]
    assert before < 0.6 * 32_000


def test_polls_leave_out_the_silent(plan: DemoPlan, world: World) -> None:
    event = find_event(plan, "node_dead", "RPP-A1")
    polls = PastPolls(world, event.start_ms - 600_000, event.end_ms + 600_000)
    silent = polls.instants("pdu-a-02-a")
    assert not ((silent >= event.start_ms) & (silent < event.end_ms)).any()
    assert len(polls.instants("pdu-a-02-b")) > len(silent) + 40
