"""Power of a statement's inputs as the rules of usage take it: readings of all feeds, the order."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from dcim.sla.rules.facts import Item
from dcim.sla.rules.intervals import Intervals, clip, total
from dcim.sla.rules.periods import parse_instant
from dcim.sla.rules.terms import PowerTerms, Usage
from dcim.sla.rules.usage.readings import MeasuredPue, PowerOrder, Readings
from dcim.statements.hand_meters import read_hand_meters
from dcim.statements.inputs import Case, InputsRefusedError, read_money, service_days

UNMEASURED = ("flat", "breakered")  # fees whatever was used


@dataclass(frozen=True)
class Measured:
    """`present`: intervals in which every feed was measured; `unmetered`: stretches in which no
    meter read by hand hung, by place. `readings` is None without a meter."""

    readings: Readings | None = None
    present: int = 0
    unmetered: dict[str, Intervals] = field(default_factory=dict)


def read_readings(case: Case, usage: Usage, item: Item) -> Measured:
    """Of all feeds and meters of the item. What is charged whatever was used reads none.

    An interval that one of the feeds was not measured in isn't known. Energy that was metered
    then is charged all the same, unless too little was measured for `min_coverage`. Where a meter
    read by hand stands for a feed, the feed's own bins don't count.
    """
    if usage.method in UNMEASURED:
        return Measured()
    low, high = max(case.period.start, item.start), min(case.period.end, item.end)
    by_hand = read_hand_meters(case, item.id, low, high)
    replaced = by_hand.replaced
    feeds = [
        entry
        for entry in case.inputs["power"]
        if entry["item"] == item.id
        and total(clip(replaced.get(entry["id"], []), low, high)) < high - low
    ]
    if not (feeds or by_hand.reads):
        return Measured()
    step = usage.interval_ms
    first, count = -(-low // step), -(-high // step) - -(-low // step)
    least = Fraction(usage.min_cover) * step / 100
    energies: list[int | None] = [None] * count
    known = [0] * count
    for feed in feeds:
        covered = [0] * count
        hidden = {
            slot - first
            for start, end in replaced.get(feed["id"], [])
            for slot in range(start // step, -(-end // step))
        }
        for slot in hidden:
            if 0 <= slot < count:
                covered[slot] = step
        for start, span, _, _, energy in feed["bins"]:
            slot = start // step - first
            if not 0 <= slot < count:
                raise InputsRefusedError(
                    f"power {feed['id']}: bin {start} is outside the intervals in service"
                )
            if span > step:
                raise InputsRefusedError(
                    f"power {feed['id']}: bins are longer than the {step // 1000} s that usage "
                    f"{usage.id} bills"
                )
            if slot in hidden:
                continue
            covered[slot] += span
            energies[slot] = (energies[slot] or 0) + energy
        for slot, span in enumerate(covered):
            known[slot] += span >= least and span > 0
    whole = [bool(feeds) and n == len(feeds) for n in known]
    present = sum(whole)
    coverage = (usage.power or PowerTerms()).min_coverage
    lenient = usage.method == "energy" and present * 100 >= Fraction(coverage) * count
    values = tuple(
        energy if lenient or there else None for energy, there in zip(energies, whole, strict=True)
    )
    readings = Readings(
        first * step,
        step,
        values,
        by_hand=by_hand.reads,
        polled=bool(feeds),
        hand_covered=by_hand.covered,
    )
    return Measured(readings, present, by_hand.unmetered)


def read_power_order(case: Case, usage: Usage, entry: dict[str, Any]) -> PowerOrder:
    """What the item's `power` names; what it doesn't name isn't known."""
    ordered, prices = entry.get("power") or {}, entry.get("prices") or {}
    unit = (usage.power or PowerTerms()).unit
    first, end = service_days(entry, case.inputs)
    share = Fraction((end - first).days, len(case.days))

    def number(of: dict[str, Any], key: str) -> Decimal | None:
        text = of.get(key)
        return None if text is None else read_money(text, f"item {entry['id']}, {key}")

    return PowerOrder(
        amperes=number(ordered, "amperes"),
        commit=number(ordered.get("commit") or {}, unit),
        rating=number(ordered.get("rating") or {}, unit),
        price_committed=number(prices, "committed"),
        price_over=number(prices, "over"),
        share=share if case.terms.prorate == "days" else Fraction(1),
        pue=_read_pue(ordered.get("pue"), entry["id"]),
    )


def _read_pue(found: dict[str, Any] | None, item: str) -> MeasuredPue | None:
    """Energies in milliwatt-hours over [start, end)."""
    if found is None:
        return None
    energies = [found["facility_mwh"], found["it_mwh"]]
    if any(type(energy) is not int or energy < 0 for energy in energies):
        raise InputsRefusedError(f"item {item}, pue: energies are milliwatt-hours, integers")
    try:
        span = [parse_instant(found[key]) for key in ("start", "end")]
    except (ValueError, TypeError) as error:
        raise InputsRefusedError(f"item {item}, pue: {error}") from error
    return MeasuredPue(*span, *energies)
