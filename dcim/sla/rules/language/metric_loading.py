"""The part of the terms that says what was promised, read from its words."""

import re
from decimal import Decimal
from typing import Any, cast, get_args

from dcim.errors import Message, message_of
from dcim.sla.rules.language.credit_loading import read_credit
from dcim.sla.rules.language.exclusion_loading import (
    read_exclusion,
    read_hours,
    read_limit,
    read_within,
)
from dcim.sla.rules.language.target_loading import read_targets
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.quantities import read_duration, read_percent
from dcim.sla.rules.terms import (
    Answers,
    Average,
    ClockStart,
    FigureCondition,
    Metric,
    Report,
    Within,
)

FIGURE_FORMS = ("flat", "per_shortfall")


def read_metric(name: str, words: Reader, currency: str) -> Metric:
    """One promise; problems are added to the reader."""
    if not NAME.fullmatch(name):
        words.refuse("", Message("a metric's name is lower case letters, digits, - and _"))
    answers = _answers(words)
    combine, at_least_down = (
        ("any", 1) if answers else words.need("combine", _combine, ("single", 1))
    )
    clock = words.group("clock")
    unknown = words.group("unknown")
    limit = words.group("limit")
    bounds, unit = read_limit(limit) if limit else (None, "")
    qualify_ms, strictly, within = words.read("qualify", _qualify, (0, False, 0))
    denominator, fixed_ms = words.read("denominator", _denominator, ("service", 0))
    target, targets_if = read_targets(words)
    names, figures = _eligible(words)
    metric = Metric(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        kind=words.text("kind"),
        applies_to=required_texts(words, "applies_to"),
        observe="" if answers else words.text("observe"),
        combine=cast(Any, combine),
        at_least_down=at_least_down,
        target=target,
        event_rounding=words.read("event_rounding", _event_rounding, cast(Any, ("none", 1)))
        if answers or target.figure
        else words.need("event_rounding", _event_rounding, cast(Any, ("none", 1))),
        limit=bounds,
        limit_unit=unit,
        qualify_ms=qualify_ms,
        qualify_strictly=strictly,
        qualify_within_ms=within,
        counts_from=cast(Any, words.choose("counts_from", ("start", "threshold"), "start")),
        clock_start=cast(Any, _clock_start(clock)),
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
        exclude=tuple(read_exclusion(entry) for entry in words.entries("exclude")),
        eligible=names,
        eligible_figures=figures,
        credit=read_credit(words, currency),
        average=words.read("average", _average, None),
        report=_report(words),
        answers=answers,
        targets_if=targets_if,
    )
    for part in (clock, unknown):
        if part:
            part.finish()
    words.finish()
    _refuse_odd_parts(metric, words)
    return metric


def _clock_start(clock: Reader | None) -> str:
    return clock.choose("start", get_args(ClockStart), "event") if clock else "event"


def _refuse_odd_parts(metric: Metric, words: Reader) -> None:
    """Words that can only be a mistake beside each other."""
    if metric.average and metric.limit is None:
        words.refuse("average", Message("is the mean that a limit judges: state the limit"))
    bounds = [metric.target.figure, *(target.figure for _, target in metric.targets_if)]
    if metric.answers is None and any(b is not None and b.measure == "on_time" for b in bounds):
        words.refuse(
            "target", Message("on_time is the share of requests answered in time: needs answers")
        )
    if any(bounds) and not all(bounds):
        words.refuse("target", Message("states a figure in one case and downtime in another"))
    judged_otherwise = metric.answers is not None or any(bounds)
    if judged_otherwise:
        idle = ("limit", "average", "qualify", "counts_from", "clock", "report", "denominator")
        for key in idle:
            if words.has(key):
                words.refuse(key, Message("has a meaning only where downtime is counted"))
    if metric.answers is not None and words.has("exclude"):
        words.refuse("exclude", Message("has no meaning where answers are timed"))
    _refuse_odd_credit(metric, words)


def _refuse_odd_credit(metric: Metric, words: Reader) -> None:
    """A figure has no outages to count, and an outage no figure to fall short by."""
    credit, bound = metric.credit, metric.target.figure
    below = words.group("credit")
    if credit is None or below is None:
        return
    if bound is not None and metric.answers is None and credit.form not in FIGURE_FORMS:
        below.refuse("form", Message("counts outages, and a figure has none"), FIGURE_FORMS)
    if credit.form != "per_shortfall":
        return
    unit = bound.unit if bound is not None and bound.unit != "%" else ""
    if credit.step_unit != unit:
        said = unit or "%"
        below.refuse(
            "step",
            Message("must be in %(said)s, as the target is", said=said),
            (f"step: 1 {said}",),
        )


