"""The items of a facts file: what the customer rents, and what is known of each."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.errors import Message
from dcim.sla.rules.facts import Item, Period
from dcim.sla.rules.files.reading import Reading, read_truth
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.periods import day_start, month_days
from dcim.sla.rules.quantities import money, read_number, read_percent
from dcim.sla.rules.terms import Terms

# Where the file doesn't say since when: before anything else it could tell of, so that what a
# clause asks of earlier months isn't taken for known.
LONG_AGO = 0


def read_items(top: Reader, reading: Reading, month: str) -> tuple[Item, ...]:
    terms, period = reading.terms, reading.period
    kinds = {kind for metric in terms.metrics for kind in metric.applies_to}
    kinds |= {kind for usage in terms.usage for kind in usage.applies_to}
    items: dict[str, Item] = {}
    for words in top.entries("items"):
        name = words.text("id")
        kind = words.text("kind")
        stated = words.read("from", reading.start, None), words.read("to", reading.moment, None)
        start = LONG_AGO if stated[0] is None else stated[0]
        end = period.end if stated[1] is None else stated[1]
        mrc = words.need("mrc", reading.fee, Decimal(0))
        rent = words.read("rent", reading.fee, None)
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
            usage=words.read("usage", reading.fee, None),
            paid=words.read("paid", reading.fee, None),
        )
        words.finish()
        if name in items:
            words.refuse("id", Message("%(name)r stands twice among the items", name=name))
        if None not in stated and end <= start:
            words.refuse("to", Message("the service ends before it begins"))
        if kind and kind not in kinds:
            reading.warn(
                words,
                Message(
                    "no metric and no usage of these terms applies to %(kind)r "
                    "(they apply to %(kinds)s)",
                    kind=kind,
                    kinds=", ".join(sorted(kinds)) or Message("nothing"),
                ),
            )
        if end <= period.start or start >= period.end:
            reading.warn(words, Message("is not in service in the period and is left out"))
        if rent is None:
            rent = _prorate(words, terms, period, item, month)
        items[name] = replace(item, rent=rent)
    if not items:
        top.refuse(
            "items",
            Message(
                "is missing: at least one item of the contract, like "
                "{id: A05, kind: cabinet, mrc: 6000.00}"
            ),
        )
    return tuple(items.values())


def _prorate(words: Reader, terms: Terms, period: Period, item: Item, month: str) -> Decimal:
    """The fee's share of the days in service; whole days only, else the rent must be stated."""
    start, end = max(item.start, period.start), min(item.end, period.end)
    if terms.prorate == "none" or end <= start:
        return item.mrc
    zone = ZoneInfo(terms.timezone)
    days = [datetime.fromtimestamp(edge / 1000, zone).date() for edge in (start, end)]
    if [day_start(day, terms.timezone) for day in days] != [start, end]:
        words.refuse(
            "rent",
            Message(
                "is missing: the service begins or ends within a day, so its fee for this period "
                "must be stated"
            ),
        )
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
