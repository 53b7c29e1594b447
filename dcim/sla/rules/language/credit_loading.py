"""The credit part of a metric's terms, read from its words."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast, get_args

from dcim.errors import Message
from dcim.sla.rules.language.checks import read_range
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import (
    VALUE_UNITS,
    Amount,
    read_amount,
    read_duration,
    read_number,
    read_percent,
    read_value,
)
from dcim.sla.rules.terms import Base, Credit, CreditForm, Tier

DAY_VALUES = ("mrc/30", "mrc/days", "mrc*12/365")


def read_credit(metric: Reader, currency: str) -> Credit | None:
    """None when the metric names no credit (a miss is then unpriced)."""
    words = metric.group("credit")
    if words is None:
        return None

    def amount(text: str) -> Amount:
        return read_amount(text, currency)

    form = words.choose("form", get_args(CreditForm))
    credit = Credit(
        form=cast(Any, form),
        base=cast(Any, words.choose("base", get_args(Base), "item")),
        cap=words.read("cap", amount, None),
        day_value=cast(
            Any,
            words.choose("day_value", DAY_VALUES, "mrc/30") if words.has("day_value") else None,
        ),
    )
    credit = _READ_FORM[form](_week(credit, words), words, amount)
    credit = _event_caps(credit, words, amount)
    amounts = [credit.give, credit.each, credit.initial, *(tier.credit for tier in credit.tiers)]
    if any(a is not None and a.kind == "days" for a in [*amounts, *credit_caps(credit)]) and (
        credit.day_value is None
    ):
        words.refuse(
            "day_value",
            Message("is missing: what one day of the fee is worth"),
            DAY_VALUES,
        )
    words.finish()
    return credit


def credit_caps(credit: Credit) -> tuple[Amount | None, ...]:
    return credit.cap, credit.cap_event, credit.cap_day


def _week(credit: Credit, words: Reader) -> Credit:
    """Percentages of one week's fee, and what a week of a monthly fee is worth."""
    fee_of = words.choose("fee_of", ("month", "week"), "month")
    values = ("mrc*12/52", "mrc*7/30", "mrc*7/days")
    if fee_of == "month":
        if words.has("week_value"):
            words.refuse("week_value", Message("has a meaning only with fee_of: week"))
        return credit
    value = words.choose("week_value", values)
    return replace(credit, fee_of="week", week_value=cast(Any, value))