def required_texts(words: Reader, key: str) -> tuple[str, ...]:
    """At least one kind of item."""
    texts = words.texts(key)
    if not texts:
        words.refuse(key, Message("is missing: the kind of item it is about, for example cabinet"))
    return texts


def _combine(text: str) -> tuple[str, int]:
    if text in ("single", "any", "all"):
        return text, 1
    found = re.fullmatch(r"at_least ([1-9][0-9]?) down", text)
    if not found:
        raise ValueError(
            Message("%(text)r must be single, any, all, or like 'at_least 2 down'", text=text)
        )
    return "at_least", int(found[1])


def _qualify(text: str) -> tuple[int, bool, int]:
    """Length, whether it must be longer, and the window it may be added up within."""
    found = re.fullmatch(r"(at_least|longer_than) (.+?)(?: within (.+))?", text)
    if not found:
        raise ValueError(
            Message(
                "%(text)r must read like 'at_least 60 s', 'longer_than 5 min' "
                "or 'at_least 60 s within 15 min'",
                text=text,
            )
        )
    length, within = read_duration(found[2]), read_duration(found[3]) if found[3] else 0
    if found[3] and not 0 < length < within:
        raise ValueError(Message("%(text)r: the window must be longer than the time", text=text))
    return length, found[1] == "longer_than", within


def _event_rounding(text: str) -> tuple[Any, int]:
    if text == "none":
        return "none", 1
    found = re.fullmatch(r"(up|down) to (.+)", text)
    if not found:
        raise ValueError(Message("%(text)r must be none, or like 'up to 1 min'", text=text))
    unit = read_duration(found[2])
    if unit <= 0:
        raise ValueError(Message("the unit of rounding must be longer than nothing"))
    return found[1], unit


def _denominator(text: str) -> tuple[str, int]:
    if text in ("service", "period"):
        return text, 0
    found = re.fullmatch(r"fixed (.+)", text)
    if not found:
        raise ValueError(
            Message("%(text)r must be service, period, or like 'fixed 43200 min'", text=text)
        )
    length = read_duration(found[1])
    if length <= 0:
        raise ValueError(Message("a fixed denominator must be longer than nothing"))
    return "fixed", length


def _average(text: str) -> Average:
    length = read_duration(text.removeprefix("rolling "))
    if length <= 0:
        raise ValueError(Message("a window must be longer than nothing"))
    return Average(length, text.startswith("rolling "))


def _report(words: Reader) -> Report | None:
    below = words.group("report")
    if below is None:
        return None
    within = below.need("within", read_within, Within())
    since = below.choose("from", ("start", "end"))
    below.finish()
    return Report(within, cast(Any, since))


def _answers(words: Reader) -> Answers | None:
    below = words.group("answers")
    if below is None:
        return None
    answers = Answers(
        kind=below.text("to"),
        within_ms=below.need("within", read_duration, 0),
        hours=below.read("hours", read_hours, None),
        business_days=below.choose("days", ("all", "business"), "all") == "business",
    )
    below.finish()
    return answers


def _eligible(words: Reader) -> tuple[tuple[str, ...], tuple[FigureCondition, ...]]:
    """Names of conditions, and figures of the item in percent such as 'draw <= 80 %'."""
    names, figures = [], []
    for text in words.texts("eligible"):
        found = re.fullmatch(r"([a-z][a-z0-9_]*) (<=|<|>=|>) (.+)", text)
        if found is None:
            if not NAME.fullmatch(text):
                words.refuse(
                    "eligible",
                    Message("%(text)r must be a name, or read like 'draw <= 80 %%'", text=text),
                )
            names.append(text)
            continue
        try:
            bound = read_percent(found[3])
        except ValueError as error:
            words.refuse("eligible", message_of(error))
            continue
        at_most, inclusive = found[2].startswith("<"), found[2].endswith("=")
        figures.append(FigureCondition(found[1], bound, at_most, inclusive))
    return tuple(names), tuple(figures)
