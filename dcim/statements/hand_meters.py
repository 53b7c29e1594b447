"""Meters read by hand, of a statement's inputs: what the rules take, what the statement shows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from dcim.metering.registers import (
    MOST_DECIMALS,
    MOST_DIGITS,
    MOST_MULTIPLIER,
    Mark,
    Register,
    RegisterReading,
)
from dcim.sla.rules.intervals import Interval, Intervals, total
from dcim.sla.rules.periods import format_instant, parse_instant
from dcim.sla.rules.steps import say_exact
from dcim.sla.rules.terms import Text
from dcim.sla.rules.usage.hand_readings import (
    HandMeter,
    HandRead,
    find_unmetered,
    read_meter,
    say_local,
    write_mark,
)
from dcim.statements.inputs import Case, InputsRefusedError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ByHand:
    """An item's meters. `replaced`: spans in which a meter stands for a polled feed, by its id.

    `covered`: the least share of the time in service in which a meter hung at each place;
    `unmetered` the stretches without one, by place.
    """

    reads: tuple[HandRead, ...]
    replaced: dict[str, Intervals]
    covered: Fraction
    unmetered: dict[str, Intervals]


def read_hand_meters(case: Case, item_id: str, low: int, high: int) -> ByHand:
    """Those of [low, high); InputsRefusedError names the meter that makes no sense."""
    entries = [entry for entry in case.inputs.get("meters", []) if entry["item"] == item_id]
    reads: list[HandRead] = []
    replaced: dict[str, Intervals] = {}
    alone: list[HandMeter] = []
    feeds = {entry["id"] for entry in case.inputs["power"] if entry["item"] == item_id}
    for entry in entries:
        meter = _read_entry(entry, low, high)
        if meter is None:
            continue
        reads.append(read_meter(meter, case.zone))
        stands_for = feeds & set(entry["instead_of"])
        for feed in stands_for:
            replaced.setdefault(feed, []).append((meter.start, meter.end))
        if not stands_for:
            alone.append(meter)
    _refuse_overlaps([read.meter for read in reads])
    unmetered = find_unmetered(alone, low, high)
    longest = max((total(gaps) for gaps in unmetered.values()), default=0)
    return ByHand(tuple(reads), replaced, 1 - Fraction(longest, max(high - low, 1)), unmetered)


def has_hand_meters(case: Case, item_id: str) -> bool:
    return any(entry["item"] == item_id for entry in case.inputs.get("meters", []))


def _read_entry(entry: dict[str, Any], low: int, high: int) -> HandMeter | None:
    place = f"meter {entry['serial']}"
    try:
        hung = parse_instant(entry["from"])
        down = high if entry["to"] is None else parse_instant(entry["to"])
        register = Register(entry["digits"], entry["decimals"], entry["multiplier"])
        window = entry["window_s"] * 1000
        readings = tuple(_read_reading(each, register) for each in entry["readings"])
        waiting = entry["waiting"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputsRefusedError(f"{place}: {error!r}") from error
    numbers = (*vars_of(register), window, waiting)
    if any(type(number) is not int for number in numbers) or not (
        1 <= register.digits <= MOST_DIGITS
        and 0 <= register.decimals <= MOST_DECIMALS
        and 1 <= register.multiplier <= MOST_MULTIPLIER
        and window >= 0
        and waiting >= 0
    ):
        raise InputsRefusedError(f"{place}: there is no such register")
    if any(a.at >= b.at for a, b in pairwise(readings)):
        raise InputsRefusedError(f"{place}: its readings aren't in order of time")
    start, end = max(hung, low), min(down, high)
    if start >= end:
        return None
    return HandMeter(
        entry["serial"], entry["measures"], register, start, end, readings, window, waiting
    )


def vars_of(register: Register) -> tuple[int, int, int]:
    return register.digits, register.decimals, register.multiplier


def _read_reading(entry: dict[str, Any], register: Register) -> RegisterReading:
    value, at = entry["value"], parse_instant(entry["at"])
    if format_instant(at) != entry["at"]:
        raise ValueError(f"write {entry['at']} as {format_instant(at)}")
    if type(value) is not int or not 0 <= value < register.modulus:
        raise ValueError(f"value {value!r} can't stand on the register")
    if entry["confirmed_by"].lower() in ("", entry["read_by"].lower()):
        raise ValueError(f"the reading of {entry['at']} has no second person")
    photo = entry["photo_sha256"]
    if photo is not None and not _SHA256.fullmatch(photo):
        raise ValueError(f"{photo!r} is no SHA-256")
    return RegisterReading(
        at,
        value,
        entry["rolled_over"] is True,
        bool(entry["estimate"]),
    )


def _refuse_overlaps(meters: Iterable[HandMeter]) -> None:
    """Two meters at one place at once: one would be charged twice."""
    seen: dict[str, list[Interval]] = {}
    for meter in meters:
        for start, end in seen.setdefault(meter.place, []):
            if meter.start < end and start < meter.end:
                raise InputsRefusedError(f"{meter.place} has two meters at once")
        seen[meter.place].append((meter.start, meter.end))


def hand_sections(case: Case, reads: Iterable[HandRead]) -> list[dict[str, Any]]:
    """What the statement shows of each meter: both ends, by which readings, and the energy."""
    given = {
        (entry["serial"], entry["measures"], each["at"]): each
        for entry in case.inputs.get("meters", [])
        for each in entry["readings"]
    }

    def say_mark(read: HandRead, mark: Mark) -> dict[str, Any]:
        meter = read.meter
        return {
            "at": format_instant(mark.at),
            "register": write_mark(meter.register, mark),
            "interpolated": mark.interpolated,
            "readings": [
                {
                    "register": meter.register.write(one.value),
                    **{
                        key: given[meter.serial, meter.place, format_instant(one.at)][key]
                        for key in (
                            "at", "estimate", "read_by", "confirmed_by", "photo_sha256",
                        )
                    },
                }
                for one in mark.readings
            ],
        }  # fmt: skip

    return [
        {
            "meter": read.meter.serial,
            "measures": read.meter.place,
            "multiplier": read.meter.register.multiplier,
            "start": None if read.used is None else say_mark(read, read.used.start),
            "end": None if read.used is None else say_mark(read, read.used.end),
            "energy_kwh": None
            if read.used is None
            else say_exact(Fraction(read.used.mwh, 10**6)).replace(",", ""),
            "estimated": read.used is not None and read.used.estimated,
            "missing": read.missing,
        }
        for read in reads
    ]


def hand_warnings(case: Case, label: Text, unmetered: dict[str, Intervals]) -> list[Text]:
    """Stretches without a meter."""
    found: list[Text] = []
    for place, gaps in sorted(unmetered.items()):
        for start, end in gaps:
            span = f"{say_local(start, case.zone)} – {say_local(end, case.zone)}"
            found.append(
                {
                    "zh": f"{label['zh']}：{place} 在 {span} 没有电表，该时段电量未计",
                    "en": f"{label['en']}: no meter at {place}, {span}; nothing is charged for it",
                }
            )
    return found
