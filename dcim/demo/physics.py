"""What is true in the demo data centre at any instant: a pure function of plan, place and time."""

from dataclasses import dataclass

import numpy as np

from dcim.demo import rhythm
from dcim.demo.meters import DAY_MS, MINUTE_MS, Meter
from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.noise import Floats, Ints, fraction, salt_of, uniform, wander
from dcim.demo.outages import Outages
from dcim.demo.plan_parts import DemoPlan, EventPlan, LoadPlan, PortPlan, SensorPlan
from dcim.demo.site_plan import (
    ROOMS,
    breaker_code,
    layout_of_rack,
    panel_code,
    pdu_code,
    room_of_row,
)
from dcim.demo.steps import Bools, Steps, share_of_load
from dcim.demo.weather import draw_from_grid, outside_c

# How long a ramp to or from a heat event takes; it passes the halfway point at the event's edge.
RAMP_MS = 10 * MINUTE_MS
# How far a heat event raises the air, thousandths of a degree.
HEAT_MC = 6_400
POWER_FACTOR = 0.97
CABLE_LOSS = 1.004
UPS_RATED_MW = 120_000_000
COUNTER32 = 1 << 32
COUNTERS = ("in_octets", "out_octets", "in_errors", "out_errors", "in_discards", "out_discards")
# A trunk fuller than this on a minute's mean overflows now and then within it.
TIGHT = 0.5
FRAME_OCTETS = 900


@dataclass(frozen=True)
class PowerReading:
    """Millivolts, milliamperes, milliwatts, and the energy register in watt-hours."""

    mv: Ints
    ma: Ints
    mw: Ints
    wh: Ints

    def coarsened(self, mv: int, ma: int, mw: int, wh: int) -> "PowerReading":
        """As a meter shows it whose registers count in these steps."""
        return PowerReading(
            self.mv // mv * mv, self.ma // ma * ma, self.mw // mw * mw, self.wh // wh * wh
        )


# Steps of each family's registers: PDU2-MIB meters, PowerNet-MIB's rPDU2, UPS-MIB.
FINE, COARSE, UPS_STEPS = (100, 1, 1_000, 1), (1_000, 100, 10_000, 100), (1_000, 100, 1_000, 1)


@dataclass(frozen=True)
class PortReading:
    """Registers as the agent shows them, wrapped where they have 32 bits; `up` is link state."""

    up: Bools
    in_octets: Ints
    out_octets: Ints
    in_errors: Ints
    out_errors: Ints
    in_discards: Ints
    out_discards: Ints


@dataclass(frozen=True)
class ClimateReading:
    """Thousandths of a degree Celsius, thousandths of relative humidity."""

    mc: Ints
    rh: Ints


@dataclass(frozen=True)
class UpsReading:
    """Each of the three output phases; load and charge in per cent, running time in minutes.

    Its energy register is the sum of what hangs on it; UPS-MIB doesn't show it.
    """

    phase: PowerReading
    load_pct: Ints
    charge_pct: Ints
    minutes_left: Ints
    on_battery: Bools


