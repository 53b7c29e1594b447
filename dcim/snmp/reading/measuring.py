"""Pure: what one poll of a device says, as numbers for its series."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from dcim.metering.families import NO_TEMPERATURE, NOT_REPORTED
from dcim.snmp.counting.counters import CounterState
from dcim.snmp.counting.counters import Reading as CounterReading
from dcim.snmp.reading.readings import Reading

# An energy register read after longer than this tells nothing about when it was used.
MAX_ENERGY_SPAN_MS = 900_000
_MILLI = Decimal(1000)
# Where a device measures its whole draw; its lines or its phases complete what is missing there.
# Both tell of the same current, so only one of them is summed; a neutral's is no draw at all.
_WHOLE, _PARTS = "input", ("line", "phase")


@dataclass(frozen=True, slots=True)
class Gauge:
    """The readings of one thing on a device at one poll.

    `names` are what it may be called, the preferred one first: an existing series or power node
    called by any of them is meant. `values` are power's columns without `wh`, or climate's.
    """

    family: str
    names: tuple[str, ...]
    values: dict[str, int]
    energy_wh: int | None = None
    # "output" of "output-02": a power node measured there is measured by each of its phases.
    place: str = ""


def scale(value: Decimal) -> int:
    """Volts to millivolts and the like."""
    return int((value * _MILLI).to_integral_value(ROUND_HALF_EVEN))


def slug(label: str) -> str:
    """A label as a slot: letters of any script and digits, joined by hyphens."""
    words = unicodedata.normalize("NFKC", label).lower()
    return re.sub(r"[^\w]+", "-", words, flags=re.UNICODE).strip("-_")[:200]


def gather_gauges(readings: Iterable[Reading]) -> list[Gauge]:
    """Group readings by the thing they belong to, and name each thing.

    Labels may be changed on the device, so a new series is named by the place and, where the
    place has several things, the index of the table row; that stays.
    """
    things: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        things.setdefault((reading.place, reading.label), []).append(reading)
    gauges: list[Gauge] = []
    for family, kinds in (
        ("power", {"voltage", "current", "power", "energy"}),
        ("climate", {"temperature", "humidity"}),
    ):
        mine = {
            key: [reading for reading in found if reading.kind in kinds]
            for key, found in things.items()
        }
        mine = {key: found for key, found in mine.items() if found}
        indexes = _indexes(mine)
        for key, found in mine.items():
            alone = sum(place == key[0] for place, _ in mine) == 1
            gauges.append(_gauge(family, key, indexes[key], alone, found))
    return _complete(gauges)


def _indexes(things: dict[tuple[str, str], list[Reading]]) -> dict[tuple[str, str], str]:
    """The shortest tail of the row's OID that tells the things of a place apart."""
    found: dict[tuple[str, str], str] = {}
    for place in {place for place, _ in things}:
        keys = [key for key in things if key[0] == place]
        for length in range(1, 6):
            tails = {key: things[key][0].oid[-length:] for key in keys}
            if len(set(tails.values())) == len(keys):
                break
        for key in keys:
            found[key] = "-".join(f"{arc:02d}" for arc in tails[key])
    return found


def _gauge(
    family: str, key: tuple[str, str], index: str, alone: bool, readings: Sequence[Reading]
) -> Gauge:
    place, label = key
    names = [place] if alone else []
    names += [f"{place}-{index}", slug(label), label, index.lstrip("0")]
    first: dict[str, Decimal] = {}
    for reading in readings:
        first.setdefault(reading.kind, reading.value)

    def milli(kind: str, absent: int = NOT_REPORTED) -> int:
        return scale(first[kind]) if kind in first else absent

    unique = tuple(name for name in dict.fromkeys(names) if name)
    if family == "climate":
        humidity = first.get("humidity")
        values = {
            "mc": milli("temperature", NO_TEMPERATURE),
            # Per mille, as stored: 45.5 % is 455.
            "rh": NOT_REPORTED if humidity is None else scale(humidity) // 100,
        }
        return Gauge(family, unique, values, None, place)
    values = {"mv": milli("voltage"), "ma": milli("current"), "mw": milli("power")}
    energy = scale(first["energy"]) if "energy" in first else None
    return Gauge(family, unique, values, energy, place)


def _complete(gauges: list[Gauge]) -> list[Gauge]:
    """Give a device's whole input what only its phases measure: voltage, and summed current."""
    whole = [g for g in gauges if g.family == "power" and g.names[0] == _WHOLE]
    parts = [g for g in gauges if g.family == "power" and g.place in _PARTS]
    if not parts:
        return gauges
    from_parts = {
        # The best phase: a dead input is one without voltage on any of them.
        "mv": max((g.values["mv"] for g in parts), default=NOT_REPORTED),
        "ma": _sum_parts(parts, "ma"),
        "mw": _sum_parts(parts, "mw"),
    }
    if not whole:
        return [Gauge("power", (_WHOLE,), from_parts, None, _WHOLE), *gauges]
    for gauge in whole:
        for column, value in from_parts.items():
            if gauge.values[column] < 0:
                gauge.values[column] = value
    return gauges


def _sum_parts(parts: Sequence[Gauge], column: str) -> int:
    """Sum over all lines, else over all phases; NOT_REPORTED where one of them tells nothing."""
    for place in _PARTS:
        values = [gauge.values[column] for gauge in parts if gauge.place == place]
        if values and min(values) >= 0:
            return sum(values)
    return NOT_REPORTED


def energy_delta(memory: dict[str, Any] | None, energy_wh: int | None, ts_ms: int) -> int:
    """Watt-hours since the last reading; NOT_REPORTED where it went back or lay too far behind."""
    if energy_wh is None or memory is None or "wh" not in memory:
        return NOT_REPORTED
    used = energy_wh - int(memory["wh"])
    if used < 0 or not 0 < ts_ms - int(memory["ts"]) <= MAX_ENERGY_SPAN_MS:
        return NOT_REPORTED
    return used


def pack_state(state: CounterState) -> dict[str, Any]:
    """Counter state as JSON; integers keep all 64 bits there."""
    return {name: value for name, value in asdict(state.last).items() if value is not None}


def unpack_state(packed: dict[str, Any] | None) -> CounterState | None:
    """None for nothing, or for what another version wrote: a gap then, not a guess."""
    if not packed:
        return None
    try:
        return CounterState(
            CounterReading(
                **{"in_octets": None, "out_octets": None, "uptime_ticks": None, **packed}
            )
        )
    except TypeError:
        return None
