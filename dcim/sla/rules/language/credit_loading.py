"""The credit part of a metric's terms, read from its words."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.sla.rules.language.checks import read_range
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import (
    Amount,
    read_amount,
    read_duration,
    read_number,
    read_percent,
)
from dcim.sla.rules.terms import Credit, Tier

FORMS = (
    "flat",
    "tiers_duration",
    "tiers_availability",
    "per_increment",
    "per_shortfall",
    "per_event",
    "prorata",
)


def read_credit(metric: Reader, currency: str) -> Credit | None:
    """None when the metric names no credit (a miss is then unpriced)."""
    words = metric.group("credit")
    if words is None:
        return None

    def amount(text: str) -> Amount:
        return read_amount(text, currency)

    form = words.choose("form", FORMS)
    credit = Credit(
        form=cast(Any, form),
        base=cast(Any, words.choose("base", ("item", "item_rent", "contract"), "item")),
        cap=words.read("cap", amount, None),
        day_value=cast(
            Any,
            words.choose("day_value", ("mrc/30", "mrc/days", "mrc*12/365"), "mrc/30")
            if words.has("day_value")
            else None,
        ),
    )
    credit = _READ_FORM[form](credit, words, amount)
    amounts = [credit.give, credit.each, credit.initial, *(tier.credit for tier in credit.tiers)]
    if any(a is not None and a.kind == "days" for a in [*amounts, credit.cap]) and (
        credit.day_value is None
    ):
        words.refuse(
            "day_value",
            "is missing: what one day of the fee is worth",
            ("mrc/30", "mrc/days", "mrc*12/365"),
        )
    words.finish()
    return credit


def _flat(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    return replace(credit, give=words.need("give", amount, None))


def _tiers(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    convert: Callable[[str], Decimal] = (
        read_percent
        if credit.form == "tiers_availability"
        else lambda text: Decimal(read_duration(text))
    )
    tiers = []
    for row in words.entries("tiers"):
        bounds = read_range(row, convert)
        given = row.need("credit", amount, None)
        row.finish()
        if given is not None:
            tiers.append(Tier(bounds, given))
    if not tiers:
        words.refuse("tiers", "needs at least one row")
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


def _compare(text: str) -> tuple[str, int] | None:
    if text == "exact":
        return None
    found = re.fullmatch(r"(rounded|cut) to ([0-6]) decimals?", text)
    if not found:
        raise ValueError(f"{text!r} must be exact, or like 'rounded to 2 decimals'")
    return found[1], int(found[2])


def _counted(words: Reader) -> Any:
    return words.choose("counted", ("started", "full"))


def _per_increment(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    increment = words.need("increment", read_duration, 1)
    if increment <= 0:
        words.refuse("increment", "must be longer than nothing")
    return replace(
        credit,
        increment_ms=increment,
        each=words.need("each", amount, None),
        initial=words.read("initial", amount, None),
        after_ms=words.read("after", read_duration, 0),
        counted=_counted(words),
        per=cast(Any, words.choose("per", ("total", "event"), "total")),
    )


def _per_shortfall(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    step = words.need("step", read_percent, Decimal(1))
    if step <= 0:
        words.refuse("step", "must be more than nothing")
    return replace(
        credit, step=step, each=words.need("each", amount, None), counted=_counted(words)
    )


def _per_event(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    return replace(credit, each=words.need("each", amount, None))


def _prorata(credit: Credit, words: Reader, amount: Callable[[str], Amount]) -> Credit:
    del amount
    return replace(
        credit,
        multiple=words.read("multiple", read_number, Decimal(1)),
        min_days=int(words.read("min_days", read_number, Decimal(0))),
        day_value=credit.day_value
        or cast(Any, words.choose("day_value", ("mrc/30", "mrc/days", "mrc*12/365"))),
    )


_READ_FORM: dict[str, Callable[[Credit, Reader, Callable[[str], Amount]], Credit]] = {
    "flat": _flat,
    "tiers_duration": _tiers,
    "tiers_availability": _tiers,
    "per_increment": _per_increment,
    "per_shortfall": _per_shortfall,
    "per_event": _per_event,
    "prorata": _prorata,
}
