"""Sections on what was measured: bandwidth, power, climate, coverage, and their charts."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from dcim.metering.bins import Bins
from dcim.metering.charging import MODES_OF_MONTH, Mode
from dcim.sla.rules.evaluation import Evaluation
from dcim.sla.rules.facts import Item
from dcim.sla.rules.intervals import total
from dcim.sla.rules.language.checks import IDLE_WORDS
from dcim.sla.rules.quantities import fixed, say_rate, say_share
from dcim.sla.rules.terms import Terms, Text, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth, bill_bandwidth
from dcim.sla.rules.usage.meters import Metered, bill_demand, bill_energy
from dcim.sla.rules.usage.prices import Order
from dcim.statements.attachments import bins_file, power_file, states_file
from dcim.statements.inputs import Case, InputsRefusedError, read_money, service_days
from dcim.statements.performance import say_step

CHART_STEP = 3_600_000
MODE_UNITS: dict[Mode, str] = {
    "day_95": "Mbit/s × d",
    "day_peak": "Mbit/s × d",
    "traffic": "GB",
}


@dataclass(frozen=True)
class Charge:
    """A priced line of usage for the ledger."""

    key: str
    item: str | None  # None for a pool
    clause: str
    amount: Decimal
    text: Text


@dataclass(frozen=True)
class UsageSections:
    lines: list[dict[str, Any]]
    charges: list[Charge]
    charts: list[dict[str, Any]]
    warnings: list[Text]


def _grid(case: Case, item: Item, interval_ms: int) -> tuple[int, int]:
    """Bins that begin while the item is in service in the period."""
    low, high = max(case.period.start, item.start), min(case.period.end, item.end)
    return -(-low // interval_ms) * interval_ms, -(-high // interval_ms) * interval_ms


def read_bins(case: Case, entry: dict[str, Any], item: Item, interval_ms: int) -> Bins:
    """Rows [start, in, out, covered_ms] on the grid; what is absent is not covered."""
    first, end = _grid(case, item, interval_ms)
    count = (end - first) // interval_ms
    arrays = [np.zeros(count, dtype=np.int64) for _ in range(3)]
    seen: set[int] = set()
    for start, *numbers in entry["bins"]:
        place = f"bandwidth of {entry['item']}, bin {start}"
        if start % interval_ms or not first <= start < end:
            raise InputsRefusedError(f"{place}: off the grid or outside the service period")
        if start in seen:
            raise InputsRefusedError(f"{place} stands twice")
        if min(numbers) < 0 or numbers[2] > interval_ms:
            raise InputsRefusedError(f"{place}: negative or covered longer than it is")
        seen.add(start)
        for array, number in zip(arrays, numbers, strict=True):
            array[(start - first) // interval_ms] = number
    return Bins(first, interval_ms, arrays[0], arrays[1], arrays[2])


def read_order(case: Case, entry: dict[str, Any]) -> Order:
    prices = entry.get("prices") or {}
    first, end = service_days(entry, case.inputs)
    share = Fraction((end - first).days, len(case.days))

    def price(key: str) -> Decimal | None:
        text = prices.get(key)
        return None if text is None else read_money(text, f"item {entry['id']}, price {key}")

    return Order(
        commit_bps=entry.get("commit_bps"),
        price_committed=price("committed"),
        price_over=price("over"),
        share=share if case.terms.prorate == "days" else Fraction(1),
        port_bps=entry.get("port_bps"),
    )


def add_bandwidth(
    case: Case,
    usage: Usage,
    item: Item,
    entry: dict[str, Any],
    series: dict[str, Any],
    found: UsageSections,
) -> None:
    bins = read_bins(case, series, item, usage.interval_ms)
    try:
        bill = bill_bandwidth(case.terms, usage, bins, read_order(case, entry))
    except TypeError as error:
        raise InputsRefusedError(f"item {item.id}: {error}") from error
    name = f"{usage.id}.{item.id}"
    found.lines.append(
        {
            **usage_head(usage, item.id, series["label"], bins_file(series)),
            **mode_head(usage),
            "commit_bps": bill.commit_bps,
            "in_p95_bps": bill.in_p.value if bill.in_p else None,
            "out_p95_bps": bill.out_p.value if bill.out_p else None,
            "in_max_bps": bill.in_max,
            "out_max_bps": bill.out_max,
            "billed_bps": bill.billed_bps,
            "over_bps": bill.over_bps,
            "unit": MODE_UNITS.get(usage.mode, "Mbit/s"),
            "price": {
                "committed": None if bill.price_committed is None else str(bill.price_committed),
                "over": str(bill.price_over),
            },
            "amount": str(bill.amount),
            "bins": {
                "expected": bill.expected,
                "present": bill.present,
                "missing": bill.expected - bill.present,
                "discarded": bill.billed.discarded if bill.billed else None,
                "rank": bill.billed.rank if bill.billed else None,
            },
            "steps": [say_step(step, usage.clause) for step in bill.steps],
        }
    )
    found.charges.extend(_charges(case.terms, usage, item, bill, series["label"]))
    if bill.quantity is None:
        found.warnings.append(
            {
                "zh": f"{series['label']['zh']}：本期无任何计费点，未计超出费",
                "en": f"{series['label']['en']}: no billing bin in the period, no overage billed",
            }
        )
    found.charts.append(chart_bins(case, name, bins, usage))


def chart_bins(case: Case, name: str, bins: Bins, usage: Usage) -> dict[str, Any]:
    """Largest and mean rate of each hour, of the bins measured."""
    good = bins.present(usage.min_cover)
    ins, outs = bins.rates()
    starts = (bins.first + np.flatnonzero(good) * bins.interval_ms).tolist()
    points = list(zip(starts, ins[good].tolist(), outs[good].tolist(), strict=True))
    steps = _steps(case)
    return {
        "id": name,
        "step_s": CHART_STEP // 1000,
        "in_max_bps": _buckets(case, steps, ((p[0], p[1]) for p in points), max),
        "out_max_bps": _buckets(case, steps, ((p[0], p[2]) for p in points), max),
        "in_mean_bps": _buckets(case, steps, ((p[0], p[1]) for p in points), _mean),
        "out_mean_bps": _buckets(case, steps, ((p[0], p[2]) for p in points), _mean),
    }


def usage_head(usage: Usage, name: str, label: Text, series: str) -> dict[str, Any]:
    return {
        "id": f"{usage.id}.{name}",
        "usage": usage.id,
        "item": name,
        "label": label,
        "clause": usage.clause,
        "method": usage.method,
        "interval_s": usage.interval_ms // 1000,
        "series": series,
    }


def mode_head(usage: Usage) -> dict[str, Any]:
    """`mode` only where it isn't month_95: statements from before modes stay as they are."""
    if usage.mode == "month_95":
        return {
            "percentile": str(usage.percentile),
            "direction": usage.direction,
            "rank_rule": usage.rank,
        }
    said = {
        "percentile": str(usage.percentile) if usage.mode in MODES_OF_MONTH else None,
        "direction": usage.direction,
        "rank_rule": usage.rank,
    }
    idle = {"percentile": "percentile", "direction": "direction", "rank_rule": "rank"}
    return {"mode": usage.mode} | {
        key: None if usage.mode in IDLE_WORDS[word] else said[key] for key, word in idle.items()
    }


