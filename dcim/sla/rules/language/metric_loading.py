"""The part of the terms that says what was promised, read from its words."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.sla.rules.language.checks import read_range
from dcim.sla.rules.language.credit_loading import read_credit
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.quantities import read_duration, read_number, read_percent, read_value
from dcim.sla.rules.terms import Exclusion, Metric, Range, Target


def read_metric(name: str, words: Reader, currency: str) -> Metric:
    """One promise; problems are added to the reader."""
    if not NAME.fullmatch(name):
        words.refuse("", "a metric's name is lower case letters, digits, - and _")
    combine, at_least_down = words.need("combine", _combine, ("single", 1))
    clock = words.group("clock")
    unknown = words.group("unknown")
    limit = words.group("limit")
    bounds, unit = read_limit(limit) if limit else (None, "")
    qualify_ms, strictly = words.read("qualify", _qualify, (0, False))
    denominator, fixed_ms = words.read("denominator", _denominator, ("service", 0))
    metric = Metric(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        kind=words.text("kind"),
        applies_to=required_texts(words, "applies_to"),
        observe=words.text("observe"),
        combine=cast(Any, combine),
        at_least_down=at_least_down,
        target=_target(words),
        event_rounding=words.need("event_rounding", _event_rounding, cast(Any, ("none", 1))),
        limit=bounds,
        limit_unit=unit,
        qualify_ms=qualify_ms,
        qualify_strictly=strictly,
        counts_from=cast(Any, words.choose("counts_from", ("start", "threshold"), "start")),
        clock_start=cast(
            Any, clock.choose("start", ("event", "ticket"), "event") if clock else "event"
        ),
        clock_stop=cast(
            Any,
            clock.choose("stop", ("restored", "ticket_closed"), "restored")
            if clock
            else "restored",
        ),
        unknown=cast(
            Any,
            unknown.choose("counts_as", ("left_out", "up", "down"), "left_out")
            if unknown
            else "left_out",
        ),
        bridge_ms=unknown.read("bridge", read_duration, 0) if unknown else 0,
        bridge_up_ms=unknown.read("bridge_up", read_duration, 0) if unknown else 0,
        min_coverage=unknown.read("min_coverage", read_percent, Decimal(0))
        if unknown
        else Decimal(0),
        review_when=cast(
            Any,
            unknown.choose("review_when", ("verdict", "credit"), "verdict")
            if unknown
            else "verdict",
        ),
        denominator=cast(Any, denominator),
        fixed_ms=fixed_ms,
        exclude=tuple(_exclusion(entry) for entry in words.entries("exclude")),
        eligible=words.texts("eligible"),
        credit=read_credit(words, currency),
    )
    for part in (clock, unknown):
        if part:
            part.finish()
    words.finish()
    return metric


def required_texts(words: Reader, key: str) -> tuple[str, ...]:
    """At least one kind of item."""
    texts = words.texts(key)
    if not texts:
        words.refuse(key, "is missing: the kind of item it is about, for example cabinet")
    return texts


def _combine(text: str) -> tuple[str, int]:
    if text in ("single", "any", "all"):
        return text, 1
    found = re.fullmatch(r"at_least ([1-9][0-9]?) down", text)
    if not found:
        raise ValueError(f"{text!r} must be single, any, all, or like 'at_least 2 down'")
    return "at_least", int(found[1])


def _qualify(text: str) -> tuple[int, bool]:
    found = re.fullmatch(r"(at_least|longer_than) (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must read like 'at_least 60 s' or 'longer_than 5 min'")
    return read_duration(found[2]), found[1] == "longer_than"


def _event_rounding(text: str) -> tuple[Any, int]:
    if text == "none":
        return "none", 1
    found = re.fullmatch(r"(up|down) to (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must be none, or like 'up to 1 min'")
    unit = read_duration(found[2])
    if unit <= 0:
        raise ValueError("the unit of rounding must be longer than nothing")
    return found[1], unit


def _denominator(text: str) -> tuple[str, int]:
    if text in ("service", "period"):
        return text, 0
    found = re.fullmatch(r"fixed (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must be service, period, or like 'fixed 43200 min'")
    length = read_duration(found[1])
    if length <= 0:
        raise ValueError("a fixed denominator must be longer than nothing")
    return "fixed", length


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
        words.refuse("", f"one unit, not {' and '.join(units)}")
    if bounds.low is None and bounds.high is None:
        words.refuse("", "needs at least one bound", ("from", "above", "up_to", "below"))
    return bounds, units[0] if units else ""


def _target(words: Reader) -> Target:
    target = Target()
    parts = words.texts("target")
    if not parts:
        words.refuse(
            "target",
            "is missing",
            ("no downtime", "availability >= 99.9 %", "downtime <= 44 min", "events <= 3"),
        )
    for part in parts:
        try:
            target = _add_target(target, part)
        except ValueError as error:
            words.refuse("target", str(error))
    given = words.has("governs")
    governs = words.choose("governs", ("percent", "minutes", "both"), "both")
    if given and (target.availability is None or target.downtime_ms is None):
        words.refuse("governs", "has a meaning only where percent and minutes are both stated")
    return replace(target, governs=cast(Any, governs), governs_stated=given)


def _add_target(target: Target, text: str) -> Target:
    if text == "no downtime" and target.downtime_ms is None:
        return replace(target, downtime_ms=0)
    found = re.fullmatch(r"(availability|downtime|events) (>=|<=|<) (.+)", text)
    if found and found[1] == "availability" and found[2] == ">=" and target.availability is None:
        percent = read_percent(found[3])
        if not 0 < percent <= 100:
            raise ValueError("an availability lies above 0 % and at most at 100 %")
        return replace(target, availability=percent)
    if found and found[1] == "downtime" and found[2] != ">=" and target.downtime_ms is None:
        return replace(
            target, downtime_ms=read_duration(found[3]), downtime_inclusive=found[2] == "<="
        )
    if found and found[1] == "events" and found[2] == "<=" and target.events is None:
        return replace(target, events=int(read_number(found[3])))
    raise ValueError(
        f"{text!r} must read like 'no downtime', 'availability >= 99.9 %', 'downtime <= 44 min', "
        "'downtime < 44 min' or 'events <= 3', each kind once"
    )


def _exclusion(words: Reader) -> Exclusion:
    exclusion = Exclusion(
        kind=words.text("class"),
        effect=cast(Any, words.choose("effect", ("out_of_both", "not_down"))),
        notice_ms=words.read("notice", read_duration, None),
        window=words.read("window", read_hours, None),
        at_most_ms=words.read("at_most", read_duration, None),
        per_period_ms=words.read("per_period", read_duration, None),
    )
    words.finish()
    return exclusion


def read_hours(text: str) -> tuple[int, int]:
    """Minutes of the local day, [from, to); may run over midnight. ValueError otherwise."""
    found = re.fullmatch(
        r"([01][0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-4]):([0-5][0-9])", text
    )
    if not found:
        raise ValueError(f"{text!r} must read like 00:00-06:00")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start == end or end > 1440:
        raise ValueError(f"{text!r} is empty or ends after 24:00")
    return start, end
