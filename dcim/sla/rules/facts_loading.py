"""Facts from a YAML file: what was agreed and observed in one period, read beside its terms.

docs/sla-files.md explains every word.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from dcim.sla.rules.facts import Calendar, Facts, Item, Period
from dcim.sla.rules.facts_events import (
    read_claims,
    read_past,
    read_requests,
    read_tickets,
    read_truth,
    read_windows,
)
from dcim.sla.rules.facts_moments import read_day
from dcim.sla.rules.facts_samples import Measured, read_measured
from dcim.sla.rules.facts_states import Reading, read_resources
from dcim.sla.rules.language.tree import Problem, Reader, TermsRefusedError, hash_node, parse_text
from dcim.sla.rules.periods import day_start, format_instant, month_days, month_period
from dcim.sla.rules.quantities import money, read_money, read_number, read_percent
from dcim.sla.rules.terms import Terms


class FactsRefusedError(ValueError):
    """The facts cannot be used; `problems` names every place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(say_problem(problem) for problem in problems))
        self.problems = problems


def say_problem(problem: Problem, whole: str = "facts") -> str:
    return str(problem if problem.place else replace(problem, place=whole))


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
    judged_to = _close(top, month, period, as_of, now, provisional)
    items = _read_items(top, reading, month)
    resources = read_resources(top, reading, items)
    names = tuple(resource.name for resource in resources)
    results = {
        f"{metric.id}.{item.id}"
        for metric in terms.metrics
        for item in items
        if item.kind in metric.applies_to
    }
    facts = Facts(
        items=tuple(replace(item, end=min(item.end, judged_to)) for item in items)
        if judged_to < period.end
        else items,
        resources=resources,
        windows=read_windows(top, reading, names),
        tickets=read_tickets(top, reading, names),
        decisions=_read_decisions(top, results),
        days_in_period=len(month_days(month)),
        requests=read_requests(top, reading, tuple(item.id for item in items)),
        claims=read_claims(top, reading, results),
        past=read_past(top, reading, read_fee),
        calendar=_read_calendar(top),
        as_of=judged_to if as_of is None and judged_to < period.end else as_of,
        good_standing=read_truth(top, "good_standing"),
        invoice=top.read("invoice", _fee(terms), None),
        next_invoice=top.read("next_invoice", _fee(terms), None),
        site_areas=_areas(top, {item.site for item in items}),
    )
    tables: dict[str, str] = {}

    def read_beside(name: str) -> str:
        if beside is None:
            raise ValueError("files of samples can't be read here; write the samples as lists")
        content = beside(name)
        tables[name] = hashlib.sha256(content.encode()).hexdigest()
        return content

    measured = read_measured(top, reading, items, judged_to, read_beside, read_fee)
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
    )


def read_fee(text: str, currency: str) -> Decimal:
    """Money of a bill: never negative, in the currency of the terms."""
    if text.startswith("-"):
        raise ValueError(f"{text!r} is negative; fees, bills and credits are written as 0 or more")
    number = text.removesuffix(currency).strip()
    if number[:1].isdigit() and "e" in number.lower() and _is_float(number):
        raise ValueError(f"{text!r} is written as a float; write it out, like 1000.00")
    return read_money(text, currency)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fee(terms: Terms) -> Callable[[str], Decimal]:
    return lambda text: read_fee(text, terms.currency)


def _find_label(top: Reader, asked: str | None) -> str:
    stated = top.text("period", asked or "")
    if not stated:
        top.refuse("period", "is missing: name the month, like 2026-10")
        return ""
    if asked is not None and stated != asked:
        top.refuse("period", f"the file is about {stated}, {asked} was asked for")
    try:
        month_days(asked or stated)
    except ValueError as error:
        top.refuse("period", str(error))
    return asked or stated


def _close(
    top: Reader,
    month: str,
    period: Period,
    as_of: int | None,
    now: int | None,
    provisional: bool,
) -> int:
    """Up to when it is judged: the period's end, or now while it is open."""
    known = [moment for moment in (as_of, now) if moment is not None]
    until = min(known, default=period.end)
    if until >= period.end:
        return period.end
    if until <= period.start:
        top.refuse("period", f"{month} has not begun at {format_instant(until)}")
    elif not provisional:
        top.refuse(
            "period",
            f"{month} is still open: it ends at {format_instant(period.end)}, it is "
            f"{format_instant(until)}; wait, or judge it so far with --provisional",
        )
    return until


