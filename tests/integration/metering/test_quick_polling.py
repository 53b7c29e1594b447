"""The sweep's way from UDP to PostgreSQL: as exact as the general engine, and in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import select, text

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.inventory.models import Device, DeviceType
from dcim.metering import narrow
from dcim.metering.frame_store import Newest
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, write_counter_memory
from dcim.network.models import Port
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import register_agent, store_credential
from dcim.snmp.polling import port_walking
from dcim.snmp.polling.port_poll import PortOrder, PortPoll
from dcim.snmp.polling.port_recording import boot_clock
from dcim.snmp.polling.recording import Outcome, record_outcomes
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.reading.readings import DeviceReading, read_device
from dcim.snmp.wire.if_mib import IN_DISCARDS, OUT_DISCARDS, SYS_UPTIME

STORE = PostgresSampleStore()
SYSTEM = Scope.system("test")


@dataclass
class Switch:
    """One switch in stock; `order` is which port stands at which ifIndex, from 1; `beside` is what
    it tells beside its ports."""

    sessions: SessionFactory
    settings: Settings
    order: list[str] = field(default_factory=lambda: ["a", "b", "c"])
    counted: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    dropped: int = 0
    counts_discards: bool = True
    beside: trees.Objects = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    agent: Agent = field(init=False)
    whole: int = 0

    def __post_init__(self) -> None:
        self.agent = Agent(LiveTree({}))
        self.renumber(self.order)

    def renumber(self, order: list[str]) -> None:
        self.order = order
        who = trees.Identity("sw", "switch", trees.HUAWEI_SWITCH_ID, self._uptime)
        ports = [
            trees.SwitchPort(
                index,
                name,
                10_000_000_000,
                self._counter(name),
                self._counter(name),
                self.aliases.get(name, ""),
                out_discards=lambda: self.dropped,
            )
            for index, name in enumerate(order, 1)
        ]
        tree = trees.switch_tree(who, ports)
        if not self.counts_discards:
            hidden = (IN_DISCARDS, OUT_DISCARDS)
            tree = {oid: value for oid, value in tree.items() if oid[:-1] not in hidden}
        self.agent.tree = LiveTree(tree | self.beside)

    def _uptime(self) -> int:
        return int((time.monotonic() - self.began + 1_000_000) * 100)

    def _counter(self, name: str) -> Callable[[], int]:
        return lambda: self.counted.get(name, 0)

    def run(self, work: Callable[[PollingRoom], Awaitable[None]]) -> None:
        async def everything() -> None:
            async with Responder([self.agent]):
                with transaction(self.sessions, SYSTEM) as session:
                    session.scalars(select(SnmpAgent)).one().udp_port = self.agent.port
                room = PollingRoom(self.settings, self.sessions)
                try:
                    await work(room)
                finally:
                    await room.close()

        asyncio.run(everything())

    def octets(self, name: str) -> list[int]:
        return self.samples("traffic", "in_octets", name)

    def samples(self, family: str, column: str, name: str) -> list[int]:
        with transaction(self.sessions, SYSTEM) as session:
            ids = list(
                session.scalars(
                    select(Series.id).where(Series.family == family, Series.slot == name)
                )
            )
            found: list[int] = []
            for _, columns in STORE.read(session, family, ids, 0, 2**62):
                found += columns.values[column].tolist()
            return found


@pytest.fixture
def switch(settings: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> Switch:
    settings = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
    switch = Switch(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        kind = DeviceType(manufacturer="m", model="m", height=1)
        session.add(kind)
        session.flush()
        device = Device(name="sw", role="switch", device_type_id=kind.id, state="in_stock")
        session.add(device)
        session.flush()
        credential = store_credential(
            session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
        )
        register_agent(
            session,
            SYSTEM,
            settings,
            device=device,
            address="127.0.0.1",
            credential=credential,
            udp_port=1,
        )

    async def count(*arguments: Any) -> DeviceReading:
        switch.whole += 1
        return await read_device(*arguments)

    monkeypatch.setattr("dcim.snmp.polling.shards.read_device", count)
    return switch


def test_only_the_first_poll_reads_everything(switch: Switch) -> None:
    async def work(room: PollingRoom) -> None:
        for n in range(4):
            switch.counted = {"a": 100 * n, "b": 7 * n, "c": 0}
            assert await poll_shard(room, 0) == 1

    switch.run(work)
    assert switch.whole == 1
    assert [switch.octets(name) for name in "abc"] == [[100] * 3, [7] * 3, [0] * 3]


def test_discards_by_both_ways_and_where_there_are_none(switch: Switch) -> None:
    """They wrap at 32 bits, a set back counter is unknown, and so is one that isn't there: traffic
    goes on, and once they are told again they are counted from there."""

    async def work(room: PollingRoom) -> None:
        async def poll(octets: int, *totals: int) -> None:
            for dropped in totals:
                switch.counted = {"a": octets + switch.counted.get("a", 0)}
                switch.dropped = dropped
                assert await poll_shard(room, 0) == 1

        await poll(1, 2**32 - 5, 3, 3, 10, 2)  # the first by the whole way
        assert switch.whole == 1
        switch.counts_discards = False
        switch.renumber(switch.order)
        await poll(1, 0, 0)
        with transaction(switch.sessions, SYSTEM) as session:
            newest = STORE.latest(session, "discards").values()
        assert {each.values["out_discards"] for each in newest} == {-1}
        switch.counts_discards = True
        switch.renumber(switch.order)
        await poll(1, 100, 104)

    switch.run(work)
    assert switch.octets("a") == [1] * 8
    assert switch.samples("discards", "out_discards", "a") == [8, 0, 7, -1, 4]
    assert switch.samples("discards", "in_discards", "a") == [0, 0, 0, 0, 0]


def test_after_the_upgrade_the_next_poll_counts_them_and_loses_nothing(switch: Switch) -> None:
    """What a version before discards left: a layout without them, a memory of fewer rows."""

    async def work(room: PollingRoom) -> None:
        for n in range(4):
            switch.counted = {"a": 100 * n}
            switch.dropped = 7 * n
            assert await poll_shard(room, 0) == 1
            if n == 1:
                with transaction(switch.sessions, SYSTEM) as session:
                    session.execute(text("UPDATE frame_layout SET discard_ids = '{0,0,0}'"))
                    session.execute(text("DELETE FROM series WHERE family = 'discards'"))
                    newest = bytes(session.scalars(text("SELECT newest FROM port_memory")).one())
                    table = narrow.unpack(newest, {2: len(Newest)}, 3)[: Newest.IN_DISCARDS]
                    session.execute(
                        text("UPDATE port_memory SET newest = :body, ts = ts - 1"),
                        {"body": narrow.pack(table)},
                    )

    switch.run(work)
    assert switch.whole == 1
    assert switch.octets("a") == [100, 100, 100]
    assert switch.samples("discards", "out_discards", "a") == [7, 7]
    with transaction(switch.sessions, SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM frame_layout")) == 2


def test_a_switch_that_counts_no_discards_has_no_series_of_them(switch: Switch) -> None:
    switch.counts_discards = False
    switch.renumber(switch.order)

    async def work(room: PollingRoom) -> None:
        for n in range(2):
            switch.counted = {"a": n}
            assert await poll_shard(room, 0) == 1

    switch.run(work)
    assert switch.octets("a") == [1]
    with transaction(switch.sessions, SYSTEM) as session:
        families = set(session.scalars(select(Series.family)))
    assert families == {"traffic", "state"}


def test_a_swap_of_two_ports_moves_no_byte(switch: Switch) -> None:
    """ifIndex renumbering without a restart: noticed by the names, read whole in the same cycle."""

    async def work(room: PollingRoom) -> None:
        switch.counted = {"a": 1_000, "b": 50, "c": 5}
        await poll_shard(room, 0)
        await poll_shard(room, 0)
        switch.counted = {"a": 2_000, "b": 60, "c": 6}
        switch.renumber(["b", "a", "c"])
        await poll_shard(room, 0)
        switch.counted = {"a": 2_001, "b": 62, "c": 9}
        await poll_shard(room, 0)

    switch.run(work)
    assert switch.whole == 2
    assert switch.octets("a") == [0, 1_000, 1]
    assert switch.octets("b") == [0, 10, 2]
    assert switch.octets("c") == [0, 1, 3]


def test_without_comparing_names_a_swap_would_move_bytes(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the sweep alone takes what stands at an index for the port that stood there."""

    def believe(last: PortOrder | None, this: PortPoll) -> bool:
        assert last is not None
        object.__setattr__(this, "table", replace(this.table, names=last.names))
        return True

    monkeypatch.setattr(port_walking, "same_ports", believe)

    async def work(room: PollingRoom) -> None:
        switch.counted = {"a": 1_000, "b": 50, "c": 5}
        await poll_shard(room, 0)
        switch.renumber(["b", "a", "c"])
        switch.counted = {"a": 2_000, "b": 60, "c": 6}
        await poll_shard(room, 0)

    switch.run(work)
    assert switch.octets("b") == [1_950]


