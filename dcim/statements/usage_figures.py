"""Usage of every method and of pools: sections and ledger lines, one a priced line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from dcim.metering.bin_sets import join_bins
from dcim.metering.bins import Bins
from dcim.sla.rules.facts import Item
from dcim.sla.rules.steps import Step, say_exact
from dcim.sla.rules.terms import Text, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth, Member, bill_pool
from dcim.sla.rules.usage.lines import (
    PricedLine,
    line_step,
    needs_lines,
    say_line,
    unpriced_line,
)
from dcim.sla.rules.usage.pools import Pool, group_members
from dcim.sla.rules.usage.power import bill_power
from dcim.sla.rules.usage.readings import Readings
from dcim.statements.attachments import bins_file
from dcim.statements.figures import (
    MODE_UNITS,
    Charge,
    UsageSections,
    add_bandwidth,
    add_metered,
    chart_bins,
    mode_head,
    read_bins,
    read_order,
    usage_head,
)
from dcim.statements.hand_meters import hand_sections, hand_warnings, has_hand_meters
from dcim.statements.inputs import Case, InputsRefusedError
from dcim.statements.performance import say_step
from dcim.statements.power_readings import read_power_order, read_readings

NO_BINS: Text = {"zh": "缺少计费点数据", "en": "the billing bins are missing"}
NO_RATES = (
    "commit_bps", "in_p95_bps", "out_p95_bps", "in_max_bps", "out_max_bps", "billed_bps",
    "over_bps",
)  # fmt: skip


@dataclass(frozen=True)
class _Billed:
    """What a section shows of a bill, of an item or a pool."""

    name: str
    label: Text
    item: str | None  # None for a pool
    lines: tuple[PricedLine, ...]
    steps: tuple[Step, ...]


def usage_sections(case: Case) -> UsageSections:
    found = UsageSections([], [], [], [])
    items = {item.id: item for item in case.facts.items}
    entries = {entry["id"]: entry for entry in case.inputs["items"]}
    measured = {entry["item"]: entry for entry in case.inputs["bandwidth"]}
    if len(measured) != len(case.inputs["bandwidth"]):
        raise InputsRefusedError("an item has two bandwidth series")
    for usage in case.terms.usage:
        concerned = [item for _, item in sorted(items.items()) if item.kind in usage.applies_to]
        if needs_lines(usage):
            if usage.method == "percentile":
                _add_pools(case, usage, concerned, entries, measured, found)
            else:
                for item in concerned:
                    _add_power(case, usage, item, entries[item.id], found)
            continue
        for item in concerned:
            if usage.method != "percentile":
                # What somebody read may be missing: such an item is listed line by line.
                if has_hand_meters(case, item.id):
                    _add_power(case, usage, item, entries[item.id], found)
                else:
                    add_metered(case, usage, item, found)
                continue
            if item.id not in measured:
                raise InputsRefusedError(f"item {item.id}: no bandwidth series for {usage.id}")
            add_bandwidth(case, usage, item, entries[item.id], measured[item.id], found)
    if len({line["id"] for line in found.lines}) != len(found.lines):
        raise InputsRefusedError("a pool of the terms carries the name of an item")
    return found


def unpriced_usage(sections: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with a line that can't be priced: a person has to find the fact."""
    return [section for section in sections if section["amount"] is None]


def _add_pools(
    case: Case,
    usage: Usage,
    items: Sequence[Item],
    entries: dict[str, dict[str, Any]],
    measured: dict[str, dict[str, Any]],
    found: UsageSections,
) -> None:
    members, unknown = [], []
    for item in items:
        note = _missing_facts(usage, item, entries[item.id], measured)
        if note is not None:
            unknown.append((item, note))
            continue
        members.append(
            Member(
                item.id,
                read_bins(case, measured[item.id], item, usage.peak_of_ms or usage.interval_ms),
                read_order(case, entries[item.id]),
                str(item.site or ""),
                entries[item.id].get("group") or "",
            )
        )
    for pool in group_members(usage, members):
        _add_pool(case, usage, pool, measured, found)
    for item, note in unknown:
        line = unpriced_line("over", usage.title, _unit(usage), None, note)
        label = measured.get(item.id, entries[item.id])["label"]
        _add_unpriced(case, usage, _Billed(item.id, label, item.id, (line,), ()), None, found)


