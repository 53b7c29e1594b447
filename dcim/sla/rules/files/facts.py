"""Facts from a YAML file: what was agreed and observed in one period, read beside its terms.

docs/sla-files.md explains every word.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal, cast

from dcim.errors import Message, message_of
from dcim.sla.rules.facts import Calendar, Facts, Period
from dcim.sla.rules.files.events import (
    read_claims,
    read_past,
    read_requests,
    read_tickets,
    read_windows,
)
from dcim.sla.rules.files.items import read_area, read_items
from dcim.sla.rules.files.moments import read_day
from dcim.sla.rules.files.reading import Reading, read_truth
from dcim.sla.rules.files.samples import Measured, read_measured
from dcim.sla.rules.files.states import read_resources
from dcim.sla.rules.language.tree import (
    LONGEST_TEXT,
    Problem,
    Reader,
    TermsRefusedError,
    hash_node,
    parse_text,
)
from dcim.sla.rules.periods import month_days, month_period
from dcim.sla.rules.terms import Terms


class FactsRefusedError(ValueError):
    """The facts cannot be used; `problems` names every place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(say_problem(problem) for problem in problems))
        self.problems = problems


def say_problem(problem: Problem, whole: str = "facts") -> Message:
    return (problem if problem.place else replace(problem, place=whole)).tell()


@dataclass(frozen=True)
class FactsFile:
    """`judged_to` lies before the period's end when the period is still open (provisional)."""

    label: str
    period: Period
    judged_to: int
    facts: Facts
    measured: tuple[Measured, ...]
    warnings: tuple[Problem, ...]
    sha256: str  # of the words, as terms are hashed
    tables: dict[str, str]  # file of samples -> SHA-256 of its text
    ends: dict[str, int]  # of each item's service, where `facts` has it only up to `judged_to`

    @property
    def provisional(self) -> bool:
        return self.judged_to < self.period.end


def load_facts(
    text: str,
    terms: Terms,
    *,
    label: str | None = None,
    now: int | None = None,
    provisional: bool = False,
    beside: Callable[[str], str] | None = None,
) -> FactsFile:
    """Facts of a YAML text for the period `label` (2026-10), else for the one the file names.

    `now` is UTC ms; a period that ends after it is refused, or judged up to it if `provisional`.
    `beside` gives the text of a file of samples by its name, ValueError when it can't.
    FactsRefusedError lists every problem found.
    """
    if len(text) > LONGEST_TEXT:
        raise FactsRefusedError(
            [
                Problem(
                    "",
                    1,
                    Message(
                        "longer than %(count)s characters: put what was measured into CSV files "
                        "beside it and name them by `samples`",
                        count=LONGEST_TEXT,
                    ),
                )
            ]
        )
    try:
        node = parse_text(text)
    except TermsRefusedError as error:
        raise FactsRefusedError(error.problems) from error
    problems: list[Problem] = []
    top = Reader(node, "", problems)
    if problems:
        raise FactsRefusedError(problems)
    month = _find_label(top, label)
    if problems:
        raise FactsRefusedError(problems)
    period = month_period(month, terms.timezone)
    reading = Reading(terms, period, problems)
    as_of = top.read("as_of", reading.moment, None)
    judged_to = _close(top, month, reading, as_of, now, provisional)
    items = read_items(top, reading, month)
    tables: dict[str, str] = {}

    def read_beside(name: str) -> str:
        if beside is None:
            raise ValueError(
                Message("files of samples can't be read here; write the samples as lists")
            )
        content = beside(name)
        tables[name] = hashlib.sha256(content.encode()).hexdigest()
        return content

    resources = read_resources(top, reading, items, read_beside)
    names = tuple(resource.name for resource in resources)
    results = {
        f"{metric.id}.{item.id}"
        for metric in terms.metrics
        for item in items
        if item.kind in metric.applies_to
    }
    facts = Facts(
        items=tuple(
            replace(item, end=min(item.end, judged_to)) if judged_to < period.end else item
            for item in items
            if max(item.start, period.start) < min(item.end, judged_to)
        ),
        resources=resources,
        windows=read_windows(top, reading, names),
        tickets=read_tickets(top, reading, names),
        decisions=_read_decisions(top, results),
        days_in_period=len(month_days(month)),
        requests=read_requests(top, reading, tuple(item.id for item in items)),
        claims=read_claims(top, reading, results, resources),
        past=read_past(top, reading),
        calendar=_read_calendar(top),
        as_of=judged_to if as_of is None and judged_to < period.end else as_of,
        good_standing=read_truth(top, "good_standing"),
        invoice=top.read("invoice", reading.fee, None),
        next_invoice=top.read("next_invoice", reading.fee, None),
        site_areas=_areas(top, {item.site for item in items}),
    )
    measured = read_measured(top, reading, items, judged_to, read_beside)
    top.finish()
    _warn_idle(reading, top, facts)
    if problems:
        raise FactsRefusedError(sorted(problems, key=lambda problem: problem.line))
    return FactsFile(
        month,
        period,
        judged_to,
        facts,
        measured,
        tuple(reading.warnings),
        hash_node(node),
        tables,
        {item.id: item.end for item in items},
    )


