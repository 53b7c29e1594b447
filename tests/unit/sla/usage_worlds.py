"""Random usage terms and bins, and a slow way to the same bill; no code of the rules in it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from dcim.metering.bins import Bins
from dcim.sla.rules.terms import Limit, PriceRow, PriceRows, Range, Terms, Usage, ValidDays

HOUR = 3_600_000
FIRST = int(dt.datetime(2026, 10, 1, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
MONTH_DAYS = 31
Kept = Literal["all_days", "valid_days"]
KEPT: tuple[Kept, ...] = ("all_days", "valid_days")
UNITS: tuple[Literal["B", "bit/s"], ...] = ("B", "bit/s")

TERMS = Terms(
    name="t", version="1", title={"zh": "", "en": ""}, currency="CNY", rounding="half_up",
    decimals=2, timezone="Asia/Shanghai", period="calendar_month", rent_clause="", prorate="days",
    metrics=(),
)  # fmt: skip


def basic(**changes: object) -> Usage:
    """Hourly points, so that a month is short."""
    words: dict[str, object] = {
        "id": "port", "title": {"zh": "", "en": ""}, "clause": "5", "applies_to": ("bandwidth",),
        "method": "percentile", "interval_ms": HOUR, "price_over": Decimal(2),
    }  # fmt: skip
    return Usage(**(words | changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Points:
    """kbit/s of each hour from the `start`-th of the month; None = not measured."""

    start: int
    rates: Sequence[tuple[int, int] | None]

    def bins(self) -> Bins:
        octets = [
            np.array([0 if r is None else r[side] * 450_000 for r in self.rates], dtype=np.int64)
            for side in (0, 1)
        ]
        covered = np.array([0 if r is None else HOUR for r in self.rates], dtype=np.int64)
        return Bins(FIRST + self.start * HOUR, HOUR, octets[0], octets[1], covered)


rates = st.integers(0, 3000)
hours = st.one_of(st.none(), st.tuples(rates, rates), st.tuples(rates, rates))


def points(most: int = 60) -> st.SearchStrategy[Points]:
    return st.builds(Points, st.integers(0, 100), st.lists(hours, min_size=1, max_size=most))


@st.composite
def price_rows(draw: st.DrawFn) -> PriceRows:
    edges = sorted(draw(st.sets(st.integers(1, 3), min_size=0, max_size=2)))
    prices = [draw(st.integers(0, 500)) for _ in range(len(edges) + 1)]
    lows = [None, *edges]
    highs = [*edges, None]
    rows = tuple(
        PriceRow(
            Range(
                None if low is None else Decimal(low),
                False,
                None if high is None else Decimal(high),
                high is not None,
            ),
            Decimal(price) / 100,
        )
        for low, high, price in zip(lows, highs, prices, strict=True)
    )
    return PriceRows(draw(st.sampled_from(["whole", "parts"])), rows)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Of month_95, with any of the words that change what a month costs."""
    partial = draw(st.sampled_from(["as_measured", "by_days", "zero"]))
    missing = draw(st.sampled_from(["dropped", "zero", "carry"]))
    valid = None
    if partial != "by_days" and draw(st.booleans()):
        kept: Kept = "all_days"
        if missing == "dropped":
            kept = draw(st.sampled_from(KEPT))
        unit: Literal["B", "bit/s"] = draw(st.sampled_from(UNITS))
        above = draw(st.sampled_from([0, 500_000]))
        valid = ValidDays(above, unit, kept)
    limits = st.one_of(
        st.none(),
        st.integers(0, 3_000_000).map(lambda bps: Limit("rate", Decimal(bps))),
        st.integers(0, 2000).map(lambda cents: Limit("money", Decimal(cents) / 100)),
    )
    return basic(
        percentile=draw(st.sampled_from([Decimal(90), Decimal(95), Decimal(100)])),
        rank=draw(st.sampled_from(["nearest", "discard_ceil", "round"])),
        direction=draw(
            st.sampled_from(
                ["higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out"]
            )
        ),
        missing=missing,
        partial_month=partial,
        valid_days=valid,
        commit=draw(st.sampled_from(["none", 0, 700_000, 1_500_000])),
        price_committed=draw(st.sampled_from(["none", Decimal(3)])),
        round_up_bps=draw(st.sampled_from([0, 1_000_000])),
        price_over=draw(st.one_of(st.just(Decimal("2.5")), price_rows())),
        at_least=draw(limits),
        at_most=draw(limits),
    )


