"""Published clauses of bandwidth and power, each a file in cases/, to the last digit."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dcim.metering.bins import Bins
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.usage_words import say_usage
from dcim.sla.rules.periods import day_start, month_days
from dcim.sla.rules.quantities import read_rate
from dcim.sla.rules.terms import Terms, Usage
from dcim.sla.rules.usage.bandwidth import Member, bill_pool
from dcim.sla.rules.usage.lines import needs_lines
from dcim.sla.rules.usage.pools import group_members
from dcim.sla.rules.usage.power import PowerBill, bill_power
from dcim.sla.rules.usage.prices import Order
from dcim.sla.rules.usage.readings import MeasuredPue, PowerOrder, Readings, ReadingUnit
from tests.unit.sla.test_cases import read_case

CASES = sorted((Path(__file__).parent / "cases").glob("usage-*.yaml"))
DAY_MS = 86_400_000  # Shanghai has no clock changes
READING_UNITS: dict[str, ReadingUnit] = {"kw": "mWh", "kva": "mVA", "a": "mA"}


def day_numbers(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high)


def month_first(case: dict[str, Any]) -> int:
    return day_start(dt.date.fromisoformat(f"{case['month']}-01"), "Asia/Shanghai")


def service(case: dict[str, Any], item: dict[str, Any]) -> tuple[int, int, Fraction]:
    """(first ms, end ms, share of the month)."""
    days = len(month_days(case["month"]))
    low, high = day_numbers(item.get("service", f"1-{days}"))
    first = month_first(case)
    span = Fraction(high - low + 1, days)
    return first + (low - 1) * DAY_MS, first + high * DAY_MS, span


def paint(case: dict[str, Any], item: dict[str, Any], lines: list[Any], step: int) -> list[Any]:
    """A value for each interval in service; later lines over earlier ones."""
    low, high, _ = service(case, item)
    found: list[Any] = [None] * ((high - low) // step)
    for line in lines:
        first_day, last_day = day_numbers(line.get("days", "1-31"))
        start, end = (
            [int(part[:2]) * 60 + int(part[3:]) for part in line["hours"].split("-")]
            if "hours" in line
            else (0, 1440)
        )
        for day in range(first_day, last_day + 1):
            midnight = month_first(case) + (day - 1) * DAY_MS
            begin, after = (-(-(midnight + at * 60_000 - low) // step) for at in (start, end))
            for index in range(max(begin, 0), min(after, len(found))):
                found[index] = line.get("mbps", line.get("value"))
    return found


def bins_of(case: dict[str, Any], item: dict[str, Any], usage: Usage) -> Bins:
    step = usage.peak_of_ms or usage.interval_ms
    ins, outs = (paint(case, item, item.get(key, []), step) for key in ("in", "out"))
    gap = paint(case, item, [line | {"mbps": "1"} for line in item.get("unmeasured", [])], step)
    covered = [0 if hole else step for hole in gap]

    def octets(values: list[Any]) -> npt.NDArray[np.int64]:
        counted = [
            0 if hole or value is None else int(Decimal(value) * 10**6 * step / 8000)
            for value, hole in zip(values, gap, strict=True)
        ]
        return np.array(counted, dtype=np.int64)

    first = service(case, item)[0]
    return Bins(first, step, octets(ins), octets(outs), np.array(covered, dtype=np.int64))


def rate(item: dict[str, Any], key: str) -> int | None:
    return read_rate(item[key], 1000) if key in item else None


def check_bandwidth(case: dict[str, Any], terms: Terms, usage: Usage) -> None:
    members = [
        Member(
            name,
            bins_of(case, item, usage),
            Order(
                commit_bps=rate(item, "commit"),
                port_bps=rate(item, "port"),
                share=service(case, item)[2],
            ),
            item.get("site", ""),
            item.get("group", ""),
        )
        for name, item in case["items"].items()
    ]
    bills = {pool.name or pool.members[0].item: bill_pool(terms, usage, pool.members)
             for pool in group_members(usage, members)}  # fmt: skip
    assert set(bills) == set(case["expected"])
    for name, want in case["expected"].items():
        bill = bills[name]
        assert bill.amount == Decimal(want["amount"])
        assert sum(line.amount or 0 for line in bill.lines) == bill.amount
        for key, got in (("billed", bill.billed_bps), ("over", bill.over_bps)):
            if key in want:
                assert got == Decimal(want[key]) * 10**6
        lines = {line.key: str(line.amount) for line in bill.lines}
        assert lines == want.get("lines", lines)
        assert all(step.formula["zh"] and step.formula["en"] for step in bill.steps)


def number(item: dict[str, Any], key: str) -> Decimal | None:
    return Decimal(item[key]) if key in item else None


def power_bill(case: dict[str, Any], terms: Terms, usage: Usage, name: str) -> PowerBill:
    item = case["items"][name]
    low, high, share = service(case, item)
    pue = None
    if "pue" in item:
        said = item["pue"]
        end = month_first(case) + day_numbers(said["days"])[1] * DAY_MS if "days" in said else high
        pue = MeasuredPue(low, end, int(said["facility_kwh"]) * 10**6, int(said["it_kwh"]) * 10**6)
    order = PowerOrder(
        amperes=number(item, "amperes"),
        commit=number(item, "commit"),
        rating=number(item, "rating"),
        share=share,
        pue=pue,
    )
    readings = None
    step = usage.interval_ms
    scales = {
        "mWh": Fraction(step, 3_600_000) * 10**6,
        "mVA": Fraction(10**6),
        "mA": Fraction(1000),
    }
    for key, unit in READING_UNITS.items():
        if key in item:
            gap = [line | {"value": "gap"} for line in item.get("unmeasured", [])]
            painted = paint(case, item, [*item[key], *gap], step)
            values = tuple(
                None if value in (None, "gap") else int(Fraction(value) * scales[unit])
                for value in painted
            )
            readings = Readings(low, step, values, unit)
    return bill_power(terms, usage, readings, order)


def check_power(case: dict[str, Any], terms: Terms) -> None:
    for place, want in case["expected"].items():
        name, _, which = place.partition("/")
        usage = next(u for u in terms.usage if u.id == (which or "power"))
        bill = power_bill(case, terms, usage, name)
        if "unpriced" in want:
            assert bill.amount is None
            assert [note["en"] for note in bill.missing] == [want["unpriced"]]
        else:
            assert bill.amount == Decimal(want["amount"])
        if "measured" in want:
            assert bill.quantity == Fraction(want["measured"])
        lines = {line.key: str(line.amount) for line in bill.lines if line.amount is not None}
        assert lines == want.get("lines", lines)
        assert all(step.formula["zh"] and step.formula["en"] for step in bill.steps)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_clause_is_priced_to_the_last_digit(path: Path) -> None:
    case = read_case(path)
    terms = load_terms(case["terms"])
    if terms.usage[0].method == "percentile":
        check_bandwidth(case, terms, terms.usage[0])
    else:
        check_power(case, terms)
    said = [say_usage(usage) for usage in terms.usage]
    assert all(text["zh"] and text["en"] for text in said)
    assert path.stem in PLAIN or all(needs_lines(usage) for usage in terms.usage)


# What today's statements list as it is.
PLAIN = ("usage-carry", "usage-i3d-1024")
