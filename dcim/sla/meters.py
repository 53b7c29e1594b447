"""What the meters showed over one stretch of time, each read once for all who ask."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from dcim.columns import is_among
from dcim.customers.models import ContractItem
from dcim.inventory.models import Allocation, Device
from dcim.metering.batch import Columns
from dcim.metering.bindings import PortBinding, read_bindings
from dcim.metering.codec import DamagedBlockError
from dcim.metering.families import POWER, STATE
from dcim.metering.models import Series
from dcim.metering.narrow import DamagedFrameError
from dcim.metering.store import SampleStore
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.power.chain import Node, PowerTree, load_tree
from dcim.sla.evidence import (
    HOLDS_MS,
    FeedStates,
    Link,
    Observed,
    combine,
    decide_feed,
    hold,
    observe_power,
    observe_states,
    temperature_values,
)
from dcim.sla.rules.intervals import Interval, Intervals, clip, union

# PDUs that are read at a time.
AHEAD = 50
# What is wrong with samples that can't be opened.
DAMAGED = (DamagedBlockError, DamagedFrameError)


@dataclass(frozen=True, slots=True)
class Meter:
    """A series by the name that statements and incidents give it: device/slot."""

    series_id: int
    family: str
    name: str
    step_s: int
    power_node_id: int | None
    room_id: int | None
    device_id: int = 0


@dataclass(frozen=True, slots=True)
class PortMeter:
    """A meter of a port for as long as it was that port's: [start, end), UTC epoch ms."""

    meter: Meter
    start: int
    end: int

    def within(self, spans: Iterable[Interval]) -> Intervals:
        return clip(spans, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Expected:
    """What will be asked for: racks and ports that a few contracts are about."""

    rack_ids: frozenset[int]
    port_ids: frozenset[int]


def find_expected(session: Session, contract_ids: Collection[int]) -> Expected:
    """What these contracts are and were about. Two statements."""
    racks = session.scalars(
        select(Allocation.rack_id)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .where(is_among(ContractItem.contract_id, contract_ids))
    )
    ports = session.scalars(
        select(ServiceMembership.port_id)
        .join(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .where(is_among(ContractItem.contract_id, contract_ids))
    )
    return Expected(frozenset(racks), frozenset(ports))


class Meters:
    """Reads [start, end) UTC epoch ms; keeps intervals, not samples.

    Where it is said what to expect, only that is looked for, and read many at a time; whatever else
    is asked for is found all the same.
    """

    def __init__(
        self,
        session: Session,
        store: SampleStore,
        start: int,
        end: int,
        *,
        tree: PowerTree | None = None,
        expected: Expected | None = None,
    ) -> None:
        self.session, self.store, self.start, self.end = session, store, start, end
        self.tree = tree or load_tree(session)
        self.by_node: dict[int, list[Meter]] = {}
        self._by_port: dict[int, list[PortMeter]] = {}
        self.by_room: dict[int, list[Meter]] = {}
        self._expected = expected
        # Ports that were looked for; with nothing to expect, all of them.
        self._sought: set[int] = set()
        # Series of ports that were looked for together, by device, whose states weren't read yet.
        self._unread: dict[int, set[int]] = {}
        # PDUs that weren't read yet, in the order in which they will be.
        self._awaited: dict[int, Node] = {}
        if expected is not None:
            racks = sorted(expected.rack_ids)
            self._awaited = {one.id: one for rack in racks for one in self.tree.pdus_of(rack)}
        of_places = or_(Series.power_node_id.is_not(None), Series.room_id.is_not(None))
        meters = _load_meters(session, None if expected is None else of_places)
        for meter in meters.values():
            for place, key in (
                (self.by_node, meter.power_node_id),
                (self.by_room, meter.room_id),
            ):
                if key is not None:
                    place.setdefault(key, []).append(meter)
        if expected is None:
            self._bind(read_bindings(session), meters)
        self._observed: dict[int, Observed] = {}
        self._feeds: dict[int, FeedStates] = {}
        self._refutations: dict[int, Intervals] = {}
        self._received: dict[tuple[int, int, int], int] = {}
        self._temperatures: dict[int, list[tuple[int, int, int]]] = {}
        self._held: dict[int, list[tuple[int, int, int]]] = {}

    def _bind(self, bindings: Iterable[PortBinding], meters: Mapping[int, Meter]) -> None:
        for bound in bindings:
            # One of a device that this session may not see is no meter here.
            if (measuring := meters.get(bound.series_id)) is not None:
                found = PortMeter(measuring, bound.start, bound.end)
                self._by_port.setdefault(bound.port_id, []).append(found)

    def _seek(self, port_id: int) -> None:
        """Find what measured a port, with all others that are expected."""
        if self._expected is None or port_id in self._sought:
            return
        wanted = {port_id} | (self._expected.port_ids - self._sought)
        self._sought |= wanted
        bindings = read_bindings(self.session, port_ids=wanted)
        ids = {bound.series_id for bound in bindings if bound.family == STATE.name}
        meters = _load_meters(
            self.session, is_among(Series.id, {bound.series_id for bound in bindings})
        )
        self._bind(bindings, meters)
        for series_id in ids & meters.keys():
            self._unread.setdefault(meters[series_id].device_id, set()).add(series_id)

    def of_port(self, port_id: int, family: str) -> list[PortMeter]:
        """What measured the port in the stretch, one after the other as it was renamed."""
        self._seek(port_id)
        return [
            found
            for found in self._by_port.get(port_id, [])
            if found.meter.family == family and found.start < self.end and found.end > self.start
        ]

    def columns(self, meter: Meter, start: int | None = None, end: int | None = None) -> Columns:
        """The samples of a meter, over the whole stretch unless told otherwise."""
        low = self.start if start is None else start
        high = self.end if end is None else end
        [(_, found)] = self.store.read(self.session, meter.family, [meter.series_id], low, high)
        return found

    def held(self, meter: Meter) -> list[tuple[int, int, int]]:
        """A port's states as they held over the stretch; see `evidence.hold`."""
        if meter.series_id not in self._held:
            # The frames of a device are of all its ports: opened once for those that are expected.
            ids = {meter.series_id} | self._unread.pop(meter.device_id, set())
            try:
                self._hold(sorted(ids))
            except DAMAGED:
                self._hold([meter.series_id])
        return self._held[meter.series_id]

    def _hold(self, series_ids: Sequence[int]) -> None:
        read = self.store.read(self.session, STATE.name, series_ids, self.start, self.end)
        for series_id, columns in read:
            self._held[series_id] = hold(columns.ts, columns.values["state"])

    def received(self, meter: Meter, start: int, end: int) -> int:
        """Steps of [start, end) in which a sample arrived."""
        key = (meter.series_id, start, end)
        if key not in self._received:
            columns = self.columns(meter, start, end)
            self._received[key] = count_received(columns, meter.step_s, start, end)
        return self._received[key]

    def temperatures(self, meter: Meter) -> list[tuple[int, int, int]]:
        if meter.series_id not in self._temperatures:
            self._temperatures[meter.series_id] = temperature_values(
                self.columns(meter), self.start, self.end
            )
        return self._temperatures[meter.series_id]

    def observed(self, node: Node) -> Observed:
        """What all meters on a node showed."""
        if node.id not in self._observed:
            nodes = [node]
            if self._awaited.pop(node.id, None) is not None:
                ahead = list(islice(self._awaited, AHEAD - 1))
                nodes += [self._awaited.pop(one) for one in ahead]
            # A sample before the stretch may hold into it.
            low = self.start - HOLDS_MS
            try:
                self._observed |= self._observe(nodes, low, self.end)
            except DAMAGED:  # another's samples, perhaps: that is no matter of this one's
                self._observed |= self._observe([node], low, self.end)
        return self._observed[node.id]

    def _observe(self, nodes: Sequence[Node], start: int, end: int) -> dict[int, Observed]:
        """What their meters showed, by node; read together."""
        shown: dict[int, list[Observed]] = {node.id: [] for node in nodes}
        for family in (POWER.name, STATE.name):
            meters = [
                (node, meter)
                for node in nodes
                for meter in self.by_node.get(node.id, [])
                if meter.family == family
            ]
            ids = [meter.series_id for _node, meter in meters]
            read = self.store.read(self.session, family, ids, start, end)
            for (node, _meter), (_series_id, columns) in zip(meters, read, strict=True):
                if family == POWER.name:
                    shown[node.id].append(observe_power(columns, node.phase_v))
                else:
                    nothing = np.zeros(len(columns), dtype=np.int64)
                    states = observe_states(columns.ts, columns.values["state"], nothing)
                    shown[node.id].append(states)
        return {key: combine(found) if found else Observed() for key, found in shown.items()}

    def feed(self, pdu: Node) -> FeedStates:
        """Whether the feed of a PDU was up, by its own input and what is upstream of it."""
        if pdu.id not in self._feeds:
            path = self.tree.path(pdu.id)[1:]
            links = [
                Link(
                    node.code,
                    self.observed(node),
                    own_source=node.has_own_source,
                    sole=self.tree.feeds_only(node.id, pdu.id),
                )
                for node in path
            ]
            self._feeds[pdu.id] = decide_feed(
                self.start,
                self.end,
                Link(pdu.code, self.observed(pdu)),
                links,
                lambda place, doubted: self._refute(path[place], doubted),
            )
        return self._feeds[pdu.id]

    def _refute(self, node: Node, doubted: Sequence[tuple[int, int]]) -> Intervals:
        """When something below `node` was firmly alive, within the time its own meter says dead."""
        if node.id not in self._refutations:
            dead = [
                (max(a - HOLDS_MS, self.start - HOLDS_MS), b + HOLDS_MS)
                for a, b in self.observed(node).dead
            ]
            below = [each for each in self._fed_through(node) if self.by_node.get(each.id)]
            self._refutations[node.id] = union(
                part
                for start, end in union(dead)
                for part in (
                    firm
                    for observed in self._observe(below, start, end).values()
                    for firm in observed.firm
                )
            )
        return [part for a, b in doubted for part in clip(self._refutations[node.id], a, b)]

    def _fed_through(self, node: Node) -> list[Node]:
        """Descendants that have power only through `node`."""
        found: list[Node] = []
        for child in self.tree.children(node.id):
            if not child.has_own_source:
                found += [child, *self._fed_through(child)]
        return found


def _load_meters(
    session: Session, condition: ColumnElement[bool] | None = None
) -> dict[int, Meter]:
    """By series; those that the session may see."""
    wanted = (
        select(
            Series.id,
            Series.family,
            Device.name,
            Series.slot,
            Series.step_s,
            Series.power_node_id,
            Series.room_id,
            Series.device_id,
        )
        .join(Device, Device.id == Series.device_id)
        .order_by(Device.name, Series.slot)
    )
    if condition is not None:
        wanted = wanted.where(condition)
    return {
        series_id: Meter(
            series_id, family, f"{device}/{slot}", step_s, node_id, room_id, device_id or 0
        )
        for series_id, family, device, slot, step_s, node_id, room_id, device_id in session.execute(
            wanted
        )
    }


def count_received(columns: Columns, step_s: int, start: int, end: int) -> int:
    """Steps of [start, end) in which a sample arrived; twice in one step counts once."""
    ts = columns.ts[(columns.ts >= start) & (columns.ts < end)]
    return int(np.unique((ts - start) // (step_s * 1000)).size)
