"""Pure: what can be watched, and how samples become values in its unit; NaN is unknown.

The same functions serve one instant of many subjects and many instants of one: columns and facts
are arrays or single numbers, broadcast together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcim.metering.families import DOWN, NO_TEMPERATURE, UP
from dcim.sla.evidence import DEAD_BELOW_PCT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# A number of each subject (its speed, its rating), or of the one.
Facts = Mapping[str, Any]
Measure = Callable[[Mapping[str, Ints], Ints, Facts], Floats]

PORT, NODE, SENSOR, AGENT, ITEM = SUBJECT_KINDS = ("port", "node", "sensor", "agent", "item")
# Quantities that say of something customers have that it is down; silence says nothing of it.
OUTAGES = ("port_down", "node_dead")
PORT_CLASSES = ("customer", "uplink", "internal")
NODE_CLASSES = (
    "utility", "generator", "transformer", "switchgear", "ats", "ups", "panel", "breaker", "pdu",
    "bank",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """`family` of the samples it is made of; `unit` as printed."""

    name: str
    subject: str
    family: str
    unit: str
    kinds: tuple[str, ...]
    measure: Measure

    @property
    def classes(self) -> tuple[str, ...]:
        return {PORT: PORT_CLASSES, NODE: NODE_CLASSES}.get(self.subject, ())


def _octet_rate(way: str) -> Measure:
    """bit/s of one direction."""

    def rate(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
        octets = columns[f"{way}_octets"]
        known = (octets >= 0) & (span_ms > 0)
        return np.where(known, octets * 8000.0 / np.where(known, span_ms, 1), np.nan)

    return rate


_IN, _OUT = _octet_rate("in"), _octet_rate("out")


def _busier(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    return np.fmax(_IN(columns, span_ms, facts), _OUT(columns, span_ms, facts))


def _share_of(rate: Measure, whole: str) -> Measure:
    """Percent of a fact that is a rate in bit/s; unknown where that is 0."""

    def share(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
        full = np.asarray(facts[whole], dtype=np.float64)
        return rate(columns, span_ms, facts) * 100 / np.where(full > 0, full, np.nan)

    return share


def _per_minute(events: str) -> Measure:
    """Packets of both directions per minute; unknown where one of them is."""

    def rate(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
        inward, outward = columns[f"in_{events}"], columns[f"out_{events}"]
        known = (inward >= 0) & (outward >= 0) & (span_ms > 0)
        both = (inward + outward) * 60_000.0
        return np.where(known, both / np.where(known, span_ms, 1), np.nan)

    return rate


def _port_down(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    state = columns["state"]
    return np.where(state == DOWN, 1.0, np.where(state == UP, 0.0, np.nan))


def _node_dead(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    """By its own meter alone, as `sla.evidence.judge_power` does: voltage decides, and without a
    voltmeter a current shows that it is alive."""
    mv = columns["mv"]
    dead = np.where(mv * 100 < np.asarray(facts["phase_v"]) * 1000 * DEAD_BELOW_PCT, 1.0, 0.0)
    flows = (columns["ma"] > 0) | (columns["mw"] > 0)
    return np.where(mv >= 0, dead, np.where(flows, 0.0, np.nan))


def _node_load(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    """Amps of a phase, percent of the derated breaker; from power where there is no current or
    several phases."""
    ma, mw = columns["ma"], columns["mw"]
    volts = np.asarray(facts["phase_v"]) * np.asarray(facts["phases"])
    volts = volts * np.asarray(facts.get("power_factor_pct", 100)) / 100
    by_power = np.where(mw >= 0, mw / 1000.0 / np.where(volts > 0, volts, np.nan), np.nan)
    amps = np.where((ma >= 0) & (np.asarray(facts["phases"]) == 1), ma / 1000.0, by_power)
    full = np.asarray(facts["derated_a"], dtype=np.float64)
    return np.asarray(amps * 100 / np.where(full > 0, full, np.nan))


def _celsius(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    return np.where(columns["mc"] != NO_TEMPERATURE, columns["mc"] / 1000.0, np.nan)


def _humidity(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    return np.where(columns["rh"] >= 0, columns["rh"] / 10.0, np.nan)


def _answers(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
    raise TypeError("silence is told by when readings came, not by what they say")


def _burns(columns: Mapping[str, Ints], span_ms: Ints, facts: Facts) -> Floats:
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
            Quantity("node_load", NODE, "power", "%", _SLOW, _node_load),
            Quantity("node_dead", NODE, "power", "", ("state",), _node_dead),
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
