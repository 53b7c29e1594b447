"""Caps, combination, settlement and tax, read from their words."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import (
    Amount,
    read_amount,
    read_duration,
    read_money,
    read_percent,
)
from dcim.sla.rules.terms import Metric, Settle, Tax, Terms

DAY_VALUES = ("mrc/30", "mrc/days", "mrc*12/365")
AT_END = ("paid_out", "voucher", "lapses")


@dataclass(frozen=True)
class Caps:
    """The group `caps`; fields as in Terms."""

    item: Amount | None = None
    month: Amount | None = None
    year: Amount | None = None
    year_is: str = "calendar_year"
    of: str = "fee"
    min_payout: Decimal = Decimal(0)
    clause: str = ""


def read_caps(top: Reader, currency: str) -> Caps:
    """The caps of item, month and year; all open where the terms name none."""
    words = top.group("caps")
    if words is None:
        return Caps()
    caps = Caps(
        item=_cap(words, "item", currency),
        month=_cap(words, "month", currency),
        year=_cap(words, "year", currency),
        year_is=words.choose("year_is", ("calendar_year", "twelve_months"), "calendar_year"),
        of=words.choose("of", ("fee", "paid"), "fee"),
        min_payout=words.read("min_payout", lambda text: read_money(text, currency), Decimal(0)),
        clause=words.text("clause", ""),
    )
    if words.has("year_is") and caps.year is None:
        words.refuse("year_is", Message("has a meaning only beside year"))
    given = (caps.item, caps.month, caps.year)
    if words.has("of") and not any(cap is not None and cap.kind == "percent" for cap in given):
        words.refuse("of", Message("has a meaning only where a cap is a percentage"))
    words.finish()
    return caps


def _cap(caps: Reader, key: str, currency: str) -> Amount | None:
    amount = caps.read(key, lambda text: read_amount(text, currency), None)
    if amount is not None and amount.kind not in ("percent", "money"):
        caps.refuse(key, Message("a cap is a percentage of the fee or a sum of money"))
    return amount


def read_groups(top: Reader, metrics: tuple[Metric, ...]) -> tuple[tuple[str, ...], ...]:
    """Groups of metrics of whose credits only the highest is given."""
    known = tuple(metric.id for metric in metrics)
    groups: list[tuple[str, ...]] = []
    for words in top.entries("exclusive"):
        group = words.texts("metrics")
        if len(set(group)) < 2:
            words.refuse("metrics", Message("a group needs at least two metrics"), known)
        for name in group:
            _refuse_stranger(words, "metrics", name, known)
            if any(name in other for other in groups):
                words.refuse("metrics", Message("%(name)r stands in two groups", name=name))
        words.finish()
        groups.append(group)
    return tuple(groups)


def read_not_combinable(top: Reader, metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    """Metrics whose credit is not given beside another one of the item."""
    names = top.texts("not_combinable")
    for name in names:
        _refuse_stranger(top, "not_combinable", name, tuple(metric.id for metric in metrics))
    return names


def _refuse_stranger(words: Reader, key: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        words.refuse(key, Message("%(name)r is no metric of these terms", name=name), known)


def read_settle(top: Reader) -> Settle | None:
    """What a credit becomes; None where the terms say nothing."""
    words = top.group("settle")
    if words is None:
        return None
    kind = words.choose("as", ("credit", "voucher", "extension"), "credit")
    when = words.choose("when", ("automatic", "on_claim"), "automatic")
    settle = Settle(
        kind=cast(Any, kind),
        on=cast(Any, words.choose("on", ("this_invoice", "next_invoice"), "this_invoice")),
        on_claim=when == "on_claim",
        carry_forward=words.read("carry_forward", _yes_or_no, None),
        expires_ms=words.read("expires", read_duration, None),
        cash=words.read("cash", _yes_or_no, False),
    )
    settle = _read_claim(words, settle)
    if kind != "credit":
        for key in ("on", "carry_forward", "at_end"):
            if words.has(key):
                words.refuse(key, Message("has a meaning only for a credit on an invoice"))
    elif words.has("at_end"):
        settle = replace(settle, at_end=cast(Any, words.choose("at_end", AT_END)))
        if not settle.waits:
            words.refuse(
                "at_end", Message("has a meaning only where credits go to a later invoice")
            )
    if kind != "voucher" and words.has("expires"):
        words.refuse("expires", Message("has a meaning only for a voucher"))
    if kind == "extension":
        settle = replace(
            settle,
            day_value=cast(Any, words.choose("day_value", DAY_VALUES)),
            whole_days=cast(Any, words.choose("whole_days", ("up", "down", "exact"))),
        )
        if settle.cash:
            words.refuse("cash", Message("an extension is days, not money"))
    else:
        for key in ("day_value", "whole_days"):
            if words.has(key):
                words.refuse(key, Message("has a meaning only for an extension"))
    words.finish()
    return settle


def _read_claim(words: Reader, settle: Settle) -> Settle:
    claim = words.group("claim")
    if claim is None:
        if settle.on_claim:
            words.refuse("claim", Message("is missing: until when a claim may be made"))
        return settle
    if not settle.on_claim:
        words.refuse("claim", Message("has a meaning only with when: on_claim"))
    within_ms, days = claim.need("within", _within, (0, 0))
    since = claim.choose("from", ("period_end", "event_end"))
    claim.finish()
    return replace(settle, within_ms=within_ms, business_days=days, since=cast(Any, since))


def _within(text: str) -> tuple[int, int]:
    """(ms, business days), one of them 0."""
    found = re.fullmatch(r"([1-9][0-9]{0,2}) business days?", text)
    if found:
        return 0, int(found[1])
    length = read_duration(text)
    if length <= 0:
        raise ValueError(Message("a deadline must leave some time"))
    return length, 0


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(Message("%(text)r must be yes or no", text=text))
    return text == "yes"


def read_tax(top: Reader) -> Tax | None:
    """How fees and credits relate to tax; None where the terms say nothing."""
    words = top.group("tax")
    if words is None:
        return None
    tax = Tax(
        rate=words.need("rate", read_percent, Decimal(0)),
        mode=cast(Any, words.choose("mode", ("included", "added"))),
        credit_is=cast(Any, words.choose("credit_is", ("net", "gross"))),
    )
    words.finish()
    return tax


def refuse_unsettled(terms: Terms, top: Reader) -> None:
    """Adds a problem for words of the money that can't stand together."""
    settle = terms.settle
    if settle is not None and settle.kind == "extension":
        for key, given in (
            ("month", terms.cap_month),
            ("year", terms.cap_year),
            ("min_payout", terms.min_payout),
        ):
            if given:
                top.refuse(
                    "caps",
                    Message("an extension is days of an item: %(key)s can't limit it", key=key),
                )
    limits = (terms.cap_item, terms.cap_month, terms.cap_year)
    if any(rule.measure == "caps_reached" for rule in terms.termination) and not any(limits):
        top.refuse(
            "termination", Message("caps reached: these terms have no cap of item, month or year")
        )