def _read_items(top: Reader, reading: Reading, month: str) -> tuple[Item, ...]:
    terms, period = reading.terms, reading.period
    kinds = {kind for metric in terms.metrics for kind in metric.applies_to}
    kinds |= {kind for usage in terms.usage for kind in usage.applies_to}
    items: dict[str, Item] = {}
    for words in top.entries("items"):
        name = words.text("id")
        kind = words.text("kind")
        start = words.read("from", reading.start, period.start)
        end = words.read("to", reading.moment, period.end)
        mrc = words.need("mrc", _fee(terms), Decimal(0))
        rent = words.read("rent", _fee(terms), None)
        item = Item(
            id=name,
            kind=kind,
            mrc=mrc,
            rent=Decimal(0),
            start=start,
            end=end,
            conditions=_conditions(words),
            figures=_figures(words),
            site=words.text("site", ""),
            units=words.read("units", read_number, None),
            area=words.read("area", read_area, None),
            usage=words.read("usage", _fee(terms), None),
            paid=words.read("paid", _fee(terms), None),
        )
        words.finish()
        if name in items:
            words.refuse("id", f"{name!r} stands twice among the items")
        if end <= start:
            words.refuse("to", "the service ends before it begins")
            continue
        if kind and kind not in kinds:
            reading.warn(
                words,
                f"no metric and no usage of these terms applies to {kind!r} "
                f"(they apply to {', '.join(sorted(kinds)) or 'nothing'})",
            )
        if end <= period.start or start >= period.end:
            reading.warn(words, "is not in service in the period and is left out of the results")
        if rent is None:
            rent = _prorate(words, terms, period, item, month)
        items[name] = replace(item, rent=rent)
    if not items:
        top.refuse("items", "is missing: at least one item of the contract, like "
                   "{id: A05, kind: cabinet, mrc: 6000.00}")  # fmt: skip
    return tuple(items.values())


def _prorate(words: Reader, terms: Terms, period: Period, item: Item, month: str) -> Decimal:
    """The fee's share of the days in service; whole days only, else the rent must be stated."""
    start, end = max(item.start, period.start), min(item.end, period.end)
    if terms.prorate == "none" or end <= start:
        return item.mrc
    zone = ZoneInfo(terms.timezone)
    days = [datetime.fromtimestamp(edge / 1000, zone).date() for edge in (start, end)]
    if [day_start(day, terms.timezone) for day in days] != [start, end]:
        words.refuse("rent", "is missing: the service begins or ends within a day, so its fee for "
                     "this period must be stated")  # fmt: skip
    share = Fraction((days[1] - days[0]).days, len(month_days(month)))
    return money(Fraction(item.mrc) * share, terms.decimals, terms.rounding)


def _conditions(words: Reader) -> dict[str, bool]:
    below = words.group("conditions")
    found = {}
    for name in (below.node.words if below else None) or {}:
        assert below is not None  # noqa: S101
        found[name] = read_truth(below, name)
    return {name: held for name, held in found.items() if held is not None}


def _figures(words: Reader) -> dict[str, Decimal]:
    below = words.group("figures")
    if below is None:
        return {}
    return {name: below.need(name, _figure, Decimal(0)) for name in below.node.words or {}}


def _figure(text: str) -> Decimal:
    return read_percent(text) if text.endswith("%") else read_number(text)


def read_area(text: str) -> Decimal:
    """Square metres."""
    return read_number(text.removesuffix("m2").removesuffix("m²").strip())


def _areas(top: Reader, sites: set[str]) -> dict[str, Decimal]:
    below = top.group("site_areas")
    if below is None:
        return {}
    found = {}
    for site in below.node.words or {}:
        found[site] = below.need(site, read_area, Decimal(0))
        if site not in sites:
            below.refuse(site, "is the site of no item", tuple(sorted(sites - {""})))
    return found


def _read_decisions(top: Reader, results: set[str]) -> dict[str, Literal["up", "down", "left_out"]]:
    below = top.group("decisions")
    found = {}
    for name in (below.node.words if below else None) or {}:
        assert below is not None  # noqa: S101
        found[name] = cast(Any, below.choose(name, ("up", "down", "left_out")))
        if name not in results:
            below.refuse(name, "is no metric of an item, like power.A05", tuple(sorted(results)))
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
                below.refuse(key, str(error))
        return frozenset(found)

    calendar = Calendar(days("holidays"), days("worked"))
    both = calendar.holidays & calendar.worked
    if both:
        below.refuse("worked", f"{min(both)} is a holiday too: one of them")
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
            if item.kind in metric.applies_to and not served:
                reading.warn(
                    top,
                    f"no resource of kind {metric.observe!r} serves {item.id}: all of "
                    f"{metric.id}.{item.id} is unknown",
                )
