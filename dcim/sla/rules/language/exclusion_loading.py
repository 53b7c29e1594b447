"""Time that the terms leave out, read from its words; limits of values, hours and notice."""

import re
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.language.checks import read_range
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import read_duration, read_value
from dcim.sla.rules.terms import Circumstance, Exclusion, Range, Within


def read_exclusion(words: Reader) -> Exclusion:
    """One class of time that is left out; problems are added to the reader."""
    circumstance = _circumstance(words)
    exclusion = Exclusion(
        kind=words.text("class"),
        effect=cast(Any, words.choose("effect", ("out_of_both", "not_down"))),
        notice=words.read("notice", read_within, None),
        window=words.read("window", read_hours, None),
        at_most_ms=words.read("at_most", read_duration, None),
        per_period_ms=words.read("per_period", read_duration, None),
        approved=words.choose("approved", ("required", "no"), "no") == "required",
        evidence=words.choose("evidence", ("required", "no"), "no") == "required",
        outage_up_to_ms=words.read("outage_up_to", read_duration, None),
        circumstance=circumstance,
    )
    if circumstance is not None:
        for key in ("notice", "window", "at_most", "per_period", "approved", "evidence"):
            if words.has(key):
                words.refuse(
                    key, Message("has a meaning for announced windows only, not beside while")
                )
    words.finish()
    return exclusion


def _circumstance(words: Reader) -> Circumstance | None:
    below = words.group("while")
    if below is None:
        return None
    observe = below.text("observe")
    bounds, unit = read_limit(below)
    return Circumstance(observe, bounds, unit)


def read_limit(words: Reader) -> tuple[Range, str]:
    """Measured values within which all is well."""
    units: list[str] = []

    def value(text: str) -> Decimal:
        number, unit = read_value(text)
        units.append(unit)
        return Decimal(number)

    bounds = read_range(words, value)
    words.finish()
    if len(set(units)) > 1:
        words.refuse("", Message("one unit, not %(units)s", units=" / ".join(units)))
    if bounds.low is None and bounds.high is None:
        words.refuse("", Message("needs at least one bound"), ("from", "above", "up_to", "below"))
    return bounds, units[0] if units else ""


def read_hours(text: str) -> tuple[int, int]:
    """Minutes of the local day, [from, to); may run over midnight. ValueError otherwise."""
    found = re.fullmatch(
        r"([01][0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-4]):([0-5][0-9])", text
    )
    if not found:
        raise ValueError(Message("%(text)r must read like 00:00-06:00", text=text))
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start == end or end > 1440:
        raise ValueError(Message("%(text)r is empty or ends after 24:00", text=text))
    return start, end


def read_within(text: str) -> Within:
    """'72 h', '5 d' or '7 business days'; ValueError otherwise."""
    found = re.fullmatch(r"([1-9][0-9]{0,2}) business days?", text)
    return Within(business_days=int(found[1])) if found else Within(read_duration(text))