def _missing_facts(
    usage: Usage, item: Item, entry: dict[str, Any], measured: dict[str, dict[str, Any]]
) -> Text | None:
    """What an item can't be placed in a pool without. `group: null` is a group nobody recorded,
    "" an order that names none."""
    if item.id not in measured:
        return NO_BINS
    if usage.pool == "site" and not item.site:
        return {"zh": "机房（站点）未知", "en": "the item's site isn't known"}
    if usage.pool not in ("", "contract", "site") and entry.get("group") is None:
        return {
            "zh": f"未记录订单是否属于汇聚组 {usage.pool}",
            "en": f"whether the order names the group {usage.pool} isn't recorded",
        }
    return None


def _unit(usage: Usage) -> str:
    return MODE_UNITS.get(usage.mode, "Mbit/s")


def _pool_label(usage: Usage, pool: Pool) -> Text:
    zh, en = usage.title["zh"], usage.title["en"]
    if pool.name == "contract":
        return {"zh": f"{zh}（合同内合并计费）", "en": f"{en}, billed as one of the contract"}
    return {"zh": f"{zh}（{pool.name} 合并计费）", "en": f"{en}, billed as one of {pool.name}"}


def _add_pool(
    case: Case,
    usage: Usage,
    pool: Pool,
    measured: dict[str, dict[str, Any]],
    found: UsageSections,
) -> None:
    first = pool.members[0].item
    item = None if pool.name else first
    name = pool.name or first
    label = _pool_label(usage, pool) if pool.name else measured[first]["label"]
    joined = join_bins([member.bins for member in pool.members])
    try:
        bill = bill_pool(case.terms, usage, pool.members)
    except TypeError as error:
        # The order lacks what the terms leave to it: nothing is priced until somebody says it.
        note: Text = {"zh": f"订单未写明所需事实：{error}", "en": str(error)}
        line = unpriced_line("over", usage.title, _unit(usage), None, note)
        _add_unpriced(case, usage, _Billed(name, label, item, (line,), ()), joined, found)
        return
    except ValueError as error:
        raise InputsRefusedError(f"usage {usage.id}, {name}: {error}") from error
    billed = _Billed(name, label, item, bill.lines, bill.steps)
    found.lines.append(
        {
            **_head(usage, billed, [measured[member.item] for member in pool.members]),
            **mode_head(usage),
            **_rates(bill),
            "unit": _unit(usage),
            "price": {
                "committed": None if bill.price_committed is None else str(bill.price_committed),
                "over": str(bill.price_over),
            },
            "amount": _money(case, bill.amount),
            "bins": {
                "expected": bill.expected,
                "present": bill.present,
                "missing": bill.expected - bill.present,
                "discarded": bill.billed.discarded if bill.billed else None,
                "rank": bill.billed.rank if bill.billed else None,
            },
            **_tail(usage, billed),
        }
    )
    found.charges.extend(_charges(case, usage, billed))
    if bill.quantity is None:
        found.warnings.append(
            {
                "zh": f"{label['zh']}：本期无任何计费点，未计超出费",
                "en": f"{label['en']}: no billing bin in the period, no overage billed",
            }
        )
    found.charts.append(chart_bins(case, f"{usage.id}.{name}", joined, usage))


def _money(case: Case, amount: Decimal) -> str:
    """Of amounts that are rounded already: a sum of no lines is written like the others."""
    return str(amount.quantize(Decimal(1).scaleb(-case.terms.decimals)))


def _rates(bill: Bandwidth) -> dict[str, Any]:
    return {
        "commit_bps": bill.commit_bps,
        "in_p95_bps": bill.in_p.value if bill.in_p else None,
        "out_p95_bps": bill.out_p.value if bill.out_p else None,
        "in_max_bps": bill.in_max,
        "out_max_bps": bill.out_max,
        "billed_bps": bill.billed_bps,
        "over_bps": bill.over_bps,
    }


