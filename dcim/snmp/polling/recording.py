"""Keeping what polls said: samples, counters, health and bindings, in the caller's transaction."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.inventory.models import Cabinet, Installation, Rack, Row
from dcim.metering.bindings import bind_ports
from dcim.metering.families import DAY_MS
from dcim.metering.models import Series
from dcim.metering.store import (
    PostgresSampleStore,
    read_counter_memory,
    write_counter_memory,
)
from dcim.power.models import PowerNode
from dcim.snmp.agents.drop_counts import DropKey, add_drops
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.polling.optic_recording import OpticsRead, record_optics
from dcim.snmp.polling.port_poll import PortPoll
from dcim.snmp.polling.port_recording import PortRecorder
from dcim.snmp.reading.measuring import Gauge, energy_delta, gather_gauges
from dcim.snmp.reading.optics import Transceiver
from dcim.snmp.reading.probe import ProbeResult
from dcim.snmp.reading.readings import Reading

# Only this place is the room's air; a battery's or a chassis's warmth is nobody's room climate.
ROOM_AIR = "ambient"
# What optic modules tell is kept as optics, lane by lane.
OPTIC = "transceiver"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of polling one agent; `at_ms` is when its last answer was in, UTC epoch ms.

    `ports` and `readings` are what it said, `ports` None where none were asked for, as `optics`;
    `aliases` are ifAlias by port name, where they were read. `error` is empty if it answered.
    `drops` is what was not accepted of it since its last poll, by reason; `strays` is what came
    from addresses nobody asked meanwhile: no agent's, but recorded with one, so that it is recorded
    once.
    """

    agent_id: int
    device_id: int
    at_ms: int
    ports: PortPoll | None = None
    readings: Sequence[Reading] = ()
    optics: Sequence[Transceiver] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    identity: ProbeResult | None = None
    error: str = ""
    duration_ms: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    strays: Mapping[str, int] = field(default_factory=dict)


def record_outcomes(
    session: Session, recorder: PortRecorder, outcomes: Sequence[Outcome], now_ms: int
) -> None:
    """Write everything or, when the transaction fails, nothing.

    The agents' rows are locked first: should two workers hold the same shard for a moment, the
    second one finds the first one's counters and takes its deltas from there. `now_ms` is the
    present time, UTC epoch ms.
    """
    locked = session.execute(
        text(
            "SELECT id, last_poll_at FROM snmp_agent WHERE id = ANY(CAST(:ids AS bigint[]))"
            " ORDER BY id FOR UPDATE"
        ),
        {"ids": [outcome.agent_id for outcome in outcomes]},
    )
    last_at = {row.id: row.last_poll_at for row in locked}
    outcomes = [outcome for outcome in outcomes if outcome.agent_id in last_at]
    _count_drops(session, [each for each in outcomes if _is_later(each, last_at[each.agent_id])])
    polls = [(each.device_id, each.ports) for each in outcomes if each.ports is not None]
    recorder.record(session, polls, now_ms)
    _record_gauges(session, [outcome for outcome in outcomes if outcome.readings])
    record_optics(
        session,
        [
            OpticsRead(each.agent_id, each.device_id, each.at_ms, each.optics)
            for each in outcomes
            if each.optics is not None
        ],
    )
    _keep_aliases(session, [outcome for outcome in outcomes if outcome.aliases])
    _note_health(session, outcomes)
    for outcome in outcomes:
        if outcome.identity is not None and not outcome.error:
            _note_identity(session, outcome.agent_id, outcome.identity)


def _is_later(outcome: Outcome, last_at: dt.datetime | None) -> bool:
    """Whether neither this poll nor a later one is noted already (see `_note_health`)."""
    return last_at is None or last_at < _instant(outcome)


def _instant(outcome: Outcome) -> dt.datetime:
    return dt.datetime.fromtimestamp(outcome.at_ms / 1000, dt.UTC)


