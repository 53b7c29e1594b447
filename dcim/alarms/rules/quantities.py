"""Pure: what can be watched, and how samples become values in its unit; NaN is unknown.

The same functions serve one instant of many subjects and many instants of one: columns and facts
are arrays or single numbers, broadcast together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from dcim.alarms.rules.lags import count_members, tell_members
from dcim.alarms.rules.lights import find_margins, tell_light
from dcim.alarms.rules.parts import Facts, Floats, Ints, Told
from dcim.metering.families import DAY_MS, DOWN, NO_TEMPERATURE, UP
from dcim.power.phases import join_phases
from dcim.sla.evidence import DEAD_BELOW_PCT

# By column: integers as stored, or what a join made of them.
Columns = Mapping[str, Any]
Measure = Callable[[Columns, Ints, Facts], Floats]
# Makes one column of each name of what several parts told.
Join = Callable[[Told, Facts], Columns]
# Of one instant: which part it is that counts.
Tell = Callable[[Told, Facts], dict[str, Any] | None]

PORT, NODE, SENSOR, AGENT, ITEM = SUBJECT_KINDS = ("port", "node", "sensor", "agent", "item")
# By what a port has the series of its module's lanes, and of its members if it is a LAG.
LIGHT, MEMBERS = "optics", "members"
# A member's state may be told a little before the LAG's others.
_BEFORE_MS = 600_000
# Quantities that say of something customers have that it is down; silence says nothing of it.
OUTAGES = ("port_down", "node_dead")
PORT_CLASSES = ("customer", "uplink", "internal")
NODE_CLASSES = (
    "utility", "generator", "transformer", "switchgear", "ats", "ups", "panel", "breaker", "pdu",
    "bank",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """`family` of the samples it is made of; `unit` as printed. With `join` it is made of several
    series at once, of which also counts what they told within `lead_ms` before; `source` is what a
    subject has these by where that isn't their family; `tell` says which of them counts."""

    name: str
    subject: str
    family: str
    unit: str
    kinds: tuple[str, ...]
    measure: Measure
    join: Join | None = None
    lead_ms: int = 0
    source: str = ""
    tell: Tell | None = None

    @property
    def key(self) -> str:
        """By what a subject has its series."""
        return self.source or self.family

    def judge(self, told: Told, facts: Facts) -> Floats:
        """Its value at each instant."""
        if self.join is None:
            columns: Columns = {name: rows[0] for name, rows in told.values.items()}
        else:
            columns = self.join(told, facts)
        return self.measure(columns, told.span_ms, facts)

    @property
    def classes(self) -> tuple[str, ...]:
        return {PORT: PORT_CLASSES, NODE: NODE_CLASSES}.get(self.subject, ())