def _charges(
    terms: Terms, usage: Usage, item: Item, bill: Bandwidth, label: Text
) -> Iterable[Charge]:
    name = f"usage:{usage.id}.{item.id}"
    if bill.price_committed is not None and bill.commit_bps is not None:
        text = f"{say_rate(bill.commit_bps)} × {bill.price_committed} {terms.currency}"
        yield Charge(
            f"{name}:committed",
            item.id,
            usage.clause,
            bill.committed_amount,
            {"zh": f"{label['zh']}：保底 {text}", "en": f"{label['en']}: commit {text}"},
        )
    if bill.over_bps:
        text = f"{say_rate(bill.over_bps)} × {bill.price_over} {terms.currency}"
        yield Charge(
            f"{name}:over",
            item.id,
            usage.clause,
            bill.over_amount,
            {
                "zh": f"{label['zh']}：超出保底 {text}",
                "en": f"{label['en']}: above the commit {text}",
            },
        )
    elif bill.quantity is not None and bill.quantity.over_bps is None and bill.quantity.count:
        # Charged day by day, or by octets.
        times = {
            key: f"{said} × {bill.price_over} {terms.currency}"
            for key, said in bill.quantity.text.items()
        }
        above = ("超出保底 ", "above the commit ") if bill.commit_bps else ("", "")
        yield Charge(
            f"{name}:over",
            item.id,
            usage.clause,
            bill.over_amount,
            {
                "zh": f"{label['zh']}：{above[0]}{times['zh']}",
                "en": f"{label['en']}: {above[1]}{times['en']}",
            },
        )


