"""Month by month: what the contract's earlier statements said, beside this one; pure.

`inputs["months"]` is what is told of each of them (`describe_month`), taken from what was issued:
whoever holds this statement alone tells the same, and whoever holds the older one too sees by its
hash that it is that one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dcim.sla.rules.quantities import say_share
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.tallies import average, tally_results

Json = Mapping[str, Any]

# A year before this month: the same month of the last year is the first of them.
MONTHS = 12
# The worst first.
RESULTS = ("breached", "unpriced", "not_eligible", "needs_review", "met")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_VERSION = re.compile(r"@[0-9]{4}-[0-9]{2}-[0-9]{2}(?=\.)")


def count_month(period: str) -> int:
    """Months since the year 0, to tell how far two lie apart."""
    year, month = period.split("-")
    return int(year) * 12 + int(month) - 1


def describe_month(document: Json, sha256: str | None) -> dict[str, Any]:
    """Of an issued statement what later ones tell; the hash is that of its canonical JSON, None
    for the one that is being made."""
    verdict, totals = document["verdict"], document["totals"]
    feeds = document["power"]
    return {
        "period": document["period"]["label"],
        "number": document["number"],
        "revision": document["revision"],
        "sha256": sha256,
        "currency": document["contract"]["currency"],
        "result": verdict["result"],
        "met": verdict["met"],
        "metrics": verdict["metrics"],
        "credits": totals["credits"],
        "usage": totals["usage"],
        "total": totals["total"],
        "energy_wh": str(sum(int(feed["energy_wh"]) for feed in feeds)) if feeds else None,
        "levels": _describe_levels(document),
        "services": {
            usage["id"]: {"billed_bps": usage["billed_bps"], "amount": usage["amount"]}
            for usage in document["usage"]
        },
    }


def _promise(metric: str) -> str:
    """A metric's id without the day from which a version of the terms says it."""
    return _VERSION.sub("", metric, count=1)


def _describe_levels(document: Json) -> dict[str, Any]:
    """By promise and item. Where the month's terms changed, its versions together: the worst result
    and the availability of all their time."""
    parts: dict[str, list[tuple[Json, Any]]] = {}
    for metric, tally in zip(document["metrics"], tally_results(document), strict=True):
        parts.setdefault(_promise(metric["id"]), []).append((metric, tally))
    found = {}
    for name, versions in parts.items():
        metrics = [metric for metric, _tally in versions]
        known = all(metric["availability_pct"] is not None for metric in metrics)
        together = average((tally.downtime_ms, tally.denominator_ms) for _, tally in versions)
        found[name] = {
            "result": min((metric["result"] for metric in metrics), key=RESULTS.index),
            "availability_pct": metrics[0]["availability_pct"]
            if len(metrics) == 1
            else say_share(together if known else None),
        }
        if "figure" in metrics[-1]:
            found[name]["figure"] = metrics[-1]["figure"]
    return found


def tell_trend(inputs: Json, document: Json) -> dict[str, Any]:
    """The section `trend`: all months with this one as the last, then of each promise and each
    service of this month what they said. Nothing where no earlier month was issued.

    Raises InputsRefusedError for months out of order, that one not earlier among them, and too
    many.
    """
    earlier: Sequence[Json] = inputs.get("months", [])
    if not earlier:
        return {}
    _check(earlier, inputs["period"])
    months = [*earlier, describe_month(document, None)]
    currency = document["contract"]["currency"]
    heads = ("period", "number", "revision", "sha256", "result", "met", "metrics", "energy_wh")
    money = ("credits", "usage", "total")
    return {
        "trend": {
            "months": [
                {key: month[key] for key in heads}
                # Money of another currency isn't compared.
                | {key: month[key] if month["currency"] == currency else None for key in money}
                for month in months
            ],
            "levels": [
                {"id": name, "label": metric["label"], "subject": metric["subject"],
                 "months": [month["levels"].get(name) for month in months]}
                for name, metric in _named(document["metrics"])
            ],
            "services": [
                {"id": usage["id"], "item": usage["item"], "label": usage["label"],
                 "months": [_service(month, usage["id"], currency) for month in months]}
                for usage in document["usage"]
            ],
        }
    }  # fmt: skip


def _named(metrics: Iterable[Json]) -> Iterable[tuple[str, Json]]:
    """Each promise of an item once, in the words of the version that the month ends with."""
    return {_promise(metric["id"]): metric for metric in metrics}.items()


def _service(month: Json, name: str, currency: str) -> dict[str, Any] | None:
    said = month["services"].get(name)
    if said is None:
        return None
    amount = said["amount"] if month["currency"] == currency else None
    return {"billed_bps": said["billed_bps"], "amount": amount}


def _check(months: Sequence[Json], period: str) -> None:
    before = ""
    for month in months:
        name = month["period"]
        if not isinstance(name, str) or not _MONTH.fullmatch(name) or not before < name < period:
            raise InputsRefusedError(
                f"months: {name!r} is no month before {period}, or not in order"
            )
        before = name
    if count_month(period) - count_month(months[0]["period"]) > MONTHS:
        raise InputsRefusedError(f"months: {months[0]['period']} lies more than {MONTHS} back")
