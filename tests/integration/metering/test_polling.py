"""From real UDP to PostgreSQL: what agents count arrives, exactly, and once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.inventory.models import (
    Cabinet,
    Device,
    DeviceType,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.metering.frame_store import PortMemory, write_memories
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.power.models import PowerNode
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import FoundPort, accept_ports, register_agent, store_credential
from dcim.snmp.health.connection import check_connection
from dcim.snmp.polling import shards
from dcim.snmp.polling.port_recording import PortRecorder
from dcim.snmp.polling.recording import Outcome, record_outcomes
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.reading.readings import Reading
from tests.servers import Database

STORE = PostgresSampleStore()
SYSTEM = Scope.system("test")


@dataclass
class Counters:
    """A port's registers, moved by the test."""

    inward: int = 2**64 - 5_000
    outward: int = 10_000
    oper: int = 1
    errors: int = 7
    began: float = 0.0

    def uptime(self) -> int:
        return int((time.monotonic() - self.began + 1_000_000) * 100)


@dataclass
class Field:
    """Two devices and a sensor, bound to the inventory of a small room."""

    settings: Settings
    sessions: SessionFactory
    counters: Counters
    switch: Agent
    pdu: Agent
    room_id: int = 0

    async def poll(self, room: PollingRoom) -> int:
        return await poll_shard(room, 0)

    def run(self, work: "Callable[[PollingRoom], Awaitable[None]]") -> None:
        async def everything() -> None:
            async with Responder([self.switch, self.pdu]):
                room = PollingRoom(self.settings, self.sessions)
                try:
                    with transaction(self.sessions, SYSTEM) as session:
                        for agent in session.scalars(select(SnmpAgent)):
                            device = session.get_one(Device, agent.device_id)
                            own = self.switch if device.name == "sw-1" else self.pdu
                            agent.udp_port = own.port
                    await work(room)
                finally:
                    await room.close()

        asyncio.run(everything())

    def samples(self, family: str, slot: str) -> list[dict[str, int]]:
        with transaction(self.sessions, SYSTEM) as session:
            series = session.scalars(
                select(Series).where(Series.family == family, Series.slot == slot)
            ).one()
            [(_, columns)] = list(
                STORE.read(session, family, [series.id], 0, time.time_ns() // 1_000_000 + 1)
            )
            return [
                {
                    "span_ms": int(columns.span_ms[n]),
                    **{name: int(column[n]) for name, column in columns.values.items()},
                }
                for n in range(len(columns))
            ]


@pytest.fixture
def field(settings: Settings, sessions: SessionFactory) -> Field:
    settings = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
    counters = Counters(began=time.monotonic())
    who = trees.Identity("sw-1\u202e", "switch", trees.HUAWEI_SWITCH_ID, counters.uptime)
    port = trees.SwitchPort(
        1,
        "xge1/0/1",
        10_000_000_000,
        lambda: counters.inward,
        lambda: counters.outward,
        "C1003 uplink",
        oper=lambda: counters.oper,
        in_errors=lambda: counters.errors,
        out_errors=lambda: 0,
    )
    pdu = trees.apc_rpdu2_tree(
        trees.Identity("pdu-a", "pdu", trees.APC_RPDU2_ID, counters.uptime),
        lambda: 2_740.0,
        lambda: 51_234.5,
        [trees.Phase(lambda: 231.0, lambda: 11.9, lambda: 2_740.0)],
        (),
    )
    with transaction(sessions, SYSTEM) as session:
        kind = DeviceType(manufacturer="m", model="m", height=2)
        site = Site(code="S", name="站", name_en="Site")
        session.add_all([kind, site])
        session.flush()
        room = Room(site_id=site.id, code="R", name="房", name_en="Room")
        session.add(room)
        session.flush()
        row = Row(room_id=room.id, code="A", position=1)
        session.add(row)
        session.flush()
        cabinet = Cabinet(row_id=row.id, code="A-01", position=1)
        session.add(cabinet)
        session.flush()
        rack = Rack(cabinet_id=cabinet.id, code="A-01", u_count=42)
        session.add(rack)
        session.flush()
        credential = store_credential(
            session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
        )
        for name, port_number in (("sw-1", 20_001), ("pdu-a", 20_002)):
            device = Device(name=name, role="x", device_type_id=kind.id)
            session.add(device)
            session.flush()
            register_agent(
                session,
                SYSTEM,
                settings,
                device=device,
                address="127.0.0.1",
                credential=credential,
                udp_port=port_number,
            )
            session.add(
                Installation(
                    device_id=device.id, rack_id=rack.id, u_low=0, height=2, installed_at=utc_now()
                )
            )
            if name == "sw-1":
                accept_ports(session, SYSTEM, device, [FoundPort("xge1/0/1", 10_000_000_000)])
            else:
                session.add(
                    PowerNode(
                        site_id=site.id,
                        kind="pdu",
                        code="PDU-A",
                        feed="A",
                        rated_a=32,
                        rack_id=rack.id,
                        meter_device_id=device.id,
                        meter_place="input",
                    )
                )
        room_id = room.id
    return Field(
        settings,
        sessions,
        counters,
        Agent(LiveTree(trees.switch_tree(who, [port]))),
        Agent(LiveTree(pdu)),
        room_id,
    )


def test_octets_arrive_exactly_over_a_wrap_and_bindings_are_made(field: Field) -> None:
    async def work(room: PollingRoom) -> None:
        assert await poll_shard(room, 0) == 2
        await asyncio.sleep(0.3)
        field.counters.inward = 0 + 4_000  # 64 bits wrapped: 5,000 + 4,000
        field.counters.outward += 123_456
        field.counters.errors += 2
        field.counters.oper = 2
        assert await poll_shard(room, 0) == 2

    field.run(work)
    [traffic] = field.samples("traffic", "xge1/0/1")
    assert traffic["in_octets"] == 9_000
    assert traffic["out_octets"] == 123_456
    assert (traffic["in_errors"], traffic["out_errors"]) == (2, 0)
    assert 300 <= traffic["span_ms"] < 60_000
    assert [row["state"] for row in field.samples("state", "xge1/0/1")] == [1, 2]
    power = field.samples("power", "input")
    assert [(row["mv"], row["ma"], row["mw"]) for row in power] == [
        (231_000, 11_900, 2_740_000)
    ] * 2
    assert [row["wh"] for row in power] == [-1, 0]
    with transaction(field.sessions, SYSTEM) as session:
        port = session.scalars(select(Port)).one()
        bound = {
            (s.family, s.slot): (s.port_id, s.power_node_id)
            for s in session.scalars(select(Series))
        }
        assert bound["traffic", "xge1/0/1"] == (port.id, None)
        assert bound["power", "input"][1] is not None
        assert port.alias == "C1003 uplink"
        agents = session.scalars(select(SnmpAgent).order_by(SnmpAgent.id)).all()
        assert agents[1].profile == "apc_rpdu2"
        # Hostile text is kept without its direction marks.
        assert agents[0].sys_name == "sw-1"
        assert all(agent.last_error == "" and agent.last_answer_at for agent in agents)


def test_one_agent_is_polled_between_the_shards_polls_and_no_octet_is_lost(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.snmp.polling.shards._left_of_beat", lambda *_: 30.0)
    with transaction(field.sessions, SYSTEM) as session:
        chosen = session.scalars(
            select(SnmpAgent.id)
            .join(Device, Device.id == SnmpAgent.device_id)
            .where(Device.name == "sw-1")
        ).one()

    async def work(room: PollingRoom) -> None:
        assert await poll_shard(room, 0) == 2
        began = room.rounds[0].began
        await asyncio.sleep(0.3)
        field.counters.inward += 5_000
        assert await poll_shard(room, 0, [chosen]) == 1
        assert room.rounds[0].began == began  # the shard's own beat is as it was
        await asyncio.sleep(0.3)
        field.counters.inward += 7_000
        assert await poll_shard(room, 0) == 2

    field.run(work)
    samples = field.samples("traffic", "xge1/0/1")
    assert [sample["in_octets"] for sample in samples] == [5_000, 7_000]


def test_who_is_silent_between_the_shards_polls_is_not_called_so(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.snmp.polling.shards._left_of_beat", lambda *_: 30.0)
    with transaction(field.sessions, SYSTEM) as session:
        everybody = list(session.scalars(select(SnmpAgent.id)))

    async def work(room: PollingRoom) -> None:
        assert await poll_shard(room, 0) == 2
        field.pdu.silent = True
        assert await poll_shard(room, 0, everybody) == 1

    field.run(work)
    assert len(field.samples("traffic", "xge1/0/1")) == 1, "who answers is kept"
    with transaction(field.sessions, SYSTEM) as session:
        told = session.execute(select(SnmpAgent.silent_polls, SnmpAgent.last_error)).all()
        assert {tuple(row) for row in told} == {(0, "")}


@pytest.mark.parametrize(("now_s", "asked"), [(600.0, True), (655.0, False)])
def test_nobody_is_polled_between_when_the_shards_own_poll_is_due(
    field: Field, monkeypatch: pytest.MonkeyPatch, now_s: float, asked: bool
) -> None:
    with transaction(field.sessions, SYSTEM) as session:
        everybody = list(session.scalars(select(SnmpAgent.id)))

    async def work(room: PollingRoom) -> None:
        left_s = shards._left_of_beat(room.settings.poll_interval_s, now_s)
        monkeypatch.setattr("dcim.snmp.polling.shards._left_of_beat", lambda *_: left_s)
        assert await poll_shard(room, 0, everybody) == 2 * asked

    field.run(work)
    assert (field.switch.requests > 0) is asked


def test_silence_writes_no_sample_and_a_reboot_no_delta(field: Field) -> None:
    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        field.pdu.silent = True
        field.counters.began = time.monotonic() - 5 + 1_000_000  # sysUpTime restarts at 5 s
        field.counters.outward = 50
        await poll_shard(room, 0)

    field.run(work)
    assert len(field.samples("power", "input")) == 1
    assert field.samples("traffic", "xge1/0/1") == [], "a restart's counters are no traffic"
    with transaction(field.sessions, SYSTEM) as session:
        pdu = session.scalars(select(SnmpAgent).order_by(SnmpAgent.id.desc()).limit(1)).one()
        assert (pdu.silent_polls, pdu.last_error) == (
            1,
            "no answer: agent off, address wrong, or (v1/v2c) wrong community",
        )


def test_an_address_outside_the_allowed_networks_is_never_asked(field: Field) -> None:
    field.settings = replace(field.settings, snmp_allowed=(ip_network("10.0.0.0/8"),))

    async def work(room: PollingRoom) -> None:
        assert await poll_shard(room, 0) == 0

    field.run(work)
    assert field.switch.requests == field.pdu.requests == 0
    with transaction(field.sessions, SYSTEM) as session:
        errors = set(session.scalars(select(SnmpAgent.last_error)))
        assert len(errors) == 1
        assert "DCIM_SNMP_ALLOWED" in errors.pop()


def test_a_failing_transaction_keeps_nothing_and_the_next_poll_loses_nothing(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        field.counters.outward += 1_000
        with monkeypatch.context() as patch:

            def fail(session: ScopedSession, memories: object) -> None:
                raise OSError("the disk is full")

            patch.setattr("dcim.metering.store.write_memories", fail)
            with pytest.raises(OSError, match="full"):
                await poll_shard(room, 0)
        field.counters.outward += 234
        await poll_shard(room, 0)

    field.run(work)
    assert [row["out_octets"] for row in field.samples("traffic", "xge1/0/1")] == [1_234]


def test_counters_kept_apart_from_their_samples_would_lose_octets(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: one transaction is what saves them."""

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        field.counters.outward += 1_000
        with monkeypatch.context() as patch:

            def keep_at_once_then_fail(
                session: ScopedSession, memories: Sequence[PortMemory]
            ) -> None:
                with transaction(field.sessions, SYSTEM) as other:
                    write_memories(other, memories)
                raise OSError("the disk is full")

            patch.setattr("dcim.metering.store.write_memories", keep_at_once_then_fail)
            with pytest.raises(OSError, match="full"):
                await poll_shard(room, 0)
        field.counters.outward += 234
        await poll_shard(room, 0)

    field.run(work)
    assert [row["out_octets"] for row in field.samples("traffic", "xge1/0/1")] == [234]


def test_only_ambient_air_is_a_rooms_climate(field: Field) -> None:
    oid = (1, 3, 6, 1, 4, 1, 99)
    readings = [
        Reading("temperature", (*oid, n), place, Decimal(30), "°C", place)
        for n, place in enumerate(("ambient", "battery", "internal", "transceiver"), 1)
    ]
    with transaction(field.sessions, SYSTEM) as session:
        agent = session.scalars(select(SnmpAgent).order_by(SnmpAgent.id)).first()
        assert agent is not None
        now = time.time_ns() // 1_000_000
        outcome = Outcome(agent.id, agent.device_id, now, readings=readings)
        record_outcomes(session, PortRecorder(), [outcome], now)
    with transaction(field.sessions, SYSTEM) as session:
        bound = {series.slot: series.room_id for series in session.scalars(select(Series))}
    # What an optic module tells is kept as optics alone.
    assert bound == {"ambient": field.room_id, "battery": None, "internal": None}


def test_energy_recorded_again_or_late_changes_nothing(field: Field) -> None:
    """As a spool does that is replayed after a crash: the register was counted from already."""
    oid = (1, 3, 6, 1, 4, 1, 99)

    def outcome(agent: SnmpAgent, at_ms: int, kwh: str) -> Outcome:
        readings = [
            Reading("power", (*oid, 1), "input", Decimal(100), "W", "input"),
            Reading("energy", (*oid, 2), "input", Decimal(kwh), "kWh", "input"),
        ]
        return Outcome(agent.id, agent.device_id, at_ms, readings=readings)

    now = time.time_ns() // 1_000_000
    with transaction(field.sessions, SYSTEM) as session:
        agent = session.scalars(select(SnmpAgent).order_by(SnmpAgent.id)).first()
        assert agent is not None
        first, second = outcome(agent, now - 60_000, "7.0"), outcome(agent, now, "7.2")
    for each in (first, second, second, first):
        with transaction(field.sessions, SYSTEM) as session:
            record_outcomes(session, PortRecorder(), [each], now)
    with transaction(field.sessions, SYSTEM) as session:
        record_outcomes(session, PortRecorder(), [outcome(agent, now + 60_000, "7.3")], now)
        series = session.scalars(select(Series.id).where(Series.family == "power")).one()
        [(_, columns)] = STORE.read(session, "power", [series], 0, now + 60_001)
    assert columns.values["wh"].tolist() == [-1, 200, 100]


def test_trying_a_saved_agent(field: Field) -> None:
    async def work(room: PollingRoom) -> None:
        with transaction(field.sessions, SYSTEM) as session:
            agent_ids = list(session.scalars(select(SnmpAgent.id).order_by(SnmpAgent.id)))
        found = await asyncio.to_thread(
            check_connection, field.settings, field.sessions, SYSTEM, agent_ids[1]
        )
        assert found.answered
        assert found.profile == "apc_rpdu2"
        assert (found.ports, found.cause) == (0, "")
        assert found.readings > 3
        field.pdu.community = b"another"
        refused = await asyncio.to_thread(
            check_connection, field.settings, field.sessions, SYSTEM, agent_ids[1]
        )
        assert not refused.answered
        assert "wrong community" in refused.problem
        assert refused.cause == "timeout"

    field.run(work)


POLLER = """
import asyncio, json, sys
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.polling.room import PollingRoom
words = json.loads(sys.stdin.readline())
keys = EncryptionKeys("k1", {"k1": bytes.fromhex(words["key"])})
settings = Settings(data=Path(words["data"]), secret_key="", encryption=keys,
                    snmp_allowed=(ip_network("127.0.0.0/8"),))
async def main():
    room = PollingRoom(settings, make_sessions(make_engine(words["url"])))
    while True:
        await poll_shard(room, 0)
        print("polled", flush=True)
asyncio.run(main())
"""


@pytest.mark.slow
def test_kill_9_of_the_worker_doubles_nothing_and_loses_nothing(
    field: Field, clean_database: Database, tmp_path: Path
) -> None:
    """Whatever the kills, the stored deltas are the counter's whole way."""
    first = field.counters.outward

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)  # the reading that all deltas count from
        moving = True

        async def move() -> None:
            while moving:
                field.counters.outward += 977
                await asyncio.sleep(0.005)

        mover = asyncio.create_task(move())
        for polls in (1, 3, 2, 4):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                POLLER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            assert process.stdin
            assert process.stdout
            words = {
                "url": clean_database.app_url,
                "data": str(tmp_path),
                "key": field.settings.encryption.keys["k1"].hex(),
            }
            process.stdin.write(json.dumps(words).encode() + b"\n")
            for _ in range(polls):
                while await process.stdout.readline() != b"polled\n":  # its log comes here too
                    assert process.returncode is None, "the poller stopped"
            await asyncio.sleep(0.02 * polls)  # somewhere in the middle of the next one
            process.send_signal(signal.SIGKILL)
            await process.communicate()
        moving = False
        await mover
        await poll_shard(room, 0)

    field.run(work)
    rows = field.samples("traffic", "xge1/0/1")
    assert len(rows) >= 10
    assert sum(row["out_octets"] for row in rows) == field.counters.outward - first