def test_ports_that_come_and_go_and_come_back(switch: Switch) -> None:
    async def work(room: PollingRoom) -> None:
        switch.counted = {"a": 1, "b": 10, "c": 100}
        await poll_shard(room, 0)
        switch.renumber(["a", "d", "c"])
        switch.counted = {"a": 2, "b": 20, "c": 200, "d": 5}
        await poll_shard(room, 0)
        switch.renumber(["a", "d", "c", "b"])
        switch.counted = {"a": 3, "b": 30, "c": 300, "d": 6}
        await poll_shard(room, 0)

    switch.run(work)
    assert switch.octets("a") == [1, 1]
    assert switch.octets("d") == [1]
    assert switch.octets("b") == [20]  # the same port by its name, and its counter went on


def test_another_worker_goes_on_where_the_last_one_stopped(switch: Switch) -> None:
    async def work(room: PollingRoom) -> None:
        other = PollingRoom(switch.settings, switch.sessions)
        try:
            await poll_shard(room, 0)
            for n, of in enumerate((room, other, room, other), 1):
                switch.counted = dict.fromkeys("abc", 10 * n)
                await poll_shard(of, 0)
        finally:
            await other.close()

    switch.run(work)
    assert switch.octets("a") == [10] * 4
    assert switch.whole == 1, "what the last poll had is in the database, for any worker"