def _count_drops(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Add up what was dropped by agent, UTC day and reason; the caller has locked the agents."""
    counts: Counter[DropKey] = Counter()
    for outcome in outcomes:
        day = outcome.at_ms // DAY_MS
        for reason, count in outcome.drops.items():
            counts[outcome.agent_id, day, reason] += count
        for reason, count in outcome.strays.items():
            counts[None, day, reason] += count
    if counts:
        add_drops(session, counts)


def _note_health(session: Session, outcomes: Sequence[Outcome]) -> None:
    """How the polls went, unless they or later ones are noted already."""
    session.execute(
        text(
            "UPDATE snmp_agent a SET last_poll_at = n.at, last_duration_ms = n.took,"
            " last_error = n.error,"
            " last_answer_at = CASE WHEN n.error = '' THEN n.at ELSE a.last_answer_at END,"
            " silent_polls = CASE WHEN n.error = '' THEN 0 ELSE a.silent_polls + 1 END"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[]),"
            " CAST(:took AS integer[]), CAST(:errors AS text[])) AS n (id, at, took, error)"
            " WHERE a.id = n.id AND (a.last_poll_at IS NULL OR a.last_poll_at < n.at)"
        ),
        {
            "ids": [outcome.agent_id for outcome in outcomes],
            "times": [_instant(outcome) for outcome in outcomes],
            "took": [outcome.duration_ms for outcome in outcomes],
            "errors": [outcome.error[:255] for outcome in outcomes],
        },
    )


def _note_identity(session: Session, agent_id: int, identity: ProbeResult) -> None:
    agent = session.get_one(SnmpAgent, agent_id)
    agent.profile = identity.profile[:64]
    agent.sys_name = identity.sys_name[:255]
    agent.sys_descr = identity.sys_descr[:255]
    agent.sys_object_id = identity.sys_object_id[:255]


def _keep_aliases(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Give the inventory's ports the descriptions that the devices have of them."""
    told = [
        (outcome.device_id, name, alias[:255])
        for outcome in outcomes
        for name, alias in outcome.aliases.items()
    ]
    if told:
        session.execute(
            text(
                "UPDATE port p SET alias = n.alias"
                " FROM unnest(CAST(:devices AS bigint[]), CAST(:names AS text[]),"
                " CAST(:aliases AS text[])) AS n (device_id, name, alias)"
                " WHERE p.device_id = n.device_id AND p.name = n.name AND p.alias <> n.alias"
            ),
            {
                "devices": [device_id for device_id, _, _ in told],
                "names": [name for _, name, _ in told],
                "aliases": [alias for _, _, alias in told],
            },
        )
        at_ms = min(outcome.at_ms for outcome in outcomes)
        bind_ports(session, sorted({device_id for device_id, _, _ in told}), at_ms)


def _record_gauges(session: Session, outcomes: Sequence[Outcome]) -> None:
    if outcomes:
        work = _Recording(session, [outcome.device_id for outcome in outcomes])
        for outcome in outcomes:
            for gauge in gather_gauges(outcome.readings):
                if gauge.place != OPTIC:
                    work.take(outcome, gauge)
        work.write()


def find_measured(session: Session, device_ids: Sequence[int]) -> set[int]:
    """Those of the devices that have series of gauges."""
    rows = session.execute(
        text(
            "SELECT DISTINCT device_id FROM series"
            " WHERE device_id = ANY(CAST(:devices AS bigint[])) AND family IN ('power', 'climate')"
        ),
        {"devices": list(device_ids)},
    )
    return set(rows.scalars())


@dataclass(slots=True)
class _Waiting:
    """A sample whose series may not have its id yet."""

    series: Series
    ts: int
    values: tuple[int, ...]
    span_ms: int = 0


@dataclass(slots=True)
class _Recording:
    """Gauges of several devices: their series, found or made, and the samples for them."""

    session: Session
    device_ids: list[int]
    series: dict[tuple[str, int, str], Series] = field(init=False)
    nodes: dict[tuple[int, str], int] = field(init=False)
    rooms: dict[int, int] = field(init=False)
    samples: dict[str, list[_Waiting]] = field(default_factory=dict)
    memories: list[tuple[Series, dict[str, Any]]] = field(default_factory=list)
    remembered: dict[int, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        devices = self.device_ids
        found = self.session.scalars(
            select(Series).where(
                Series.device_id.in_(devices), Series.family.in_(("power", "climate"))
            )
        ).all()
        self.series = {
            (each.family, each.device_id, each.slot): each
            for each in found
            if each.device_id is not None
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

    def take(self, outcome: Outcome, gauge: Gauge) -> None:
        series = self._series(gauge.family, outcome.device_id, gauge.names, gauge.place)
        if gauge.family == "climate":
            self._add(series, outcome.at_ms, (gauge.values["mc"], gauge.values["rh"]))
            return
        memory = self._memory(series)
        if memory is not None and "wh" in memory and outcome.at_ms <= int(memory["ts"]):
            return  # recorded already, or older than what was
        used = energy_delta(memory, gauge.energy_wh, outcome.at_ms)
        span = 0 if used < 0 or memory is None else outcome.at_ms - int(memory["ts"])
        if gauge.energy_wh is not None:
            self.memories.append((series, {"wh": gauge.energy_wh, "ts": outcome.at_ms}))
        values = (gauge.values["mv"], gauge.values["ma"], gauge.values["mw"], used)
        self._add(series, outcome.at_ms, values, span)

    def _memory(self, series: Series) -> dict[str, Any] | None:
        return self.remembered.get(series.id) if series.id is not None else None

    def _series(
        self,
        family: str,
        device_id: int,
        names: Iterable[str],
        place: str,
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
            if node_id is not None:
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
