"""Optics from UDP to PostgreSQL: read at their own pace, kept by lane, and never in the way."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from dcim.db import transaction
from dcim.demo.optic_trees import Lane, Module, optics_tree
from dcim.metering.families import NO_LIGHT, NO_OPTICS, NO_POWER, NO_TEMPERATURE
from dcim.metering.models import Series
from dcim.snmp.agents.models import SnmpAgent, Transceiver
from dcim.snmp.polling import shards
from dcim.snmp.polling.outcome_codec import Batch, decode, encode
from dcim.snmp.polling.recording import Outcome, record_outcomes
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.reading.optics import Transceiver as Told
from dcim.snmp.wire import faults
from tests.integration.metering.test_quick_polling import STORE, SYSTEM, Switch, switch

__all__ = ["switch"]


class Light:
    """What the module in port b says; a test changes it."""

    def __init__(self) -> None:
        self.rx: list[float | None] = [-3.5, -4.25]
        self.serial = "S1"

    def module(self) -> Module:
        lanes = [Lane(partial(self.rx.__getitem__, at), lambda: -2.0, lambda: 6.5) for at in (0, 1)]
        return Module(2, "b", "ACME", "LR4", self.serial, lanes, lambda: 41, lambda: 3.3)


def plug_in(switch: Switch, *modules: Module) -> None:
    switch.beside = optics_tree(modules)
    switch.renumber(switch.order)


def make_due(room: PollingRoom) -> None:
    for habits in room.habits.values():
        habits.optics_at = 0.0


def newest(switch: Switch) -> tuple[Transceiver, list[dict[str, int]]]:
    with transaction(switch.sessions, SYSTEM) as session:
        one = session.scalars(select(Transceiver)).one()
        found = STORE.latest(session, "optics", one.lanes)
        session.expunge(one)
        return one, [dict(found[lane].values) for lane in one.lanes]


def test_lanes_are_kept_and_read_by_the_plan(switch: Switch) -> None:
    light = Light()
    plug_in(switch, light.module())

    async def work(room: PollingRoom) -> None:
        assert await poll_shard(room, 0) == 1
        make_due(room)
        assert await poll_shard(room, 0) == 1
        one, lanes = newest(switch)
        assert (one.port_name, one.vendor, one.part, one.serial) == ("b", "ACME", "LR4", "S1")
        assert one.limits["rx"]["low_alarm"] == -14400
        assert lanes == [
            {"rx_mdbm": -3500, "tx_mdbm": -2000, "bias_ua": 6500, "mc": 41000, "mv": 3300},
            {**NO_OPTICS, "rx_mdbm": -4250, "tx_mdbm": -2000, "bias_ua": 6500},
        ]
        # Not due: nobody asks for light in a quick poll.
        await poll_shard(room, 0)
        assert newest(switch)[0].read_at == one.read_at
        # Due: darkness is told as such, an unread lane as nothing; the plan is the same.
        light.rx[:] = [-45.0, None]
        (habits,) = room.habits.values()
        plan = habits.optics
        make_due(room)
        await poll_shard(room, 0)
        assert habits.optics is plan is not None
        _one, lanes = newest(switch)
        assert [lane["rx_mdbm"] for lane in lanes] == [NO_LIGHT, NO_POWER]
        # Another module in the cage, and one in a port that had none: a new plan.
        light.serial = "S2"
        habits.optics_until = 0.0
        plug_in(switch, light.module())
        make_due(room)
        await poll_shard(room, 0)
        two, _lanes = newest(switch)
        assert (two.serial, two.lanes) == ("S2", one.lanes)
        assert two.since == two.read_at > one.since
        more = replace(light.module(), index=3, name="c", serial="S3")
        plug_in(switch, light.module(), more)
        make_due(room)
        await poll_shard(room, 0)

    switch.run(work)
    with transaction(switch.sessions, SYSTEM) as session:
        named = session.scalars(select(Transceiver.port_name).order_by(Transceiver.port_name))
        assert list(named) == ["b", "c"]
        # A series of optics measures no port by its name: traffic and states alone are bound.
        series = session.scalars(select(Series).where(Series.family == "optics")).all()
        assert {one.slot for one in series} == {
            f"lane {lane} {port}" for lane in (1, 2) for port in "bc"
        }
        assert {one.step_s for one in series} == {300}


def test_a_module_that_follows_the_only_one_is_read_at_the_next_turn(switch: Switch) -> None:
    light = Light()

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        for serial in ("S1", "", "", "S2"):
            light.serial = serial
            plug_in(switch, *([light.module()] if serial else []))
            make_due(room)
            assert await poll_shard(room, 0) == 1

    switch.run(work)
    one, _lanes = newest(switch)
    assert one.serial == "S2"
    with transaction(switch.sessions, SYSTEM) as session:
        assert session.scalars(select(SnmpAgent.last_optics_at)).one() == one.read_at


def test_ports_are_kept_whatever_becomes_of_their_optics(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(switch, Light().module())
    raised: list[Exception] = [faults.Timeout("late"), RuntimeError("odd"), TimeoutError()]

    async def fail(*_arguments: Any) -> Any:
        raise raised[-1]

    monkeypatch.setattr(shards, "read_optics", fail)
    told: list[str] = []
    monkeypatch.setattr(shards.log, "exception", lambda what, **_about: told.append(what))

    async def work(room: PollingRoom) -> None:
        for n in range(4):
            switch.counted = {"a": 100 * n}
            if n > 1:
                raised.pop()
            make_due(room)
            assert await poll_shard(room, 0) == 1

    switch.run(work)
    assert switch.octets("a") == [100] * 3
    assert told == ["optics can't be read"]
    with transaction(switch.sessions, SYSTEM) as session:
        assert session.scalars(select(Transceiver)).all() == []
        agent = session.scalars(select(SnmpAgent)).one()
        assert (agent.last_optics_at, agent.last_error) == (None, "")


def test_recorded_twice_or_late_is_recorded_once(switch: Switch) -> None:
    with transaction(switch.sessions, SYSTEM) as session:
        agent = session.scalars(select(SnmpAgent)).one()
        who = (agent.id, agent.device_id)
    room = PollingRoom(switch.settings, switch.sessions)
    now = time.time_ns() // 1_000_000

    def outcome(at_ms: int, rx: int, serial: str) -> Outcome:
        told = Told("a", ({**NO_OPTICS, "rx_mdbm": rx},), {"rx": {"low_alarm": -9000}}, "V", "P",
                    serial)  # fmt: skip
        return Outcome(*who, at_ms, optics=[told])

    newer, older = outcome(now, -2000, "new"), outcome(now - 600_000, -1000, "old")
    # As it comes back from disk.
    (spooled,) = decode(encode(Batch(0, (newer,)))).outcomes
    assert (spooled.optics, spooled.at_ms) == (newer.optics, newer.at_ms)
    (none,) = decode(encode(Batch(0, (Outcome(*who, now),)))).outcomes
    assert none.optics is None
    for each in (newer, spooled, older, older):
        with transaction(switch.sessions, SYSTEM) as session:
            record_outcomes(session, room.recorder, [each], now)
    one, lanes = newest(switch)
    assert (one.serial, lanes[0]["rx_mdbm"], lanes[0]["mc"]) == ("new", -2000, NO_TEMPERATURE)
    with transaction(switch.sessions, SYSTEM) as session:
        ((_id, columns),) = STORE.read(session, "optics", one.lanes, 0, now + 1)
        assert columns.values["rx_mdbm"].tolist() == [-1000, -2000]
        assert session.scalars(select(SnmpAgent)).one().last_optics_at == one.read_at


def test_a_name_that_fits_nowhere_is_left_out(switch: Switch) -> None:
    with transaction(switch.sessions, SYSTEM) as session:
        agent = session.scalars(select(SnmpAgent)).one()
        long = Told("p" * 255, (NO_OPTICS,))
        read = Outcome(agent.id, agent.device_id, time.time_ns() // 1_000_000, optics=[long])
        record_outcomes(
            session, PollingRoom(switch.settings, switch.sessions).recorder, [read], read.at_ms
        )
        assert session.scalars(select(Series).where(Series.family == "optics")).all() == []