class World:
    """Readings of every device of a plan. All instants are arrays of UTC milliseconds."""

    def __init__(self, plan: DemoPlan) -> None:
        self.plan = plan
        self.outages = Outages(plan)
        self.epoch_ms = (plan.month_start_ms // DAY_MS - 4) * DAY_MS
        self._offset = 480  # Asia/Shanghai has no summer time
        self._ports = {port.key: port for port in plan.ports}
        self._sensors = {sensor.device: sensor for sensor in plan.sensors}
        self._loads = {load.rack: load for load in plan.loads}
        self._meters: dict[tuple[str, ...], Meter] = {}
        self._shares: dict[tuple[str, str], Steps] = {}
        self._heat = [event for event in plan.events if event.kind == "hot"]

    # -- network

    def port(self, key: str, instants: Ints) -> PortReading:
        """The port `device:name`."""
        plan = self._ports[key]
        sums = [self._register(plan, what, instants) for what in COUNTERS]
        up = self.outages.port_up(key).at(instants) > 0
        return PortReading(up, *sums)

    def _register(self, port: PortPlan, what: str, instants: Ints) -> Ints:
        value = self._count(port, what, instants)
        for _, restart in self.outages.reboots(port.device):
            at_restart = self._count(port, what, np.array([restart], dtype=np.int64))
            value = np.where(instants >= restart, value - at_restart[0], value)
        if port.device == NARROW_SWITCH or "octets" not in what:
            value = value % COUNTER32  # IF-MIB's other counters are 32 bits wide everywhere
        return value

    def _count(self, port: PortPlan, what: str, instants: Ints) -> Ints:
        """What has passed since the counters of the plan began, without wraps and restarts."""
        if port.carries and "octets" in what:
            other = {"in_octets": "out_octets", "out_octets": "in_octets"}[what]
            source = other if port.swapped else what
            total = np.zeros(len(instants), dtype=np.int64)
            for key, share in port.carries:
                carried = self._count(self._ports[key], source, instants)
                total += (carried * share).astype(np.int64)
            return total
        return self._meter_of(port, what).total(instants)

    def _meter_of(self, port: PortPlan, what: str) -> Meter:
        kept = self._meters.get((port.key, what))
        if kept is None:
            salt = salt_of(self.plan.seed, port.key, what)
            up = self.outages.port_up(port.key)
            if "errors" in what:
                faulty = port.key in self.outages.troubled_ports
                kept = Meter(self.epoch_ms, lambda minutes: _errors(salt, minutes, faulty))
            elif "discards" in what:
                drops = port.carries and what == "out_discards"
                kept = Meter(
                    self.epoch_ms,
                    (lambda minutes: self._discards(port, salt, minutes))
                    if drops
                    else np.zeros_like,
                )
            else:
                mean = port.mean_in_bps if what == "in_octets" else port.mean_out_bps
                age_s = 20 * 86_400 * (1 + fraction(self.plan.seed, port.key, "age"))
                kept = Meter(
                    self.epoch_ms,
                    lambda minutes: self._octets(port, mean, salt, minutes, up),
                    initial=int(mean / 8 * age_s),
                )
            self._meters[port.key, what] = kept
        return kept

    def _octets(self, port: PortPlan, mean: int, salt: int, minutes: Ints, up: Steps) -> Ints:
        shape = rhythm.traffic(port.rhythm, salt >> 8, minutes, self._offset)
        bps = np.minimum(mean * shape, 0.94 * port.speed_bps)
        return (bps * (60 / 8) * up.means(minutes * MINUTE_MS, MINUTE_MS)).astype(np.int64)

    def _discards(self, port: PortPlan, salt: int, minutes: Ints) -> Ints:
        """Packets of each of consecutive minutes that a trunk had no room for: a few in a
        thousand of what is above the tight share, more in some minutes than in others."""
        edges = np.append(minutes, minutes[-1] + 1) * MINUTE_MS
        octets = np.diff(self._count(port, "out_octets", edges))
        tight = port.speed_bps * TIGHT * 60 / 8
        over = np.maximum(octets - tight, 0) / FRAME_OCTETS
        return (over * 0.004 * uniform(salt >> 8, minutes)).astype(np.int64)

    # -- power

    def pdu(self, rack: str, feed: str, instants: Ints) -> PowerReading:
        """A rack PDU at its input, as its registers show it."""
        steps = FINE if layout_of_rack(rack) == "full" else COARSE
        return self._power(rack, feed, pdu_code(rack, feed), 1.0, instants).coarsened(*steps)

    def branch(self, rack: str, feed: str, instants: Ints) -> PowerReading:
        """The branch of the row's panel that feeds a rack, as its branch meter sees it."""
        breaker = breaker_code(rack, feed)
        return self._power(rack, feed, breaker, CABLE_LOSS, instants).coarsened(*FINE)

    def panel(self, row: str, feed: str, instants: Ints) -> PowerReading:
        """The main of a row's panel: all its branches; the current is the mean of three phases."""
        branches = [self.branch(rack, feed, instants) for rack in self._loads if rack[0] == row]
        alive = self.outages.node_alive(panel_code(row, feed)).at(instants)
        volts = self._volts(room_of_row(row), feed, instants) * alive
        return _joined(branches, volts).coarsened(*FINE)

    def _power(
        self, rack: str, feed: str, node: str, factor: float, instants: Ints
    ) -> PowerReading:
        alive = self.outages.node_alive(node).at(instants)
        milliwatts = self._load_mw(rack, instants // MINUTE_MS) * factor
        mw = (milliwatts * self._share(rack, feed).at(instants)).astype(np.int64)
        volts = self._volts(room_of_row(rack[0]), feed, instants) * alive
        ma = np.zeros(len(instants), dtype=np.int64)
        live = volts > 0
        ma[live] = (mw[live] / (volts[live] * POWER_FACTOR)).astype(np.int64)
        register = self._energy_meter(rack, feed, node, factor).total(instants) // 1000
        return PowerReading((volts * 1000).astype(np.int64), ma, mw, register)

    def _load_mw(self, rack: str, minutes: Ints) -> Floats:
        plan = self._loads[rack]
        shape = rhythm.load(salt_of(self.plan.seed, "load", rack) >> 8, minutes, self._offset)
        return plan.mean_w * 1000 * shape

    def _share(self, rack: str, feed: str) -> Steps:
        kept = self._shares.get((rack, feed))
        if kept is None:
            own = self.outages.node_dead(pdu_code(rack, feed))
            other = self.outages.node_dead(pdu_code(rack, "B" if feed == "A" else "A"))
            kept = _shifted_share(self._loads[rack], feed, own, other)
            self._shares[rack, feed] = kept
        return kept

    def _energy_meter(self, rack: str, feed: str, node: str, factor: float) -> Meter:
        """Milliwatt-hours."""
        kept = self._meters.get((node, "energy"))
        if kept is None:
            share = self._share(rack, feed)

            def amounts(minutes: Ints) -> Ints:
                load = self._load_mw(rack, minutes) * factor
                return (load * share.means(minutes * MINUTE_MS, MINUTE_MS) / 60).astype(np.int64)

            age_h = 24 * 300 * fraction(self.plan.seed, node, "age")
            initial = int(self._loads[rack].mean_w * 500 * age_h)
            kept = self._meters[node, "energy"] = Meter(self.epoch_ms, amounts, initial)
        return kept

    def _volts(self, room: str, feed: str, instants: Ints) -> Floats:
        salt = salt_of(self.plan.seed, "volts", room, feed) >> 8
        minutes = instants // MINUTE_MS
        return 230.4 + 0.9 * wander(salt, minutes, 29) + 0.6 * (uniform(salt + 1, minutes) - 0.5)

    def ups(self, room: str, feed: str, instants: Ints) -> UpsReading:
        """One room's UPS of a feed; it carries all racks of the room."""
        racks = [rack for rack in self._loads if room_of_row(rack[0]) == room]
        branches = [self.branch(rack, feed, instants) for rack in racks]
        output = _joined(branches, self._volts(room, feed, instants))
        phase = PowerReading(output.mv, output.ma, output.mw // 3, output.wh)
        phase = phase.coarsened(*UPS_STEPS)
        load_pct = output.mw * 100 // UPS_RATED_MW
        whole = np.full(len(instants), 100, dtype=np.int64)
        left = np.minimum(90, 1_500 // np.maximum(load_pct, 1))
        return UpsReading(phase, load_pct, whole, left, np.zeros(len(instants), dtype=np.bool_))

    def utility(self, feed: str, instants: Ints) -> PowerReading:
        """A feed's meter where the house is fed: all its UPSs with their losses, and cooling."""
        mw = self._grid_mw(feed, instants // MINUTE_MS).astype(np.int64)
        volts = self._volts("grid", feed, instants)
        ma = (mw / (volts * 3 * POWER_FACTOR)).astype(np.int64)
        register = self._grid_meter(feed).total(instants) // 1000
        return PowerReading((volts * 1000).astype(np.int64), ma, mw, register).coarsened(*FINE)

    def _grid_mw(self, feed: str, minutes: Ints) -> Floats:
        """The mean of each minute."""
        output = np.zeros(len(minutes))
        for rack in self._loads:
            share = self._share(rack, feed).means(minutes * MINUTE_MS, MINUTE_MS)
            output += self._load_mw(rack, minutes) * CABLE_LOSS * share
        outside = outside_c(self.plan.seed, minutes, self._offset)
        return draw_from_grid(output, len(ROOMS), outside)

    def _grid_meter(self, feed: str) -> Meter:
        """Milliwatt-hours."""
        kept = self._meters.get((feed, "grid"))
        if kept is None:

            def amounts(minutes: Ints) -> Ints:
                return (self._grid_mw(feed, minutes) / 60).astype(np.int64)

            kept = self._meters[feed, "grid"] = Meter(self.epoch_ms, amounts)
        return kept

    # -- climate

    def climate(self, device: str, instants: Ints) -> ClimateReading:
        sensor = self._sensors[device]
        salt = salt_of(self.plan.seed, "climate", device) >> 8
        minutes = instants // MINUTE_MS
        day = rhythm.daily("office", minutes, self._offset) - 1.0
        mc = sensor.mean_mc + 260 * day + 230 * wander(salt, minutes, 47)
        mc += 60 * (uniform(salt + 1, minutes) - 0.5)
        rise = self._heat_of(sensor, instants)
        rh = sensor.mean_rh + 18 * wander(salt + 2, minutes, 71) - rise * 0.018
        # Its registers show tenths of a degree and whole thousandths of humidity.
        return ClimateReading((mc + rise).astype(np.int64) // 100 * 100, rh.astype(np.int64))

    def _heat_of(self, sensor: SensorPlan, instants: Ints) -> Floats:
        rise = np.zeros(len(instants))
        for event in self._heat:
            if sensor.room in event.targets:
                rise += _ramp(event, instants)
        return rise


def _joined(readings: list[PowerReading], volts: Floats) -> PowerReading:
    """The sum of several loads on a three-phase supply; current per phase."""
    mw, wh, ma = (np.zeros(len(volts), dtype=np.int64) for _ in range(3))
    for reading in readings:
        mw += reading.mw
        wh += reading.wh
    live = volts > 0
    ma[live] = (mw[live] / (volts[live] * 3 * POWER_FACTOR)).astype(np.int64)
    return PowerReading((volts * 1000).astype(np.int64), ma, mw, wh)


def _ramp(event: EventPlan, instants: Ints) -> Floats:
    half = RAMP_MS // 2
    up = np.clip((instants - event.start_ms + half) / RAMP_MS, 0.0, 1.0)
    down = np.clip((event.end_ms + half - instants) / RAMP_MS, 0.0, 1.0)
    return HEAT_MC * np.minimum(up, down)


def _errors(salt: int, minutes: Ints, faulty: bool) -> Ints:
    """Errored frames per minute: hardly any, unless the link is in trouble."""
    chance = 0.02 if faulty else 0.0002
    drawn = uniform(salt >> 8, minutes)
    return np.where(drawn < chance, 1 + drawn / chance * 40, 0.0).astype(np.int64)


def _shifted_share(
    load: LoadPlan, feed: str, own: list[tuple[int, int]], other: list[tuple[int, int]]
) -> Steps:
    """The feed's part of a rack's load over time."""
    share = load.share_a if feed == "A" else 1.0 - load.share_a
    before = share_of_load(own, other, share)
    if load.shift_ms is None:
        return before
    then = load.share_a_then if feed == "A" else 1.0 - load.share_a_then
    after = share_of_load(own, other, then)
    shift = np.array([load.shift_ms], dtype=np.int64)
    early, late = before.starts < load.shift_ms, after.starts > load.shift_ms
    return Steps(
        np.concatenate((before.starts[early], shift, after.starts[late])),
        np.concatenate((before.values[early], after.at(shift), after.values[late])),
    )
