"""The demo's past as a poller would have seen it: when each agent answered and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcim.demo.meters import MINUTE_MS
from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.noise import Ints, salt_of, uniform
from dcim.demo.physics import PortReading, PowerReading, World
from dcim.demo.plan_parts import NodePlan, PortPlan
from dcim.demo.series_plan import SeriesPlan, plan_series
from dcim.demo.site_plan import panel_parts, ups_parts, utility_feed
from dcim.demo.steps import Bools
from dcim.metering.families import (
    CLIMATE,
    DISCARDS,
    DOWN,
    NOT_REPORTED,
    POWER,
    STATE,
    TRAFFIC,
    UP,
    Family,
)
from dcim.snmp.counting.counters import DEFAULT_MAX_SPAN_MS, CounterState, Reading
from dcim.snmp.reading.measuring import MAX_ENERGY_SPAN_MS, pack_state

# A poll of the minute's devices takes a few seconds; each device has its place in it.
SPREAD_MS = 4_000
JITTER_MS = 250
COUNTER32 = 1 << 32


@dataclass(frozen=True)
class Samples:
    """One series' samples, sorted; `values` by the family's columns.

    `memory` is what the next poll goes on from: the last raw counters.
    """

    family: Family
    ts: Ints
    span_ms: Ints
    values: dict[str, Ints]
    memory: dict[str, Any] | None = None

    def since(self, start_ms: int) -> "Samples":
        """Without what lies before; the memory stays, it is of the last poll."""
        kept = self.ts >= start_ms
        values = {name: column[kept] for name, column in self.values.items()}
        return Samples(self.family, self.ts[kept], self.span_ms[kept], values, self.memory)


class PastPolls:
    """Polls of one stretch of time, `[start_ms, end_ms)`."""

    def __init__(self, world: World, start_ms: int, end_ms: int) -> None:
        self.world = world
        self.start_ms, self.end_ms = start_ms, end_ms

    def every_series(self) -> Iterator[tuple[SeriesPlan, Samples]]:
        for one in plan_series(self.world.plan):
            yield one, self.samples(one)

    def samples(self, one: SeriesPlan) -> Samples:
        match one.subject:
            case PortPlan():
                of_port = {
                    "traffic": self._traffic, "discards": self._discards, "state": self._state,
                }  # fmt: skip
                return of_port[one.family](one.subject)
            case NodePlan():
                return self._power(one.device, one.subject)
            case _:
                return self._climate(one.device)

    def instants(self, device: str) -> Ints:
        """When this device's answers arrived; nothing where it was silent."""
        first = self.start_ms // MINUTE_MS
        minutes = np.arange(first, self.end_ms // MINUTE_MS + 1, dtype=np.int64)
        salt = salt_of(self.world.plan.seed, "poll", device)
        place = 400 + salt % SPREAD_MS
        jitter = (uniform(salt >> 8, minutes) * JITTER_MS).astype(np.int64)
        polled = minutes * MINUTE_MS + place + jitter
        polled = polled[(polled >= self.start_ms) & (polled < self.end_ms)]
        return polled[self.world.outages.answers(device, polled)]

    def _traffic(self, port: PortPlan) -> Samples:
        ts, reading, spans, known = self._intervals(port)
        bits = _bits(port)
        deltas = {name: delta[known] for name, delta in _deltas(reading, bits).items()}
        memory = self._remember(port, reading, ts, bits) if len(ts) else None
        return Samples(TRAFFIC, ts[1:][known], spans[known], deltas, memory)

    def _discards(self, port: PortPlan) -> Samples:
        """Of the same intervals as traffic; what the next poll goes on from lies with that."""
        ts, reading, spans, known = self._intervals(port)
        dropped = {"in_discards": reading.in_discards, "out_discards": reading.out_discards}
        deltas = {name: np.diff(total)[known] % COUNTER32 for name, total in dropped.items()}
        return Samples(DISCARDS, ts[1:][known], spans[known], deltas)

    def _intervals(self, port: PortPlan) -> tuple[Ints, PortReading, Ints, Bools]:
        """(ts of the polls, what they read, spans between them, which of these are no gaps), as
        `counters.advance` judges the registers, for all polls at once."""
        ts = self.instants(port.device)
        reading = self.world.port(port.key, ts)
        bits = _bits(port)
        spans = np.diff(ts)
        known = spans <= DEFAULT_MAX_SPAN_MS
        known &= np.diff(self.world.outages.boots(port.device, ts)) == 0
        if bits == 32:
            # Above this the counter may have wrapped more than once, so nothing is known.
            known &= port.speed_bps * 105 * spans // 800_000 < COUNTER32
        return ts, reading, spans, known

    def _remember(
        self, port: PortPlan, reading: PortReading, ts: Ints, bits: int
    ) -> dict[str, Any]:
        """The last poll as `dcim.snmp.polling.recording` keeps it."""
        at = int(ts[-1])
        ticks = (at - int(self.world.outages.boots(port.device, ts[-1:])[0])) // 10
        last = Reading(
            ts_ms=at,
            bits=bits,
            in_octets=int(reading.in_octets[-1]),
            out_octets=int(reading.out_octets[-1]),
            uptime_ticks=ticks % COUNTER32,
            engine_time_s=ticks // 100,
            speed_bps=port.speed_bps,
            discontinuity=None if bits == 32 else 0,
            in_errors=int(reading.in_errors[-1]),
            out_errors=int(reading.out_errors[-1]),
            in_discards=int(reading.in_discards[-1]),
            out_discards=int(reading.out_discards[-1]),
        )
        return pack_state(CounterState(last))

    def _state(self, port: PortPlan) -> Samples:
        ts = self.instants(port.device)
        state = np.where(self.world.port(port.key, ts).up, UP, DOWN).astype(np.int64)
        return Samples(STATE, ts, np.zeros_like(ts), {"state": state})

    def _power(self, device: str, node: NodePlan) -> Samples:
        """Readings as they are; watt-hours since the sample before, where that is known."""
        ts = self.instants(device)
        reading = self.measure(node, ts)
        shown = {"mv": reading.mv, "ma": reading.ma, "mw": reading.mw}
        if node.kind == "ups":  # UPS-MIB has no energy register
            nothing = np.full_like(ts, NOT_REPORTED)
            return Samples(POWER, ts, np.zeros_like(ts), {**shown, "wh": nothing})
        spans = np.diff(ts, prepend=ts[:1])
        known = (spans > 0) & (spans <= MAX_ENERGY_SPAN_MS)
        used = np.diff(reading.wh, prepend=reading.wh[:1])
        memory = {"wh": int(reading.wh[-1]), "ts": int(ts[-1])} if len(ts) else None
        values = {**shown, "wh": np.where(known, used, NOT_REPORTED)}
        return Samples(POWER, ts, np.where(known, spans, 0), values, memory)

    def measure(self, node: NodePlan, ts: Ints) -> PowerReading:
        """What the meter on a power node shows at each instant."""
        rack = node.rack or ""
        if node.kind == "ups":
            return self.world.ups(*ups_parts(node.code), ts).phase
        if node.kind == "panel":
            return self.world.panel(*panel_parts(node.code), ts)
        if node.kind == "utility":
            return self.world.utility(utility_feed(node.code), ts)
        if node.kind == "pdu":
            return self.world.pdu(rack, node.feed, ts)
        return self.world.branch(rack, node.feed, ts)

    def _climate(self, device: str) -> Samples:
        ts = self.instants(device)
        reading = self.world.climate(device, ts)
        return Samples(CLIMATE, ts, np.zeros_like(ts), {"mc": reading.mc, "rh": reading.rh})


def _bits(port: PortPlan) -> int:
    return 32 if port.device == NARROW_SWITCH else 64


def _deltas(reading: PortReading, bits: int) -> dict[str, Ints]:
    octets = {"in_octets": reading.in_octets, "out_octets": reading.out_octets}
    errors = {"in_errors": reading.in_errors, "out_errors": reading.out_errors}
    found = {name: np.diff(values) for name, values in octets.items()}
    if bits == 32:
        found = {name: delta % COUNTER32 for name, delta in found.items()}
    return found | {name: np.diff(values) % COUNTER32 for name, values in errors.items()}