def _event_caps(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    """Most that one outage and one day give, where a form adds up outage by outage."""
    for key in ("cap_event", "cap_day"):
        if not words.has(key):
            continue
        by_event = credit.form in ("per_event", "prorata") or (
            credit.form == "per_increment" and credit.per == "event"
        )
        if not by_event:
            words.refuse(
                key,
                Message("needs a form that counts outage by outage"),
                ("per_event", "prorata", "per_increment with per: event"),
            )
        elif credit.form == "prorata" and (
            credit.min_days or credit.after_ms or credit.after_share or credit.beyond_target
        ):
            words.refuse(key, Message("can't stand beside min_days, after or beyond"))
    return replace(
        credit,
        cap_event=words.read("cap_event", amount, None),
        cap_day=words.read("cap_day", amount, None),
    )


def _flat(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    return replace(credit, give=words.need("give", amount, None))


def _tiers(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    convert: Callable[[str], Decimal] = {
        "tiers_availability": read_percent,
        "tiers_events": _whole,
    }.get(credit.form, lambda text: Decimal(read_duration(text)))
    tiers = []
    for row in words.entries("tiers"):
        bounds = read_range(row, convert)
        given = row.need("credit", amount, None)
        row.finish()
        if given is not None:
            tiers.append(Tier(bounds, given))
    if not tiers:
        words.refuse("tiers", Message("needs at least one row"))
    return replace(
        credit,
        tiers=tuple(tiers),
        compare=words.read("compare", _compare, None),
        hole=cast(
            Any,
            words.choose("hole", ("lower", "upper", "none", "review"), "none")
            if words.has("hole")
            else None,
        ),
        overlap=cast(
            Any,
            words.choose("overlap", ("lower", "upper"), "lower") if words.has("overlap") else None,
        ),
    )


def _whole(text: str) -> Decimal:
    number = read_number(text)
    if number != int(number):
        raise ValueError(Message("%(text)r is no whole number of outages", text=text))
    return number


def _after(credit: Credit, words: Reader) -> Credit:
    """Downtime that costs nothing: a duration, a share of the period, or what the target allows."""
    text = words.text("after", "")
    if words.has("beyond"):
        words.choose("beyond", ("target",))
        if text:
            words.refuse("beyond", Message("stands beside after: one of them"))
        if credit.per == "event":
            words.refuse(
                "beyond", Message("the target is of the whole period: not with per: event")
            )
        return replace(credit, beyond_target=True)
    if not text:
        return credit
    if text.endswith("%"):
        share = words.need("after", read_percent, Decimal(0))
        if share >= 100:
            words.refuse("after", Message("must be less than the whole period"))
        if credit.per == "event":
            words.refuse("after", Message("a share of the period is not free in each outage"))
        return replace(credit, after_share=share)
    return replace(credit, after_ms=words.need("after", read_duration, 0))


def _at_most(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]?) per (.+)", text)
    if not found:
        raise ValueError(Message("%(text)r must read like '1 per 24 h'", text=text))
    window = read_duration(found[2])
    if window <= 0:
        raise ValueError(Message("the window must be longer than nothing"))
    return int(found[1]), window


def _compare(text: str) -> tuple[str, int] | None:
    if text == "exact":
        return None
    found = re.fullmatch(r"(rounded|cut) to ([0-6]) decimals?", text)
    if not found:
        raise ValueError(
            Message("%(text)r must be exact, or like 'rounded to 2 decimals'", text=text)
        )
    return found[1], int(found[2])


def _counted(words: Reader) -> Any:
    return words.choose("counted", ("started", "full"))


def _per_increment(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    increment = words.need("increment", read_duration, 1)
    if increment <= 0:
        words.refuse("increment", Message("must be longer than nothing"))
    credit = replace(
        credit,
        increment_ms=increment,
        each=words.need("each", amount, None),
        initial=words.read("initial", amount, None),
        counted=_counted(words),
        per=cast(Any, words.choose("per", ("total", "event"), "total")),
    )
    return _after(credit, words)


def _per_shortfall(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    step, unit = words.need("step", _step, (Decimal(1), ""))
    if step <= 0:
        words.refuse("step", Message("must be more than nothing"))
    return replace(
        credit,
        step=step,
        step_unit=unit,
        each=words.need("each", amount, None),
        counted=_counted(words),
    )


def _step(text: str) -> tuple[Decimal, str]:
    """Percentage points, or a number and its unit such as 3 ms."""
    if text.endswith("%"):
        return read_percent(text), ""
    stored, unit = read_value(text)
    return Decimal(stored) / VALUE_UNITS[unit], unit


def _per_event(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    return replace(
        credit,
        each=words.need("each", amount, None),
        at_most=words.read("at_most", _at_most, None),
    )


def _per_day(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    return replace(credit, each=words.need("each", amount, None))


def _prorata(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    del amount
    return replace(
        _after(credit, words),
        multiple=words.read("multiple", read_number, Decimal(1)),
        min_days=int(words.read("min_days", read_number, Decimal(0))),
        day_value=credit.day_value or cast(Any, words.choose("day_value", DAY_VALUES)),
    )


_READ_FORM: dict[str, Callable[[Credit, Reader, Callable[[str], Amount]], Credit]] = {
    "flat": _flat,
    "tiers_duration": _tiers,
    "tiers_availability": _tiers,
    "per_increment": _per_increment,
    "per_shortfall": _per_shortfall,
    "per_event": _per_event,
    "prorata": _prorata,
    "tiers_events": _tiers,
    "per_day": _per_day,
}