def _head(usage: Usage, billed: _Billed, series: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`members` where several items are billed as one."""
    alone = len(series) == 1
    head = usage_head(usage, billed.name, billed.label, bins_file(series[0]) if alone else "")
    if billed.item is None:
        head["members"] = [
            {"item": entry["item"], "label": entry["label"], "series": bins_file(entry)}
            for entry in series
        ]
    return head


def _tail(usage: Usage, billed: _Billed) -> dict[str, Any]:
    return {
        "steps": [say_step(step, usage.clause) for step in billed.steps],
        "lines": [_say_priced(line, usage) for line in billed.lines],
    }


def _say_priced(line: PricedLine, usage: Usage) -> dict[str, Any]:
    quantity = line.quantity
    return {
        "key": line.key,
        "item": line.item or None,
        "text": line.text,
        "quantity": None if quantity is None else say_exact(quantity).replace(",", ""),
        "unit": line.unit,
        "unit_price": None if line.unit_price is None else str(line.unit_price),
        "factor": str(line.factor),
        "amount": None if line.amount is None else str(line.amount),
        "clause": usage.clause,
        "note": line.note,
    }


def _charges(case: Case, usage: Usage, billed: _Billed) -> Iterable[Charge]:
    """What comes to nothing is no line of the ledger, nor is what has no price."""
    for line in billed.lines:
        if not line.amount:
            continue
        said = say_line(line)
        text = {
            key: f"{billed.label[key]}{colon}{line.text[key]}"
            + (f" {said[key]} {case.terms.currency}" if line.quantity is not None else "")
            for key, colon in (("zh", "："), ("en", ": "))
        }
        yield Charge(
            f"usage:{usage.id}.{billed.name}:{line.key}",
            line.item or billed.item,
            usage.clause,
            line.amount,
            text,
        )


def _warn(billed: _Billed, found: UsageSections) -> None:
    for line in billed.lines:
        if line.note is None:
            continue
        found.warnings.append(
            {
                "zh": f"{billed.label['zh']}：{line.text['zh']}无法计价，未计入合计："
                f"{line.note['zh']}",
                "en": f"{billed.label['en']}: {line.text['en']} can't be priced and isn't in the "
                f"total: {line.note['en']}",
            }
        )


def _add_unpriced(
    case: Case, usage: Usage, billed: _Billed, bins: Bins | None, found: UsageSections
) -> None:
    expected = 0 if bins is None else len(bins)
    present = 0 if bins is None else int(bins.present(usage.min_cover).sum())
    steps = billed.steps or tuple(line_step(line) for line in billed.lines)
    shown = _Billed(billed.name, billed.label, billed.item, billed.lines, steps)
    found.lines.append(
        {
            **usage_head(usage, billed.name, billed.label, ""),
            **mode_head(usage),
            **dict.fromkeys(NO_RATES),
            "unit": _unit(usage),
            "price": {"committed": None, "over": None},
            "amount": None,
            "bins": _count(expected, present),
            **_tail(usage, shown),
        }
    )
    _warn(billed, found)
    if bins is not None:
        found.charts.append(chart_bins(case, f"{usage.id}.{billed.name}", bins, usage))


def _count(expected: int, present: int) -> dict[str, int | None]:
    return {
        "expected": expected,
        "present": present,
        "missing": expected - present,
        "discarded": None,
        "rank": None,
    }


def _add_power(
    case: Case, usage: Usage, item: Item, entry: dict[str, Any], found: UsageSections
) -> None:
    """Of all feeds of the item together."""
    measured = read_readings(case, usage, item)
    readings, present = measured.readings, measured.present
    try:
        bill = bill_power(case.terms, usage, readings, read_power_order(case, usage, entry))
    except ValueError as error:
        raise InputsRefusedError(f"item {item.id}: {error}") from error
    label = {
        key: f"{entry['label'][key]}{colon}{usage.title[key]}"
        for key, colon in (("zh", "，"), ("en", ", "))
    }
    billed = _Billed(item.id, label, item.id, bill.lines, bill.steps)
    committed = next((line.unit_price for line in bill.lines if line.key == "committed"), None)
    price = usage.price_over if isinstance(usage.price_over, Decimal) else None
    found.lines.append(
        {
            **usage_head(usage, item.id, label, ""),
            "percentile": None,
            "direction": None,
            "rank_rule": None,
            **dict.fromkeys(NO_RATES),
            "unit": bill.unit,
            "price": {
                "committed": None if committed is None else str(committed),
                "over": None if price is None else str(price),
            },
            "amount": None if bill.amount is None else _money(case, bill.amount),
            "bins": _count(bill.expected, present),
            **_tail(usage, billed),
            **_say_by_hand(case, readings),
        }
    )
    found.charges.extend(_charges(case, usage, billed))
    _warn(billed, found)
    found.warnings.extend(hand_warnings(case, label, measured.unmetered))
    if bill.quantity is not None and present < bill.expected:
        share = say_exact(Fraction(100 * present, bill.expected))
        found.warnings.append(
            {
                "zh": f"{label['zh']}：全部电表有读数的间隔为 {present:,} / {bill.expected:,}"
                f"（{share} %），缺失的未补",
                "en": f"{label['en']}: every meter was read in {present:,} of {bill.expected:,} "
                f"intervals ({share} %); what is missing is not filled in",
            }
        )


def _say_by_hand(case: Case, readings: Readings | None) -> dict[str, Any]:
    """Only where a meter was read by hand: other statements stay as they are."""
    if readings is None or not readings.by_hand:
        return {}
    return {
        "estimated": readings.estimated,
        "meters": hand_sections(case, readings.by_hand),
    }
