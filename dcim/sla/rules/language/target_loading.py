"""What a metric must reach, read from its words."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message, message_of
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.quantities import read_duration, read_number, read_percent, read_value
from dcim.sla.rules.terms import FigureBound, Target


def read_targets(words: Reader) -> tuple[Target, tuple[tuple[str, Target], ...]]:
    """The target, or one for each condition of the item that is named and one for all else."""
    node = (words.node.words or {}).get("target")
    below = words.group("target") if node is not None and node.words is not None else None
    if below is None or below.node.words is None:
        return _govern(words, [_target(words, "target")])[0], ()
    names = [name for name in below.node.words if name != "otherwise"]
    for name in names:
        if not NAME.fullmatch(name):
            below.refuse(name, Message("is no name of a condition, for example dual_fed"))
    if not names:
        below.refuse("", Message("names no condition"), ("dual_fed", "otherwise"))
    targets = _govern(words, [_target(below, name) for name in ("otherwise", *names)])
    below.finish()
    return targets[0], tuple(zip(names, targets[1:], strict=True))


def _target(words: Reader, key: str) -> Target:
    target = Target()
    parts = words.texts(key)
    if not parts:
        words.refuse(
            key,
            Message("is missing"),
            ("no downtime", "availability >= 99.9 %", "downtime <= 44 min", "events <= 3"),
        )
    for part in parts:
        try:
            target = _add_target(target, part)
        except ValueError as error:
            words.refuse(key, message_of(error))
    others = (target.availability, target.downtime_ms, target.events, target.longest_ms)
    if target.figure and target.figure.measure != "on_time" and any(o is not None for o in others):
        words.refuse(key, Message("states a figure beside downtime: make it a metric of its own"))
    return target


def _govern(words: Reader, targets: list[Target]) -> list[Target]:
    given = words.has("governs")
    governs = words.choose("governs", ("percent", "minutes", "both"), "both")
    if given and not any(t.availability is not None and t.downtime_ms is not None for t in targets):
        words.refuse(
            "governs", Message("has a meaning only where percent and minutes are both stated")
        )
    return [replace(t, governs=cast(Any, governs), governs_stated=given) for t in targets]


def _add_target(target: Target, text: str) -> Target:
    if text == "no downtime" and target.downtime_ms is None:
        return replace(target, downtime_ms=0)
    found = re.fullmatch(r"(availability|downtime|events) (>=|<=|<) (.+)", text)
    if found and found[1] == "availability" and found[2] == ">=" and target.availability is None:
        percent = read_percent(found[3])
        if not 0 < percent <= 100:
            raise ValueError(Message("an availability lies above 0 % and at most at 100 %"))
        return replace(target, availability=percent)
    if found and found[1] == "downtime" and found[2] != ">=" and target.downtime_ms is None:
        return replace(
            target, downtime_ms=read_duration(found[3]), downtime_inclusive=found[2] == "<="
        )
    if found and found[1] == "events" and found[2] == "<=" and target.events is None:
        return replace(target, events=int(read_number(found[3])))
    if text.startswith("one outage <= ") and target.longest_ms is None:
        return replace(target, longest_ms=read_duration(text.removeprefix("one outage <= ")))
    figure = read_figure(text)
    if figure is not None and target.figure is None:
        return replace(target, figure=figure)
    raise ValueError(
        Message(
            "%(text)r must read like 'no downtime', 'availability >= 99.9 %%', "
            "'downtime <= 44 min', 'downtime < 44 min', 'events <= 3', 'one outage "
            "<= 15 min', or a figure such as 'mean <= 45 ms' or 'percentile 95 <= "
            "10 ms', each kind once",
            text=text,
        )
    )


def read_figure(text: str) -> FigureBound | None:
    """'mean <= 45 ms', 'percentile 95 < 10 ms', 'on_time >= 95 %'; None for other words."""
    found = re.fullmatch(
        r"(mean|highest|lowest|on_time|percentile ([0-9.]+)) (<=|<|>=|>) (.+)", text
    )
    if not found:
        return None
    measure = found[1].partition(" ")[0]
    at_most, inclusive = found[3].startswith("<"), found[3].endswith("=")
    percentile = read_number(found[2]) if found[2] else Decimal(0)
    if found[2] and not 0 < percentile <= 100:
        raise ValueError(
            Message("percentile %(percentile)s lies outside 0 to 100", percentile=found[2])
        )
    if measure == "on_time":
        if at_most:
            raise ValueError(Message("on_time is a share that must be reached: on_time >= 95 %"))
        return FigureBound("on_time", read_percent(found[4]), at_most, inclusive, "%")
    stored, unit = read_value(found[4])
    return FigureBound(cast(Any, measure), Decimal(stored), at_most, inclusive, unit, percentile)