def test_a_poll_recorded_again_changes_nothing(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a spool that is replayed after a crash does."""
    kept: list[Outcome] = []

    async def work(room: PollingRoom) -> None:
        def keep(session: Any, recorder: Any, outcomes: list[Outcome], now_ms: int) -> None:
            kept.extend(outcomes)
            record_outcomes(session, recorder, outcomes, now_ms)

        with monkeypatch.context() as patch:
            patch.setattr("dcim.snmp.polling.keeping.record_outcomes", keep)
            for n in range(3):
                switch.counted = {"a": 100 * n}
                await poll_shard(room, 0)
        for again in (kept, kept[1:2]):
            for outcome in again:
                with transaction(switch.sessions, SYSTEM) as session:
                    record_outcomes(session, room.recorder, [outcome], outcome.at_ms)
        switch.counted = {"a": 250}
        await poll_shard(room, 0)

    switch.run(work)
    assert len(kept) == 3
    assert switch.octets("a") == [100, 100, 50]


def test_counters_of_the_version_before_are_taken_over(switch: Switch) -> None:
    now_ms = time.time_ns() // 1_000_000
    with transaction(switch.sessions, SYSTEM) as session:
        device = session.scalars(select(Device)).one()
        series = Series(family="traffic", device_id=device.id, slot="a")
        session.add(series)
        session.flush()
        state = {
            "ts_ms": now_ms - 5_000,
            "bits": 64,
            "in_octets": 2**64 - 2,
            "out_octets": 8,
            "uptime_ticks": switch._uptime() - 500,
            "speed_bps": 10_000_000_000,
            "discontinuity": 0,
            "monotonic_ms": time.monotonic_ns() // 1_000_000 - 5_000,
            "clock": boot_clock(),
        }
        write_counter_memory(session, {series.id: state})

    async def work(room: PollingRoom) -> None:
        switch.counted = {"a": 20}
        await poll_shard(room, 0)

    switch.run(work)
    assert switch.octets("a") == [22]
    assert switch.octets("b") == []
    with transaction(switch.sessions, SYSTEM) as session:
        assert session.execute(text("SELECT count(*) FROM counter_memory")).scalar_one() == 0


def test_descriptions_are_read_when_everything_is_read_again(switch: Switch) -> None:
    with transaction(switch.sessions, SYSTEM) as session:
        device = session.scalars(select(Device)).one()
        session.add(Port(device_id=device.id, name="b", speed_bps=0, alias=""))

    def alias() -> str:
        with transaction(switch.sessions, SYSTEM) as session:
            return session.scalars(select(Port.alias)).one()

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        switch.aliases = {"b": "C1003"}
        switch.renumber(switch.order)
        await poll_shard(room, 0)
        assert alias() == ""
        [habits] = room.habits.values()
        assert habits.full_read_at > time.monotonic() + 3_000
        habits.full_read_at = 0
        await poll_shard(room, 0)
        assert alias() == "C1003"

    switch.run(work)
    assert switch.whole == 2


def test_an_agent_the_plan_cannot_tell_of_is_soon_left_to_the_general_engine(
    switch: Switch,
) -> None:
    """Two ports of one name: the plan refuses them each time, and isn't tried for ever."""

    async def work(room: PollingRoom) -> None:
        switch.renumber(["a", "b", "b"])
        for n in range(5):
            switch.counted = {"a": 5 * n, "b": 1}
            await poll_shard(room, 0)
        [habits] = room.habits.values()
        assert habits.unfit_until > time.monotonic()

    switch.run(work)
    assert switch.whole == 5
    assert switch.octets("a") == [5] * 4
    assert switch.octets("b") == []


def test_what_one_agent_sends_never_stops_the_sweep(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours in judging it is logged, and the agent read by the general engine."""

    def stumble(read: object, clock: str) -> PortPoll:
        raise IndexError("a fault that nobody thought of")

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        switch.counted = {"a": 5}
        with monkeypatch.context() as patch:
            patch.setattr(port_walking, "gather_poll", stumble)
            assert await poll_shard(room, 0) == 1
        switch.counted = {"a": 7}
        assert await poll_shard(room, 0) == 1

    switch.run(work)
    assert switch.whole == 2
    assert switch.octets("a") == [5, 2]


def test_an_agent_without_sysuptime_stays_with_the_general_engine(switch: Switch) -> None:
    """The plan believes no reply without it; such an agent would seem dead."""

    async def work(room: PollingRoom) -> None:
        tree = switch.agent.tree
        assert isinstance(tree, LiveTree)
        tree._objects[SYS_UPTIME] = lambda: None
        for _ in range(3):
            assert await poll_shard(room, 0) == 1

    switch.run(work)
    assert switch.whole == 3
    assert switch.octets("a") == [], "without it a restart can't be told from traffic"


def test_a_silent_switch_is_an_error_and_its_return_no_traffic_of_the_gap(switch: Switch) -> None:
    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        switch.agent.silent = True
        assert await poll_shard(room, 0) == 0
        with transaction(switch.sessions, SYSTEM) as session:
            agent = session.scalars(select(SnmpAgent)).one()
            assert agent.silent_polls == 1
            assert agent.last_error.startswith("no answer")
        switch.agent.silent = False
        switch.counted = {"a": 10**9}
        assert await poll_shard(room, 0) == 1
        with transaction(switch.sessions, SYSTEM) as session:
            assert session.scalars(select(SnmpAgent.silent_polls)).one() == 0

    switch.run(work)
    # The counter tells of the whole time, which is short enough to be one sample.
    assert switch.octets("a") == [10**9]
    assert switch.whole == 1
