"""Quantities as contracts write them ("5 min", "99.99 %", "1 day") and back into words."""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

from dcim.errors import Message

MS = {
    "ms": 1,
    "s": 1000,
    "min": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "day": 86_400_000,
    "days": 86_400_000,
}
# Other ways to write a unit; it is kept under its name in VALUE_UNITS.
SAME_UNITS = {"°C": "degC", "℃": "degC"}
# how many stored integers one written unit is
VALUE_UNITS = {
    "degC": 1000,
    "%RH": 10,
    "W": 1000,
    "V": 1000,
    "A": 1000,
    "ms": 1000,
    "%": 10_000,  # loss and load, in parts per million
}
RATE_UNITS = {
    1000: {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9},
    1024: {"bit/s": 1, "kbit/s": 2**10, "Mbit/s": 2**20, "Gbit/s": 2**30},
}
ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
Kind = Literal["percent", "money", "days", "per_unit"]
FULL_WIDTH = "％，．：０１２３４５６７８９－"
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Amount:
    """What a credit gives: a share of the base, money (also for each unit), or days of the fee."""

    kind: Kind
    value: Decimal


def read_number(text: str) -> Decimal:
    """A plain non-negative decimal; ValueError for anything else (no sign, exponent, comma)."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(Message("%(text)r is not a plain number such as 30 or 99.95", text=text))
    return Decimal(text)


def _split(text: str) -> tuple[Decimal, str]:
    if any(mark in text for mark in FULL_WIDTH):
        raise ValueError(
            Message("%(text)r has full-width characters; write it like 5 %%", text=text)
        )
    if "," in text:
        raise ValueError(Message("%(text)r: numbers are written without commas", text=text))
    found = re.fullmatch(r"([0-9.]+)\s*(\S.*)?", text.strip())
    if not found:
        raise ValueError(Message("%(text)r does not begin with a number", text=text))
    return read_number(found[1]), (found[2] or "").strip()


def read_duration(text: str) -> int:
    """Milliseconds."""
    number, unit = _split(text)
    if unit not in MS:
        raise ValueError(Message("%(text)r needs a unit of time: s, min, h or d", text=text))
    ms = number * MS[unit]
    if ms != int(ms):
        raise ValueError(Message("%(text)r is finer than a millisecond", text=text))
    return int(ms)


def read_percent(text: str) -> Decimal:
    number, unit = _split(text)
    if unit != "%":
        raise ValueError(Message("%(text)r must be a percentage, for example 99.95 %%", text=text))
    return number


def read_money(text: str, currency: str) -> Decimal:
    number, unit = _split(text)
    if unit not in ("", currency):
        raise ValueError(
            Message(
                "%(text)r is not in %(currency)s, the currency of these terms",
                text=text,
                currency=currency,
            )
        )
    return number


def read_amount(text: str, currency: str) -> Amount:
    """A percentage of the base, days of the fee, money, or money for each unit."""
    if text.endswith(" per unit"):
        return Amount("per_unit", read_money(text.removesuffix(" per unit"), currency))
    _, unit = _split(text)
    if unit == "%":
        return Amount("percent", read_percent(text))
    if unit in ("day", "days", "d"):
        return Amount("days", _split(text)[0])
    return Amount("money", read_money(text, currency))


def read_value(text: str) -> tuple[int, str]:
    """A measured limit as (stored integer, unit), for example 27 degC as (27000, degC)."""
    number, unit = _split(text.removeprefix("-"))
    unit = SAME_UNITS.get(unit, unit)
    if unit not in VALUE_UNITS:
        raise ValueError(
            Message(
                "%(text)r needs one of the units %(choices)s",
                text=text,
                choices=", ".join(VALUE_UNITS),
            )
        )
    scaled = number * VALUE_UNITS[unit]
    if scaled != int(scaled):
        raise ValueError(
            Message(
                "%(text)r is finer than 1/%(parts)s %(unit)s",
                text=text,
                parts=VALUE_UNITS[unit],
                unit=unit,
            )
        )
    return (-int(scaled) if text.startswith("-") else int(scaled)), unit


def read_rate(text: str, thousand: int) -> int:
    """Bit/s; a kilobit is `thousand` bits (1000 or 1024)."""
    number, unit = _split(text)
    units = RATE_UNITS[thousand]
    if unit not in units:
        raise ValueError(
            Message(
                "%(text)r needs one of the units %(choices)s", text=text, choices=", ".join(units)
            )
        )
    bits = number * units[unit]
    if bits != int(bits):
        raise ValueError(Message("%(text)r is a fraction of a bit", text=text))
    return int(bits)


def read_quantity(text: str, units: dict[str, int], of: str) -> Decimal:
    """In the smallest unit of `units` (how many of it each is); `of` says what for in errors."""
    number, unit = _split(text)
    if unit not in units:
        raise ValueError(
            Message(
                "%(text)r needs a unit of %(of)s: %(choices)s",
                text=text,
                of=of,
                choices=", ".join(units),
            )
        )
    return number * units[unit]


def plain(number: Decimal) -> str:
    """Without exponent or trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(number: Fraction, decimals: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """A fraction rounded once, exactly, to so many decimals."""
    scale = 10**decimals
    scaled = number * scale
    if rounding == ROUND_DOWN:
        whole = abs(scaled).__floor__() * (1 if scaled >= 0 else -1)
    elif rounding == ROUND_HALF_EVEN:
        whole = round(scaled)
    else:
        whole = (abs(scaled) + Fraction(1, 2)).__floor__() * (1 if scaled >= 0 else -1)
    return Decimal(whole).scaleb(-decimals)


def money(number: Fraction, decimals: int, rounding: str) -> Decimal:
    """Rounded by one of half_up, half_even, down."""
    return fixed(number, decimals, ROUNDING[rounding])


def say_duration(ms: int) -> tuple[str, str]:
    """(zh, en), in the largest unit that leaves no remainder; days only beyond a week (72 h)."""
    for unit, zh, en in (("d", "天", "d"), ("h", "小时", "h"), ("min", "分钟", "min")):
        if ms and ms % MS[unit] == 0 and (unit != "d" or ms > 7 * MS["d"]):
            return f"{ms // MS[unit]} {zh}", f"{ms // MS[unit]} {en}"
    seconds = plain(Decimal(ms) / 1000)
    return f"{seconds} 秒", f"{seconds} s"


def say_span(ms: int) -> tuple[str, str]:
    """(zh, en) of a measured length, exact, in hours, minutes and seconds."""
    hours, rest = divmod(ms, MS["h"])
    minutes, rest = divmod(rest, MS["min"])
    parts = [(f"{hours:,}", "小时", "h")] if hours else []
    parts += [(str(minutes), "分", "min")] if minutes else []
    if rest or not parts:
        parts.append((plain(Decimal(rest) / 1000), "秒", "s"))
    return (
        " ".join(f"{number} {zh}" for number, zh, _ in parts),
        " ".join(f"{number} {en}" for number, _, en in parts),
    )


def grouped(text: str | Decimal) -> str:
    """A plain decimal with thousands separators: 116,000.00."""
    said = str(text)
    whole, dot, rest = said.removeprefix("-").partition(".")
    return f"{'-' if said.startswith('-') else ''}{int(whole):,}{dot}{rest}"


def say_rate(bits: int) -> str:
    """In Mbit/s of 1000 kbit/s, exact."""
    return f"{grouped(plain(Decimal(bits) / 10**6))} Mbit/s"


def say_share(
    share: Fraction | None, decimals: int = 6, target: Decimal | None = None
) -> str | None:
    """Share 0..1 in percent; never 100, and never the target, while anything is missing from it."""
    if share is None:
        return None
    value = fixed(share * 100, decimals)
    lacks = share < 1 and value >= 100
    if lacks or (target is not None and value >= target > share * 100):
        value = fixed(share * 100, decimals, ROUND_DOWN)
    return str(value)