def add_metered(case: Case, usage: Usage, item: Item, found: UsageSections) -> None:
    """Energy or demand over all feeds of the item."""
    feeds = [entry for entry in case.inputs["power"] if entry["item"] == item.id]
    sums: dict[int, int] = {}
    for feed in feeds:
        for start, _, _, _, energy in feed["bins"]:
            slot = start // usage.interval_ms
            sums[slot] = sums.get(slot, 0) + energy
    first, end = _grid(case, item, usage.interval_ms)
    expected = (end - first) // usage.interval_ms
    energies = [sums[slot] for slot in sorted(sums)]
    bill_it = bill_energy if usage.method == "energy" else bill_demand
    bill: Metered = bill_it(case.terms, usage, energies, len(energies), expected)
    unit = "kWh" if usage.method == "energy" else "kW"
    quantity = fixed(bill.quantity, 3)
    found.lines.append(
        {
            **usage_head(usage, item.id, usage.title, ""),
            "percentile": None,
            "direction": None,
            "rank_rule": None,
            **dict.fromkeys(
                (
                    "commit_bps", "in_p95_bps", "out_p95_bps", "in_max_bps", "out_max_bps",
                    "billed_bps", "over_bps",
                )
            ),
            "unit": unit,
            "price": {"committed": None, "over": str(usage.price_over)},
            "amount": str(bill.amount),
            "bins": {
                "expected": expected,
                "present": bill.present,
                "missing": expected - bill.present,
                "discarded": None,
                "rank": None,
            },
            "steps": [say_step(step, usage.clause) for step in bill.steps],
        }
    )  # fmt: skip
    text = f"{quantity} {unit} × {usage.price_over} {case.terms.currency}"
    found.charges.append(
        Charge(
            f"usage:{usage.id}.{item.id}",
            item.id,
            usage.clause,
            bill.amount,
            {key: f"{usage.title[key]} {text}" for key in ("zh", "en")},
        )
    )


