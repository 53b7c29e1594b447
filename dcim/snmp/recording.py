"""Keeping what polls said: samples, counters, health and bindings, in the caller's transaction."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.inventory.models import Cabinet, Installation, Rack, Row
from dcim.metering.families import NOT_REPORTED
from dcim.metering.models import Series
from dcim.metering.store import (
    PostgresSampleStore,
    read_counter_memory,
    write_counter_memory,
)
from dcim.network.models import Port
from dcim.power.models import PowerNode
from dcim.snmp.counters import Delta, advance
from dcim.snmp.measuring import (
    Gauge,
    energy_delta,
    gather_gauges,
    oper_state,
    pack_state,
    unpack_state,
)
from dcim.snmp.models import SnmpAgent
from dcim.snmp.probe import ProbeResult
from dcim.snmp.readings import DeviceReading

# Only this place is the room's air; a battery's or a chassis's warmth is nobody's room climate.
ROOM_AIR = "ambient"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of polling one agent; `at_ms` is when its last answer was in, UTC epoch ms."""

    agent_id: int
    device_id: int
    at_ms: int
    reading: DeviceReading | None = None
    identity: ProbeResult | None = None
    error: str = ""
    duration_ms: int = 0


@cache
def boot_clock() -> str:
    """Names this machine's monotonic clock; readings are compared by it only within one boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Write everything or, when the transaction fails, nothing.

    The agents' rows are locked first: should two workers hold the same shard for a moment, the
    second one finds the first one's counters and takes its deltas from there.
    """
    agents = {
        agent.id: agent
        for agent in session.scalars(
            select(SnmpAgent)
            .where(SnmpAgent.id.in_([outcome.agent_id for outcome in outcomes]))
            .order_by(SnmpAgent.id)
            .with_for_update()
        )
    }
    answered = [
        outcome
        for outcome in outcomes
        if outcome.reading is not None and outcome.agent_id in agents
    ]
    work = _Recording(session, [outcome.device_id for outcome in answered])
    for outcome in answered:
        if outcome.reading is not None:
            work.take(outcome, outcome.reading)
    work.write()
    for outcome in outcomes:
        if agent := agents.get(outcome.agent_id):
            _note_health(agent, outcome)


def _note_health(agent: SnmpAgent, outcome: Outcome) -> None:
    at = dt.datetime.fromtimestamp(outcome.at_ms / 1000, dt.UTC)
    if agent.last_poll_at is not None and at < agent.last_poll_at:
        return
    agent.last_poll_at = at
    agent.last_duration_ms = outcome.duration_ms
    agent.last_error = outcome.error[:255]
    if outcome.reading is None:
        agent.silent_polls += 1
        return
    agent.last_answer_at = at
    agent.silent_polls = 0
    if (identity := outcome.identity) is not None:
        agent.profile = identity.profile[:64]
        agent.sys_name = identity.sys_name[:255]
        agent.sys_descr = identity.sys_descr[:255]
        agent.sys_object_id = identity.sys_object_id[:255]


@dataclass(slots=True)
class _Waiting:
    """A sample whose series may not have its id yet."""

    series: Series
    ts: int
    values: tuple[int, ...]
    span_ms: int = 0