def _find_label(top: Reader, asked: str | None) -> str:
    stated = top.text("period", asked or "")
    if not stated:
        top.refuse("period", Message("is missing: name the month, like 2026-10"))
        return ""
    if asked is not None and stated != asked:
        top.refuse(
            "period",
            Message(
                "the file is about %(stated)s, %(asked)s was asked for",
                stated=stated,
                asked=asked,
            ),
        )
    try:
        month_days(asked or stated)
    except ValueError as error:
        top.refuse("period", message_of(error))
    return asked or stated


def _close(
    top: Reader,
    month: str,
    reading: Reading,
    as_of: int | None,
    now: int | None,
    provisional: bool,
) -> int:
    """Up to when it is judged: the period's end, or now while it is open."""
    period = reading.period
    known = [moment for moment in (as_of, now) if moment is not None]
    until = min(known, default=period.end)
    if until >= period.end:
        return period.end
    if until <= period.start:
        top.refuse(
            "period",
            Message("%(month)s has not begun at %(now)s", month=month, now=reading.say(until)),
        )
    elif not provisional:
        top.refuse(
            "period",
            Message(
                "%(month)s is still open: it ends at %(end)s, it is %(now)s; wait, or judge it so "
                "far with --provisional",
                month=month,
                end=reading.say(period.end),
                now=reading.say(until),
            ),
        )
    return until


def _areas(top: Reader, sites: set[str]) -> dict[str, Decimal]:
    below = top.group("site_areas")
    if below is None:
        return {}
    found = {}
    for site in below.node.words or {}:
        found[site] = below.need(site, read_area, Decimal(0))
        if site not in sites:
            below.refuse(site, Message("is the site of no item"), tuple(sorted(sites - {""})))
    return found


def _read_decisions(top: Reader, results: set[str]) -> dict[str, Literal["up", "down", "left_out"]]:
    below = top.group("decisions")
    found = {}
    for name in (below.node.words if below else None) or {}:
        assert below is not None  # noqa: S101
        found[name] = cast(Any, below.choose(name, ("up", "down", "left_out")))
        if name not in results:
            below.refuse(
                name,
                Message("is no metric of an item, like power.A05"),
                tuple(sorted(results)),
            )
    return found


def _read_calendar(top: Reader) -> Calendar | None:
    below = top.group("calendar")
    if below is None:
        return None

    def days(key: str) -> frozenset[date]:
        found = set()
        for text in below.texts(key):
            try:
                found.add(read_day(text))
            except ValueError as error:
                below.refuse(key, message_of(error))
        return frozenset(found)

    calendar = Calendar(days("holidays"), days("worked"))
    both = calendar.holidays & calendar.worked
    if both:
        below.refuse("worked", Message("%(day)s is a holiday too: one of them", day=min(both)))
    below.finish()
    return calendar


def _warn_idle(reading: Reading, top: Reader, facts: Facts) -> None:
    """Items of a metric that no resource serves: all their time is unknown."""
    for metric in reading.terms.metrics:
        for item in facts.items:
            served = any(
                item.id in resource.items and resource.kind == metric.observe
                for resource in facts.resources
            )
            if metric.observe and item.kind in metric.applies_to and not served:
                reading.warn(
                    top,
                    Message(
                        "no resource of kind %(kind)r serves %(item)s: all of %(metric)s.%(item)s "
                        "is unknown",
                        kind=metric.observe,
                        item=item.id,
                        metric=metric.id,
                    ),
                )
