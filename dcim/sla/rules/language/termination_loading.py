"""Rights to terminate, read from their words."""

import re
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import read_duration, read_number, read_percent
from dcim.sla.rules.terms import Termination

EXAMPLES = (
    "'downtime > 1 %', 'downtime > 24 h', 'events > 3', 'events >= 3', 'one event > 72 h', "
    "'consecutive missed periods >= 3', 'caps reached 2 times in 6 periods'"
)

PERIOD: tuple[int | None, bool] = (None, False)


def read_termination(words: Reader) -> Termination:
    """One right; problems are added to the reader."""
    fallback = Termination((), "downtime_pct", Decimal(0))
    rule = words.need("when", _termination_rule, fallback)
    window, reaches_back = words.read("window", _window, PERIOD)
    if rule.measure in ("missed_periods", "caps_reached"):
        for key in ("window", "each_longer_than"):
            if words.has(key):
                words.refuse(key, Message("has no meaning where periods are counted"))
    if rule.measure == "caps_reached" and words.has("metrics"):
        words.refuse("metrics", Message("a cap is the contract's, not a metric's"))
    right = Termination(
        metrics=words.texts("metrics"),
        measure=rule.measure,
        more_than=rule.more_than,
        window_ms=window,
        each_longer_ms=words.read("each_longer_than", read_duration, 0),
        notice_ms=words.read("notice", read_duration, None),
        inclusive=rule.inclusive,
        reaches_back=reaches_back,
        of_periods=rule.of_periods,
        exercise_ms=words.read("exercise_within", read_duration, None),
        only_if=words.read("only_if", _condition, None),
    )
    words.finish()
    return right


def _window(text: str) -> tuple[int | None, bool]:
    """Length, and whether it may begin before the period."""
    if text == "period":
        return PERIOD
    length = read_duration(text.removeprefix("any "))
    if length <= 0:
        raise ValueError(Message("a window must be longer than nothing"))
    return length, text.startswith("any ")


def _condition(text: str) -> tuple[str, bool]:
    found = re.fullmatch(r"(not )?([a-z][a-z0-9_]*)", text)
    if not found:
        raise ValueError(
            Message("%(text)r must be a condition such as dual_fed, or 'not dual_fed'", text=text)
        )
    return found[2], not found[1]


def _termination_rule(text: str) -> Termination:
    found = re.fullmatch(r"consecutive missed periods >= ([1-9][0-9]?)", text)
    if found:
        return Termination((), "missed_periods", Decimal(found[1]), inclusive=True)
    found = re.fullmatch(r"caps reached ([1-9][0-9]?) times in ([1-9][0-9]?) periods", text)
    if found:
        if int(found[1]) > int(found[2]):
            raise ValueError(Message("%(text)r can never be: more times than periods", text=text))
        times = Decimal(found[1])
        return Termination((), "caps_reached", times, inclusive=True, of_periods=int(found[2]))
    found = re.fullmatch(r"(downtime|events|one event) (>|>=) (.+)", text)
    if not found:
        raise ValueError(
            Message("%(text)r must read like %(examples)s", text=text, examples=EXAMPLES)
        )
    bound: Decimal
    measure: Any
    if found[1] == "events":
        measure, bound = "events", read_number(found[3])
    elif found[1] == "one event":
        measure, bound = "one_event", Decimal(read_duration(found[3]))
    elif found[3].endswith("%"):
        measure, bound = "downtime_pct", read_percent(found[3])
    else:
        measure, bound = "downtime", Decimal(read_duration(found[3]))
    if found[2] == ">=" and not bound:
        raise ValueError(Message("%(text)r is always true", text=text))
    return Termination((), cast(Any, measure), bound, inclusive=found[2] == ">=")
