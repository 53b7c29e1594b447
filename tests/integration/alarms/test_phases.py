"""A UPS that tells its phases apart: all of them are watched, live and on history the same."""

import pytest
from sqlalchemy import select

from dcim.alarms.governing import rule_of
from dcim.alarms.trying import try_rule
from dcim.inventory.models import Device
from dcim.metering.models import Series
from dcim.power.models import PowerNode
from dcim.sla.feeds import load_supply
from tests.integration.alarms.conftest import STAFF, Watch

MUTE = (-1, -1, -1)


class Ups:
    """Of 100 A a phase, 80 A derated, at 400 V; a sample of each phase a minute."""

    def __init__(self, watch: Watch) -> None:
        self.watch, house = watch, watch.house
        self.node = house._add(
            PowerNode(
                site_id=house.site.id, kind="ups", code="UPS-1", feed="A", rated_a=100,
                derate_pct=80, phases=3, volts=400,
            )
        )  # fmt: skip
        device = house._add(Device(device_type_id=house.kind_id, name="ups-1", role="ups"))
        self.series = [
            house._add(
                Series(
                    family="power", device_id=device.id, slot=f"output-0{n}",
                    power_node_id=self.node.id,
                )
            ).id
            for n in (1, 2, 3)
        ]  # fmt: skip
        watch.session.commit()

    def tell(self, minute: float, *phases: tuple[int, int, int] | None) -> None:
        """(mV, mA, mW) of each phase, None of one that isn't told; seen by a round soon after."""
        ts = round(self.watch.at(minute).timestamp() * 1000)
        rows = [
            (number, ts, 0, 0, *one, -1)
            for number, one in zip(self.series, phases, strict=True)
            if one is not None
        ]
        self.watch.house.store.append(self.watch.session, "power", rows)
        self.watch.session.commit()
        self.watch.round(minute + 0.1)

    def compare(self, code: str, minutes: float) -> list[tuple[float, float | None]]:
        """When each alarm was raised and over, live, in minutes; a test on history says so too."""
        watch = self.watch
        found = [
            (one.raised_at, one.cleared_at)
            for one in watch.alarms(code)
            if one.subject_id == self.node.id
        ]
        start, end = (round(watch.at(one).timestamp() * 1000) for one in (0.5, minutes))
        tried = try_rule(watch.session, STAFF, rule_of(watch.rule(code)), start, end)
        assert [
            (one.raised_ms, one.cleared_ms)
            for one in tried.firings
            if one.subject_id == self.node.id
        ] == [
            (
                raised.timestamp() * 1000,
                None if cleared is None else cleared.timestamp() * 1000,
            )
            for raised, cleared in found
        ]
        zero = watch.at(0)
        return [
            (
                (raised - zero).total_seconds() / 60,
                None if cleared is None else (cleared - zero).total_seconds() / 60,
            )
            for raised, cleared in found
        ]


@pytest.fixture
def ups(watch: Watch) -> Ups:
    return Ups(watch)


def amps(*each: int) -> list[tuple[int, int, int]]:
    return [(230_000, one * 1000, one * 230_000) for one in each]


def test_the_fullest_phase_is_watched_and_not_the_first(ups: Ups) -> None:
    for minute in range(1, 8):
        ups.tell(minute, *amps(10, 20, 85))
    for minute in range(8, 15):
        ups.tell(minute, *amps(10, 20, 60))
    assert ups.compare("node-overloaded", 15) == [(6, 13)]
    [alarm] = ups.watch.alarms("node-overloaded")
    assert alarm.value == pytest.approx(85 / 80 * 100)


def test_while_a_phase_is_missing_nothing_is_raised_or_over(ups: Ups) -> None:
    low, _, high = amps(10, 20, 85)
    for minute in range(1, 7):
        ups.tell(minute, low, low, high)
    # The fullest tells nothing, then isn't told at all: neither is a load of two phases.
    for minute in range(7, 13):
        ups.tell(minute, low, low, MUTE if minute < 10 else None)
    for minute in range(13, 20):
        ups.tell(minute, low, low, low)
    assert ups.compare("node-overloaded", 20) == [(6, 18)]


def test_dead_is_the_ups_with_its_last_phase(ups: Ups) -> None:
    live, dead = (230_000, 5000, 1_000_000), (0, 0, 0)
    ups.tell(1, live, live, live)
    ups.tell(2, dead, live, live)
    ups.tell(3, dead, dead, None)
    assert ups.watch.alarms("node-dead") == []
    # The board says so too.
    now = load_supply(ups.watch.session, ups.watch.at(3.1)).nodes[ups.node.id]
    assert (now.state, now.mv) == ("unknown", 0)
    ups.tell(4, dead, dead, dead)
    now = load_supply(ups.watch.session, ups.watch.at(4.1)).nodes[ups.node.id]
    assert now.state == "down"
    for minute in (5, 6, 7):
        ups.tell(minute, live, dead, dead)
    assert ups.compare("node-dead", 8) == [(4, 6)]


def test_what_was_missed_is_read_back_with_all_its_phases(ups: Ups) -> None:
    """Also that a phase was told before the stretch that is read."""
    ups.tell(1, *amps(10, 10, 10))
    rows = []
    for minute in range(2, 9):
        ts = round(ups.watch.at(minute).timestamp() * 1000)
        rows += [(ups.series[n], ts, 0, 0, 230_000, 130_000, 29_900_000, -1) for n in (0, 1)]
    ups.watch.house.store.append(ups.watch.session, "power", rows)
    ups.tell(9, *amps(90, 90, 90))
    # The third was missing all the while: loaded is what has been shown since.
    assert ups.compare("node-overloaded", 10) == []
    for minute in range(10, 16):
        ups.tell(minute, *amps(90, 90, 90))
    assert ups.compare("node-overloaded", 16) == [(14, None)]


def test_a_meter_is_silent_when_no_phase_answers(ups: Ups) -> None:
    rule = rule_of(ups.watch.rule("node-silent"))
    ups.tell(1, *amps(1, 1, 1))
    for minute in range(2, 9):
        ups.tell(minute, None, *amps(1, 1))
    series = list(ups.watch.session.scalars(select(Series.id).where(Series.slot == "output-01")))
    assert series == ups.series[:1]
    start, end = (round(ups.watch.at(one).timestamp() * 1000) for one in (0.5, 20))
    [firing] = [
        one
        for one in try_rule(ups.watch.session, STAFF, rule, start, end).firings
        if one.subject_id == ups.node.id
    ]
    assert firing.raised_ms == ups.watch.at(13).timestamp() * 1000