def _steps(case: Case) -> int:
    return -(-case.period.length // CHART_STEP)


def _mean(values: list[int]) -> int:
    return sum(values) // len(values)


def _buckets(case: Case, steps: int, points: Iterable[tuple[int, int]], join: Any) -> list[Any]:
    """One number an hour from the period's start, None where there is no point."""
    found: dict[int, list[int]] = {}
    for start, value in points:
        found.setdefault((start - case.period.start) // CHART_STEP, []).append(value)
    return [join(found[step]) if step in found else None for step in range(steps)]


def _watts(mw: int | None) -> float | None:
    return None if mw is None else mw / 1000


def power_sections(case: Case) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(sections, charts) of each feed; mean weighted by covered time, energy as metered."""
    items = {item.id: item for item in case.facts.items}
    sections, charts = [], []
    for entry in sorted(case.inputs["power"], key=lambda e: (e["item"], e["feed"], e["id"])):
        item = items.get(entry["item"])
        if item is None:
            raise InputsRefusedError(f"power {entry['id']}: item {entry['item']} is not in service")
        low, high = max(case.period.start, item.start), min(case.period.end, item.end)
        rows = entry["bins"]
        for start, covered, *_ in rows:
            if not low <= start < high or covered < 0:
                raise InputsRefusedError(f"power {entry['id']}: bin {start} is outside the service")
        covered = sum(row[1] for row in rows)
        mean = Fraction(sum(row[1] * row[3] for row in rows), covered) if covered else None
        sections.append(
            {
                "id": entry["id"],
                "item": entry["item"],
                "label": entry["label"],
                "feed": entry["feed"],
                "rated_w": entry["rated_w"],
                "derated_w": entry["derated_w"],
                "contract_w": entry["contract_w"],
                "max_w": str(fixed(Fraction(max(row[2] for row in rows), 1000), 1))
                if rows
                else None,
                "mean_w": str(fixed(mean / 1000, 1)) if mean is not None else None,
                "energy_wh": str(fixed(Fraction(sum(row[4] for row in rows), 1000), 0)),
                "coverage": say_share(Fraction(min(covered, high - low), high - low), 2),
                "series": power_file(entry),
            }
        )
        peak = _buckets(case, _steps(case), ((row[0], row[2]) for row in rows), max)
        level = _buckets(case, _steps(case), ((row[0], row[3]) for row in rows), _mean)
        charts.append(
            {
                "id": entry["id"],
                "step_s": CHART_STEP // 1000,
                "max_w": [_watts(value) for value in peak],
                "mean_w": [_watts(value) for value in level],
            }
        )
    return sections, charts


# Values that are no climate: parts per million and microseconds of echoes.
PROBED = ("loss", "latency", "jitter")


def environment_sections(
    case: Case, evaluation: Evaluation
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(sections, charts) of every resource with values; limits from the metric that judges it."""
    entries = {entry["name"]: entry for entry in case.inputs["resources"]}
    sections, charts = [], []
    for resource in sorted(case.facts.resources, key=lambda r: r.name):
        if resource.values is None or not resource.items or resource.kind in PROBED:
            continue
        entry = entries[resource.name]
        judge = next((r for r in evaluation.results if resource.name in r.resources), None)
        limit = judge.metric.limit if judge else None
        low, high = judge.measurement.service if judge else (case.period.start, case.period.end)
        rows = [
            (max(start, low), min(end, high), value)
            for start, end, value in resource.values
            if max(start, low) < min(end, high)
        ]
        length = sum(end - start for start, end, _ in rows)
        weighted = sum((end - start) * value for start, end, value in rows)
        values = [value for _, _, value in rows]
        known = total((start, end) for start, end, _ in rows)
        sections.append(
            {
                "id": resource.name,
                "item": judge.item.id if judge else resource.items[0],
                "label": entry["label"],
                "unit": judge.metric.limit_unit if judge else "",
                "min_mc": min(values, default=None),
                "max_mc": max(values, default=None),
                "mean_mc": int(fixed(Fraction(weighted, length), 0)) if length else None,
                "limit_low_mc": _whole(limit.low if limit else None),
                "limit_high_mc": _whole(limit.high if limit else None),
                "coverage": say_share(Fraction(known, high - low), 2),
                "series": states_file(entry),
            }
        )
        points = [point for row in rows for point in _spread(case, *row)]
        charts.append(
            {
                "id": resource.name,
                "step_s": CHART_STEP // 1000,
                "min_mc": _buckets(case, _steps(case), points, min),
                "max_mc": _buckets(case, _steps(case), points, max),
            }
        )
    return sections, charts


def _whole(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


def _spread(case: Case, start: int, end: int, value: int) -> Iterable[tuple[int, int]]:
    """A value once in each hour it reaches into."""
    base = case.period.start
    for step in range((start - base) // CHART_STEP, (end - 1 - base) // CHART_STEP + 1):
        yield base + step * CHART_STEP, value


def coverage_sections(case: Case) -> list[dict[str, Any]]:
    sections = []
    for entry in case.inputs["series"]:
        expected, received = entry["expected"], entry["received"]
        if not 0 <= received <= expected:
            raise InputsRefusedError(f"series {entry['series']}: received {received} of {expected}")
        share = Fraction(received, expected) if expected else Fraction(1)
        sections.append(
            {
                "series": entry["series"],
                "label": entry["label"],
                "expected": expected,
                "received": received,
                "missing": expected - received,
                "pct": say_share(share),
            }
        )
    return sorted(sections, key=lambda section: str(section["series"]))
