"""Measured values, their ranges and time limits in words, Chinese and English."""

from decimal import Decimal

from dcim.sla.rules.quantities import VALUE_UNITS, plain, say_duration
from dcim.sla.rules.terms import Range, Text, Within

SIGNS = {"degC": "°C"}


def say_value(stored: Decimal, unit: str) -> str:
    """A stored integer in the unit it is written in."""
    return f"{plain(stored / VALUE_UNITS.get(unit, 1))} {SIGNS.get(unit, unit)}"


def say_stored_range(bounds: Range, unit: str) -> Text:
    """Bounds of stored integers."""
    zh, en = [], []
    if bounds.low is not None:
        low = say_value(bounds.low, unit)
        zh.append(f"不低于 {low}" if bounds.low_inclusive else f"超过 {low}")
        en.append(f"at least {low}" if bounds.low_inclusive else f"more than {low}")
    if bounds.high is not None:
        high = say_value(bounds.high, unit)
        zh.append(f"不超过 {high}" if bounds.high_inclusive else f"低于 {high}")
        en.append(f"up to {high}" if bounds.high_inclusive else f"below {high}")
    return {"zh": "且".join(zh) or "任何值", "en": ", ".join(en) or "anything"}


def say_within(within: Within) -> Text:
    if within.business_days:
        days = within.business_days
        return {
            "zh": f"{days} 个工作日",
            "en": f"{days} business day{'' if days == 1 else 's'}",
        }
    zh, en = say_duration(within.ms)
    return {"zh": zh, "en": en}
