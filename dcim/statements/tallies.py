"""What a frozen statement says of each promise and of each cause of a credit, to be added up; pure.

A statement's credits are those of its metrics less what its caps take back; here they are before
caps, which belong to no promise and no cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

MS = 1000


@dataclass(frozen=True, slots=True)
class ResultTally:
    """One metric of one item. `denominator_ms` is 0 where its availability isn't known, or where
    it is judged by a figure or by answers: then it has no share in an average."""

    result: str
    kind: str
    title: str
    title_en: str
    item: str
    name: str
    name_en: str
    site: str
    verdict: str
    downtime_ms: int
    denominator_ms: int
    credit: Decimal


@dataclass(frozen=True, slots=True)
class CauseTally:
    """A credit's share that one incident caused; none and no words where none is on record, as of
    a mean latency or of answers that came late."""

    incident: str
    cause: str
    cause_en: str
    kind: str
    site: str
    credit: Decimal


def tally_results(document: Mapping[str, Any]) -> list[ResultTally]:
    sites = {item["id"]: _site(item["place"]) for item in document["items"]}
    return [
        ResultTally(
            result=metric["id"],
            kind=metric["kind"],
            title=metric["label"]["zh"],
            title_en=metric["label"]["en"],
            item=metric["item"],
            name=metric["subject"]["zh"],
            name_en=metric["subject"]["en"],
            site=sites.get(metric["item"], ""),
            verdict=metric["result"],
            downtime_ms=_ms(metric["downtime_s"]),
            denominator_ms=0
            if metric["availability_pct"] is None
            else _ms(metric["denominator_s"]),
            credit=Decimal(metric["credit"]["amount"]),
        )
        for metric in document["metrics"]
    ]


def tally_causes(document: Mapping[str, Any]) -> list[CauseTally]:
    """Credits by what caused them, split by the time that each incident counted."""
    found = []
    for result, metric in zip(tally_results(document), document["metrics"], strict=True):
        if not result.credit:
            continue
        causes = [one for one in document["incidents"] if metric["id"] in one["metrics"]]
        if not causes:
            found.append(CauseTally("", "", "", result.kind, result.site, result.credit))
            continue
        weights = [_ms(one["counted_s"]) for one in causes]
        for one, share in zip(causes, share_out(result.credit, weights), strict=True):
            if share:
                found.append(
                    CauseTally(
                        one["id"], one["cause"]["zh"], one["cause"]["en"], result.kind,
                        result.site, share,
                    )
                )  # fmt: skip
    return found


def share_out(amount: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """Parts of the amount in its own decimals that add up to it; evenly where nothing weighs."""
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    unit = Decimal(1).scaleb(amount.as_tuple().exponent)  # type: ignore[arg-type]
    units = int(amount / unit)
    parts, before, weighed = [], 0, 0
    for weight in weights:
        weighed += weight
        upto = int(Fraction(units * weighed, total))
        parts.append((upto - before) * unit)
        before = upto
    return parts


def average(rows: Iterable[tuple[int, int]]) -> Fraction | None:
    """Availability of (downtime, denominator) pairs together, 0..1; None where nothing is known."""
    downtime = denominator = 0
    for down, of in rows:
        if of > 0:
            downtime, denominator = downtime + min(down, of), denominator + of
    return Fraction(denominator - downtime, denominator) if denominator else None


def _site(place: str) -> str:
    """Of "SH01 / 2F-1 / A05"; a device that stands nowhere is at no site."""
    site, standing, _rest = place.partition(" / ")
    return site if standing else ""


def _ms(seconds: int | float) -> int:
    return round(Fraction(str(seconds)) * MS)