def _octet_rate(way: str) -> Measure:
    """bit/s of one direction."""

    def rate(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
        octets = columns[f"{way}_octets"]
        known = (octets >= 0) & (span_ms > 0)
        return np.where(known, octets * 8000.0 / np.where(known, span_ms, 1), np.nan)

    return rate


_IN, _OUT = _octet_rate("in"), _octet_rate("out")


def _busier(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.fmax(_IN(columns, span_ms, facts), _OUT(columns, span_ms, facts))


def _share_of(rate: Measure, whole: str) -> Measure:
    """Percent of a fact that is a rate in bit/s; unknown where that is 0."""

    def share(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
        full = np.asarray(facts[whole], dtype=np.float64)
        return rate(columns, span_ms, facts) * 100 / np.where(full > 0, full, np.nan)

    return share


def _per_minute(events: str) -> Measure:
    """Packets of both directions per minute; unknown where one of them is."""

    def rate(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
        inward, outward = columns[f"in_{events}"], columns[f"out_{events}"]
        known = (inward >= 0) & (outward >= 0) & (span_ms > 0)
        both = (inward + outward) * 60_000.0
        return np.where(known, both / np.where(known, span_ms, 1), np.nan)

    return rate


def _port_down(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    state = columns["state"]
    return np.where(state == DOWN, 1.0, np.where(state == UP, 0.0, np.nan))


def _all_phases(told: Told, facts: Facts) -> Columns:
    return join_phases(told.ts, told.at, told.values)


def _node_dead(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    """By its own meter alone, as `sla.evidence.judge_power` does: voltage decides, and without a
    voltmeter a current shows that it is alive. Of several phases one that lives is enough, and
    none may be missing of those that are dead."""
    mv = columns["mv"]
    is_dead = mv * 100 < np.asarray(facts["phase_v"]) * 1000 * DEAD_BELOW_PCT
    dead = np.where(is_dead, np.where(columns["whole"] == 1, 1.0, np.nan), 0.0)
    flows = (columns["ma"] > 0) | (columns["mw"] > 0)
    return np.where(mv >= 0, dead, np.where(flows, 0.0, np.nan))


def _node_load(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    """Amps of a phase, percent of the derated breaker: of the phase that carries most where the
    meter tells them apart; from power where there is no current, or several phases in one."""
    phases, full = np.asarray(facts["phases"]), np.asarray(facts["derated_a"], dtype=np.float64)
    volts = np.asarray(facts["phase_v"]) * np.asarray(facts.get("power_factor_pct", 100)) / 100

    def amps(ma: Ints, mw: Ints, volts: Floats) -> Floats:
        by_power = np.where(mw >= 0, mw / 1000.0 / np.where(volts > 0, volts, np.nan), np.nan)
        return np.where(ma >= 0, ma / 1000.0, by_power)

    most = amps(columns["most_ma"], columns["most_mw"], volts)
    whole = amps(np.where(phases == 1, columns["ma"], -1), columns["mw"], volts * phases)
    tells_apart = (columns["phases"] == phases) & (phases > 1)
    found = np.where(tells_apart, most, whole)
    return np.asarray(found * 100 / np.where(full > 0, full, np.nan))


def _celsius(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.where(columns["mc"] != NO_TEMPERATURE, columns["mc"] / 1000.0, np.nan)


def _humidity(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.where(columns["rh"] >= 0, columns["rh"] / 10.0, np.nan)


def _light(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.asarray(columns["margin"], dtype=np.float64)


def _lost(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.asarray(columns["lost"], dtype=np.float64)


def _left(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    return np.asarray(columns["left"], dtype=np.float64)


def _answers(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    raise TypeError("silence is told by when readings came, not by what they say")


def _burns(columns: Columns, span_ms: Ints, facts: Facts) -> Floats:
    raise TypeError("a budget is burnt by what counts against a promise, not by a reading")


_VALUE, _SLOW = ("threshold",), ("threshold", "forecast")
_CLIMATE = ("threshold", "rate", "forecast")
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        one.name: one
        for one in (
            Quantity("port_share", PORT, "traffic", "%", _VALUE, _share_of(_busier, "speed_bps")),
            Quantity("port_in_share", PORT, "traffic", "%", _VALUE, _share_of(_IN, "speed_bps")),
            Quantity("port_out_share", PORT, "traffic", "%", _VALUE, _share_of(_OUT, "speed_bps")),
            Quantity(
                "port_commit_share", PORT, "traffic", "%", _VALUE, _share_of(_busier, "commit_bps")
            ),
            Quantity("port_errors", PORT, "traffic", "/min", _VALUE, _per_minute("errors")),
            Quantity("port_discards", PORT, "discards", "/min", _VALUE, _per_minute("discards")),
            Quantity("port_down", PORT, "state", "", ("state",), _port_down),
            Quantity(
                "port_light", PORT, "optics", "dB", _VALUE, _light, find_margins, tell=tell_light
            ),
            Quantity(
                "lag_lost",
                PORT,
                "state",
                "",
                _VALUE,
                _lost,
                count_members,
                _BEFORE_MS,
                MEMBERS,
                tell_members,
            ),
            Quantity(
                "lag_capacity",
                PORT,
                "state",
                "%",
                _VALUE,
                _left,
                count_members,
                _BEFORE_MS,
                MEMBERS,
                tell_members,
            ),
            Quantity("node_load", NODE, "power", "%", _SLOW, _node_load, _all_phases, DAY_MS),
            Quantity("node_dead", NODE, "power", "", ("state",), _node_dead, _all_phases, DAY_MS),
            Quantity("node_silence", NODE, "power", "s", ("absence",), _answers),
            Quantity("temperature", SENSOR, "climate", "°C", _CLIMATE, _celsius),
            Quantity("humidity", SENSOR, "climate", "%", _CLIMATE, _humidity),
            Quantity("sensor_silence", SENSOR, "climate", "s", ("absence",), _answers),
            Quantity("agent_silence", AGENT, "", "s", ("absence",), _answers),
            Quantity("item_burn", ITEM, "", "×", ("burn",), _burns),
        )
    }
)


def rates_per_hour(ts: Ints, values: Floats, window_ms: int) -> Floats:
    """How much each value differs from the oldest known one within the window before it, per hour.

    Unknown where less than half of the window is shown.
    """
    known = np.flatnonzero(~np.isnan(values))
    found = np.full(len(values), np.nan)
    if not len(known):
        return found
    at, value = ts[known], values[known]
    first = np.searchsorted(at, at - window_ms)
    span = at - at[first]
    shown = span * 2 >= window_ms
    change = (value - value[first]) * 3_600_000
    found[known] = np.where(shown, change / np.where(shown, span, 1), np.nan)
    return found


def silences(ts: Ints, until_ms: int, step_ms: int) -> tuple[Ints, Floats]:
    """(instants, seconds without a reading): 0 at each reading, and the age of the last one at
    each step of the gaps between them, up to `until_ms`. Before the first nothing is known."""
    if not len(ts):
        return np.empty(0, dtype=np.int64), np.empty(0)
    ends = np.append(ts[1:], max(until_ms, int(ts[-1])))
    # A reading that comes at its step or a little late leaves no gap.
    steps = np.maximum(0, (ends - ts - step_ms // 2) // step_ms)
    place = np.repeat(np.arange(len(ts)), steps + 1)
    number = np.arange(len(place)) - np.repeat(np.cumsum(steps + 1) - (steps + 1), steps + 1)
    return ts[place] + number * step_ms, number * step_ms / 1000.0
