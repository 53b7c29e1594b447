"""What the meters showed over one stretch of time, each read once for all who ask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.inventory.models import Device
from dcim.metering.batch import Columns
from dcim.metering.bindings import read_bindings
from dcim.metering.models import Series
from dcim.metering.store import SampleStore
from dcim.power.chain import Node, PowerTree, load_tree
from dcim.sla.evidence import (
    HOLDS_MS,
    FeedStates,
    Link,
    Observed,
    combine,
    decide_feed,
    observe_power,
    observe_states,
    temperature_values,
)
from dcim.sla.rules.intervals import Interval, Intervals, clip, union


@dataclass(frozen=True, slots=True)
class Meter:
    """A series by the name that statements and incidents give it: device/slot."""

    series_id: int
    family: str
    name: str
    step_s: int
    power_node_id: int | None
    room_id: int | None


@dataclass(frozen=True, slots=True)
class PortMeter:
    """A meter of a port for as long as it was that port's: [start, end), UTC epoch ms."""

    meter: Meter
    start: int
    end: int

    def within(self, spans: Iterable[Interval]) -> Intervals:
        return clip(spans, self.start, self.end)


class Meters:
    """Reads [start, end) UTC epoch ms; keeps intervals, not samples."""

    def __init__(
        self,
        session: Session,
        store: SampleStore,
        start: int,
        end: int,
        *,
        tree: PowerTree | None = None,
    ) -> None:
        self.session, self.store, self.start, self.end = session, store, start, end
        self.tree = tree or load_tree(session)
        self.by_node: dict[int, list[Meter]] = {}
        self._by_port: dict[int, list[PortMeter]] = {}
        self.by_room: dict[int, list[Meter]] = {}
        meters = {meter.series_id: meter for meter in _load_meters(session)}
        for meter in meters.values():
            for place, key in (
                (self.by_node, meter.power_node_id),
                (self.by_room, meter.room_id),
            ):
                if key is not None:
                    place.setdefault(key, []).append(meter)
        for bound in read_bindings(session):
            # One of a device that this session may not see is no meter here.
            if (measuring := meters.get(bound.series_id)) is not None:
                found = PortMeter(measuring, bound.start, bound.end)
                self._by_port.setdefault(bound.port_id, []).append(found)
        self._observed: dict[int, Observed] = {}
        self._feeds: dict[int, FeedStates] = {}
        self._refutations: dict[int, Intervals] = {}
        self._received: dict[tuple[int, int, int], int] = {}
        self._temperatures: dict[int, list[tuple[int, int, int]]] = {}

    def of_port(self, port_id: int, family: str) -> list[PortMeter]:
        """What measured the port in the stretch, one after the other as it was renamed."""
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
            # A sample before the stretch may hold into it.
            meters = self.by_node.get(node.id, [])
            self._observed[node.id] = self._observe(node, meters, self.start - HOLDS_MS, self.end)
        return self._observed[node.id]

    def _observe(self, node: Node, meters: Iterable[Meter], start: int, end: int) -> Observed:
        shown = []
        for meter in meters:
            columns = self.columns(meter, start, end)
            if meter.family == "power":
                shown.append(observe_power(columns, node.phase_v))
            elif meter.family == "state":
                nothing = np.zeros(len(columns), dtype=np.int64)
                shown.append(observe_states(columns.ts, columns.values["state"], nothing))
        return combine(shown) if shown else Observed()

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
                for each in below
                for part in self._observe(each, self.by_node[each.id], start, end).firm
            )
        return [part for a, b in doubted for part in clip(self._refutations[node.id], a, b)]

    def _fed_through(self, node: Node) -> list[Node]:
        """Descendants that have power only through `node`."""
        found: list[Node] = []
        for child in self.tree.children(node.id):
            if not child.has_own_source:
                found += [child, *self._fed_through(child)]
        return found


def _load_meters(session: Session) -> list[Meter]:
    rows = session.execute(
        select(
            Series.id,
            Series.family,
            Device.name,
            Series.slot,
            Series.step_s,
            Series.power_node_id,
            Series.room_id,
        )
        .join(Device, Device.id == Series.device_id)
        .order_by(Device.name, Series.slot)
    )
    return [
        Meter(series_id, family, f"{device}/{slot}", step_s, node_id, room_id)
        for series_id, family, device, slot, step_s, node_id, room_id in rows
    ]


def count_received(columns: Columns, step_s: int, start: int, end: int) -> int:
    """Steps of [start, end) in which a sample arrived; twice in one step counts once."""
    ts = columns.ts[(columns.ts >= start) & (columns.ts < end)]
    return int(np.unique((ts - start) // (step_s * 1000)).size)
