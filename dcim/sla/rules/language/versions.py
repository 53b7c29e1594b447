"""Terms that change within a month, joined into those of the month; pure.

A promise that two versions say alike is judged over the whole month. One that they say
differently, or only one of them says, is judged by each for the days it holds, as where an item
begins or ends within the month. What the month comes to as a whole (which credits exclude others,
caps, claims, settlement, tax, rights to terminate, rent) follows the version that holds on its
last day. What is charged by the month can't change within it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from dcim.errors import Message
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import Problem, TermsRefusedError
from dcim.sla.rules.periods import day_start
from dcim.sla.rules.terms import Change, Metric, Part, Terms, Usage

Said = TypeVar("Said", Metric, Usage)


@dataclass(frozen=True)
class Version:
    """`since` is the first local day it holds on."""

    since: date
    terms: Terms


def load_versions(document: str, later: Sequence[tuple[date, str]]) -> Terms:
    """Terms of a month: the text in force as it begins and those that begin within it, in order.

    Raises TermsRefusedError for a text that can't be used, and as below.
    """
    return join_versions(
        load_terms(document), [Version(since, load_terms(text)) for since, text in later]
    )


def join_versions(first: Terms, later: Sequence[Version]) -> Terms:
    """Raises TermsRefusedError for versions out of order or that differ in what can't change
    within a month."""
    if not later:
        return first
    all_of_them = [first, *(version.terms for version in later)]
    days = [version.since for version in later]
    if days != sorted(set(days)):
        why = Message("versions must follow each other by day")
        raise TermsRefusedError([Problem("", 0, why)])
    for before, version in zip(all_of_them, later, strict=False):
        refuse_change(before, version.terms, version.since)
    closing = all_of_them[-1]
    names = list(dict.fromkeys(m.id for terms in reversed(all_of_them) for m in terms.metrics))
    changes = [Change("", first.name, first.version, first.sha256, first.title)]
    changes += [
        Change(
            one.since.isoformat(), one.terms.name, one.terms.version, one.terms.sha256,
            one.terms.title,
        )
        for one in later
    ]  # fmt: skip
    return replace(
        closing,
        metrics=tuple(part for name in names for part in _divide(name, all_of_them, days)),
        changes=tuple(changes),
    )


def begins_within(since: date, month: str) -> bool:
    """Whether a version that holds from this day divides the month, like "2026-10"."""
    return f"{since:%Y-%m}" == month and since.day > 1


def refuse_change(before: Terms, after: Terms, since: date) -> None:
    """Raises TermsRefusedError where `after` can't begin within a month, naming each reason."""
    differs = {
        "currency": before.currency != after.currency,
        "time_zone": before.timezone != after.timezone,
        "rounding": (before.rounding, before.decimals) != (after.rounding, after.decimals),
        "usage": [_unnamed(one) for one in before.usage] != [_unnamed(one) for one in after.usage],
    }
    why = Message(
        "it counts for a whole month and can't change on %(day)s; let version %(version)s begin "
        "on the first of a month",
        day=since,
        version=after.version,
    )
    problems = [Problem(word, 0, why) for word, changed in differs.items() if changed]
    if problems:
        raise TermsRefusedError(problems)


def _divide(name: str, versions: Sequence[Terms], days: Sequence[date]) -> Iterable[Metric]:
    """The metric once for each stretch of versions that say it alike; whole where all do."""
    said = [next((m for m in terms.metrics if m.id == name), None) for terms in versions]
    runs: list[tuple[int, int]] = []  # versions [first, end) that say the same
    for at, metric in enumerate(said):
        if metric is None:
            continue
        if runs and runs[-1][1] == at and _alike(said[at - 1], metric):
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    zone = versions[-1].timezone
    for low, high in runs:
        metric = said[high - 1]
        if metric is None:
            continue
        if (low, high) == (0, len(versions)):
            yield metric
            continue
        since = days[low - 1] if low else None
        until = days[high - 1] if high < len(versions) else None
        yield replace(
            metric,
            id=f"{name}@{since.isoformat()}" if since else name,
            title=_say_days(metric.title, since, until),
            part=Part(
                None if since is None else day_start(since, zone),
                None if until is None else day_start(until, zone),
                metric.title,
            ),
        )


def _alike(one: Metric | None, other: Metric) -> bool:
    return one is not None and _unnamed(one) == _unnamed(other)


def _unnamed(one: Said) -> Said:
    """What it says, whatever it is called and wherever it stands in the document."""
    return replace(one, title={}, clause="")


def _say_days(title: dict[str, str], since: date | None, until: date | None) -> dict[str, str]:
    first = f"{since:%m-%d}" if since else ""
    end = f"{until:%m-%d}" if until else ""
    if since and until:
        days = {"zh": f"{first} 起，{end} 前", "en": f"from {first}, before {end}"}
    elif since:
        days = {"zh": f"{first} 起", "en": f"from {first}"}
    else:
        days = {"zh": f"{end} 前", "en": f"before {end}"}
    return {"zh": f"{title['zh']}（{days['zh']}）", "en": f"{title['en']} ({days['en']})"}