def slow_rate(usage: Usage, found: Points) -> int | None:
    """kbit/s x 1000 of the month, before rounding up; by lists and counting."""
    rows: list[tuple[int, tuple[int, int] | None]] = [
        (found.start + place, rate) for place, rate in enumerate(found.rates)
    ]
    valid = slow_valid_days(usage, found)
    if usage.valid_days is not None and usage.valid_days.points == "valid_days":
        rows = [(hour, rate if hour // 24 in valid else None) for hour, rate in rows]
    filled: list[tuple[int, int]] = []
    last: tuple[int, int] | None = None
    for _, rate in rows:
        if rate is not None:
            last = rate
            filled.append(rate)
        elif usage.missing == "zero":
            filled.append((0, 0))
        elif usage.missing == "carry" and last is not None:
            filled.append(last)
    if usage.partial_month == "zero":
        before = found.start
        after = MONTH_DAYS * 24 - found.start - len(found.rates)
        if usage.missing == "carry":  # hours before the service are points, and carried on
            lead = next((n for n, (_, rate) in enumerate(rows) if rate is not None), len(rows))
            filled += [(0, 0)] * (lead if before else 0)
        filled += [(0, 0)] * (before + after)
    if not filled:
        return None
    lines = {
        "higher_percentile": [[i for i, _ in filled], [o for _, o in filled]],
        "percentile_of_higher": [[max(pair) for pair in filled]],
        "percentile_of_sum": [[sum(pair) for pair in filled]],
        "in": [[i for i, _ in filled]],
        "out": [[o for _, o in filled]],
    }[usage.direction]
    return max(slow_percentile(line, usage) for line in lines) * 1000


def slow_percentile(values: list[int], usage: Usage) -> int:
    """By taking the highest away one at a time."""
    ordered = sorted(values)
    share = Fraction(str(usage.percentile)) / 100
    if usage.rank == "nearest":
        return next(v for v in ordered if sum(w <= v for w in ordered) >= share * len(ordered))
    if usage.rank == "discard_ceil":
        gone = 0
        while gone < (1 - share) * len(values):
            gone += 1
        return ordered[max(len(ordered) - gone, 1) - 1]
    at = int(share * len(ordered) + Fraction(1, 2))
    return ordered[min(max(at, 1), len(ordered)) - 1]


def slow_valid_days(usage: Usage, found: Points) -> set[int]:
    rule = usage.valid_days
    days: set[int] = set()
    sums: dict[int, int] = {}
    for place, rate in enumerate(found.rates):
        day = (found.start + place) // 24
        sums[day] = sums.get(day, 0) + (0 if rate is None else sum(rate) * 450_000)
        if rule and rule.unit == "bit/s" and rate is not None and max(rate) * 1000 > rule.above:
            days.add(day)
    if rule and rule.unit == "B":
        days = {day for day, octets in sums.items() if octets > rule.above}
    return days


def slow_amount(usage: Usage, found: Points) -> Decimal:
    """Of one port, `month_95`, its commit stated in the terms."""
    rate = slow_rate(usage, found)
    least, most = usage.at_least, usage.at_most
    if rate is None and least is not None and least.kind == "rate":
        rate = 0
    commit = usage.commit if isinstance(usage.commit, int) else None
    fee = Decimal(0)
    if commit is not None and isinstance(usage.price_committed, Decimal):
        fee = cents(Fraction(commit, 10**6) * Fraction(usage.price_committed))
    extra = Decimal(0)
    if rate is not None:
        if usage.round_up_bps:
            while rate % usage.round_up_bps:
                rate += 1000
        if least is not None and least.kind == "rate":
            rate = max(rate, int(least.value))
        if most is not None and most.kind == "rate":
            rate = min(rate, int(most.value))
        count = Fraction(max(rate - (commit or 0), 0), 10**6)
        factor = Fraction(1)
        if usage.valid_days is not None:
            factor = Fraction(len(slow_valid_days(usage, found)), MONTH_DAYS)
        if usage.partial_month == "by_days":
            served = {(found.start + place) // 24 for place in range(len(found.rates))}
            factor = Fraction(len(served), MONTH_DAYS)
        extra = slow_cost(usage.price_over, count, factor)
    total = fee + extra
    if least is not None and least.kind == "money":
        total = max(total, least.value)
    if most is not None and most.kind == "money":
        total = min(total, most.value)
    return total


def slow_cost(price: object, count: Fraction, factor: Fraction) -> Decimal:
    if isinstance(price, Decimal):
        return cents(count * Fraction(price) * factor)
    assert isinstance(price, PriceRows)
    if price.by == "whole":
        reached = [row for row in price.rows if row.range.high is None or count <= row.range.high]
        return cents(count * Fraction(reached[0].price) * factor)
    total = Decimal(0)
    for row in price.rows:
        low = Fraction(row.range.low or 0)
        high = count if row.range.high is None else Fraction(row.range.high)
        total += cents(max(min(count, high) - low, Fraction(0)) * Fraction(row.price) * factor)
    return total


def cents(exact: Fraction) -> Decimal:
    return Decimal(int(exact * 100 + Fraction(1, 2))) / 100