@dataclass(slots=True)
class _Recording:
    session: Session
    device_ids: list[int]
    series: dict[tuple[str, int, str], Series] = field(init=False)
    ports: dict[tuple[int, str], Port] = field(init=False)
    nodes: dict[tuple[int, str], int] = field(init=False)
    rooms: dict[int, int] = field(init=False)
    samples: dict[str, list[_Waiting]] = field(default_factory=dict)
    memories: list[tuple[Series, dict[str, Any]]] = field(default_factory=list)
    remembered: dict[int, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        devices = self.device_ids
        found = self.session.scalars(select(Series).where(Series.device_id.in_(devices))).all()
        self.series = {(each.family, each.device_id, each.slot): each for each in found}
        self.ports = {
            (port.device_id, port.name): port
            for port in self.session.scalars(select(Port).where(Port.device_id.in_(devices)))
        }
        self.nodes = {
            (device_id, place): node_id
            for device_id, place, node_id in self.session.execute(
                select(PowerNode.meter_device_id, PowerNode.meter_place, PowerNode.id).where(
                    PowerNode.meter_device_id.in_(devices)
                )
            )
            if device_id is not None and place is not None
        }
        placed = self.session.execute(
            select(Installation.device_id, Row.room_id)
            .join(Rack, Rack.id == Installation.rack_id)
            .join(Cabinet, Cabinet.id == Rack.cabinet_id)
            .join(Row, Row.id == Cabinet.row_id)
            .where(Installation.device_id.in_(devices))
        )
        self.rooms = {row.device_id: row.room_id for row in placed}
        self.remembered = read_counter_memory(self.session, [each.id for each in found])

    def take(self, outcome: Outcome, reading: DeviceReading) -> None:
        for name, port in reading.ports.items():
            if not name:
                continue
            state = oper_state(port.oper_status)
            bound = self._port(outcome.device_id, name, port.alias)
            if state is not None:
                series = self._series("state", outcome.device_id, (name,), port=bound)
                self._add(series, port.received.wall_ms, (state,))
            if port.in_octets is None or port.out_octets is None:
                continue
            series = self._series("traffic", outcome.device_id, (name,), port=bound)
            before = unpack_state(self._memory(series))
            after, result = advance(
                before, port.counters(reading.uptime_ticks, reading.engine_time_s, boot_clock())
            )
            if after is not None and after is not before:
                self.memories.append((series, pack_state(after)))
            if isinstance(result, Delta):
                values = (
                    result.in_octets,
                    result.out_octets,
                    NOT_REPORTED if result.in_errors is None else result.in_errors,
                    NOT_REPORTED if result.out_errors is None else result.out_errors,
                )
                self._add(series, result.ts_ms, values, result.span_ms)
        for gauge in gather_gauges(reading.readings):
            self._take_gauge(outcome, gauge)

    def _take_gauge(self, outcome: Outcome, gauge: Gauge) -> None:
        series = self._series(gauge.family, outcome.device_id, gauge.names, place=gauge.place)
        if gauge.family == "climate":
            self._add(series, outcome.at_ms, (gauge.values["mc"], gauge.values["rh"]))
            return
        memory = self._memory(series)
        used = energy_delta(memory, gauge.energy_wh, outcome.at_ms)
        span = 0 if used < 0 or memory is None else outcome.at_ms - int(memory["ts"])
        if gauge.energy_wh is not None:
            self.memories.append((series, {"wh": gauge.energy_wh, "ts": outcome.at_ms}))
        values = (gauge.values["mv"], gauge.values["ma"], gauge.values["mw"], used)
        self._add(series, outcome.at_ms, values, span)

    def _memory(self, series: Series) -> dict[str, Any] | None:
        return self.remembered.get(series.id) if series.id is not None else None

    def _port(self, device_id: int, name: str, alias: str) -> Port | None:
        port = self.ports.get((device_id, name))
        if port is not None and port.alias != alias:
            port.alias = alias[:255]
        return port

    def _series(
        self,
        family: str,
        device_id: int,
        names: Iterable[str],
        *,
        port: Port | None = None,
        place: str = "",
    ) -> Series:
        """The series of a thing, by any of its names; made, and bound, where it is missing."""
        listed = [name[:255] for name in names]
        series = next(
            (
                self.series[family, device_id, name]
                for name in listed
                if (family, device_id, name) in self.series
            ),
            None,
        )
        node_id = None
        called = listed[0]
        if family == "power":
            called = next((name for name in listed if (device_id, name) in self.nodes), called)
            node_id = self.nodes.get((device_id, called), self.nodes.get((device_id, place)))
        if series is None:
            slot = called
            series = Series(family=family, device_id=device_id, slot=slot)
            self.session.add(series)
            self.series[family, device_id, slot] = series
        if series.port_id is None and series.power_node_id is None and series.room_id is None:
            if port is not None:
                series.port_id = port.id
            elif node_id is not None:
                series.power_node_id = node_id
            elif family == "climate" and place == ROOM_AIR:
                series.room_id = self.rooms.get(device_id)
        return series

    def _add(self, series: Series, ts: int, values: tuple[int, ...], span_ms: int = 0) -> None:
        self.samples.setdefault(series.family, []).append(_Waiting(series, ts, values, span_ms))

    def write(self) -> None:
        self.session.flush()
        store = PostgresSampleStore()
        for family, waiting in sorted(self.samples.items()):
            store.append(
                self.session,
                family,
                [(w.series.id, w.ts, w.span_ms, 0, *w.values) for w in waiting],
            )
        write_counter_memory(self.session, {series.id: state for series, state in self.memories})
