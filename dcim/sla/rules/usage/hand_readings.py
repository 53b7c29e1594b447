"""Meters read by hand as usage takes them: energy of an item's period, and how it came about."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.metering.registers import (
    Consumption,
    Mark,
    NoReadingError,
    Register,
    RegisterError,
    RegisterReading,
    measure_consumption,
)
from dcim.sla.rules.intervals import Intervals, subtract, union
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import Text

HOUR_MS = 3_600_000
SIDES: dict[str, tuple[str, str]] = {
    "near": ("前后 {hours} 小时内没有已确认的读数", "no confirmed reading within {hours} h of it"),
    "before": ("此前没有已确认的读数", "no confirmed reading at or before it"),
    "after": ("此后没有已确认的读数", "no confirmed reading at or after it"),
}


@dataclass(frozen=True)
class HandMeter:
    """A meter in its time of the period, [start, end) UTC ms, with the readings that are billed.

    `place` names what it measures: two meters of one place hang there one after the other.
    `waiting` counts readings of the stretch that no second person has confirmed.
    """

    serial: str
    place: str
    register: Register
    start: int
    end: int
    readings: tuple[RegisterReading, ...]
    window_ms: int
    waiting: int = 0


@dataclass(frozen=True)
class HandRead:
    """What a meter gives; `used` is None when it can't be told, and `missing` says why."""

    meter: HandMeter
    used: Consumption | None
    missing: Text | None = None


def read_meter(meter: HandMeter, zone: str) -> HandRead:
    """Its energy, or which fact is missing, said in local time."""
    try:
        used = measure_consumption(
            meter.register, meter.readings, meter.start, meter.end, meter.window_ms
        )
    except NoReadingError as error:
        zh, en = SIDES[error.side]
        hours = say_exact(Fraction(meter.window_ms, HOUR_MS))
        at = say_local(error.at, zone)
        more = _say_waiting(meter.waiting)
        return HandRead(
            meter,
            None,
            {
                "zh": f"电表 {meter.serial}：{at} {zh.format(hours=hours)}{more['zh']}",
                "en": f"meter {meter.serial}, {at}: {en.format(hours=hours)}{more['en']}",
            },
        )
    except RegisterError:
        return HandRead(
            meter,
            None,
            {
                "zh": f"电表 {meter.serial}：读数变小，且无人说明已翻转归零",
                "en": f"meter {meter.serial}: a reading is lower than the one before, and nobody "
                "said that the register began again",
            },
        )
    return HandRead(meter, used)


def _say_waiting(count: int) -> Text:
    if not count:
        return {"zh": "", "en": ""}
    return {
        "zh": f"（{count} 个读数待他人确认）",
        "en": f" ({count} of its readings wait for a second person)",
    }


def find_unmetered(meters: Sequence[HandMeter], start: int, end: int) -> dict[str, Intervals]:
    """Stretches of [start, end) without any meter, by place, where there are some."""
    places: dict[str, list[tuple[int, int]]] = {}
    for meter in meters:
        places.setdefault(meter.place, []).append((meter.start, meter.end))
    gaps = {place: subtract([(start, end)], union(spans)) for place, spans in places.items()}
    return {place: found for place, found in gaps.items() if found}


def hand_steps(read: HandRead, zone: str, number: int) -> list[Step]:
    """Where the register stood at both ends, and what that comes to."""
    meter, used = read.meter, read.used
    if used is None:
        return []
    register = meter.register
    name = both(meter.serial)
    found = [
        _mark_step(f"meter-{number}-{side}", meter, mark, zone, words)
        for side, mark, words in (
            ("start", used.start, ("起码", "at the start")),
            ("end", used.end, ("止码", "at the end")),
        )
    ]
    formula = f"{write_mark(register, used.end)} − {write_mark(register, used.start)}"
    if used.rolls:
        formula = f"{register.write(used.rolls * register.modulus)} + {formula}"
    if register.multiplier != 1:
        formula = f"({formula}) × {register.multiplier}"
    kwh = say_exact(Fraction(used.mwh, 10**6))
    found.append(
        Step(
            f"meter-{number}-kwh",
            {"zh": f"电表 {name['zh']} 用电量", "en": f"Meter {name['en']}, energy"},
            both(formula),
            _mark_estimated(both(f"{kwh} kWh"), used.estimated),
        )
    )
    return found


def _mark_step(key: str, meter: HandMeter, mark: Mark, zone: str, words: tuple[str, str]) -> Step:
    register = meter.register
    said = [f"{say_local(one.at, zone)}  {register.write(one.value)}" for one in mark.readings]
    if mark.interpolated:
        formula = {
            "zh": f"按 {said[0]} 与 {said[1]} 之间均匀用电推算",
            "en": f"evenly between {said[0]} and {said[1]}",
        }
    elif mark.estimated:
        formula = {"zh": f"估读 {said[0]}", "en": f"estimated, {said[0]}"}
    else:
        formula = {"zh": f"抄表 {said[0]}", "en": f"read, {said[0]}"}
    at = say_local(mark.at, zone)
    return Step(
        key,
        {
            "zh": f"电表 {meter.serial} {words[0]}，{at}",
            "en": f"Meter {meter.serial} {words[1]}, {at}",
        },
        formula,
        _mark_estimated(both(write_mark(register, mark)), mark.estimated),
    )


def write_mark(register: Register, mark: Mark) -> str:
    """As it was read; between readings with up to six decimals, so that the difference adds up."""
    if not mark.interpolated:
        return register.write(mark.readings[0].value)
    return say_exact(Fraction(mark.register_mwh, 10**6 * register.multiplier)).replace(",", "")


def _mark_estimated(text: Text, estimated: bool) -> Text:
    if not estimated:
        return text
    return {"zh": f"{text['zh']}（估算）", "en": f"{text['en']} (estimated)"}


def say_local(ms: int, zone: str) -> str:
    return f"{dt.datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"
