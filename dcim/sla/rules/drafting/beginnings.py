"""What a promise or a usage begins with when it is added to a form, and how tables grow."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from dcim.records.fields import mark
from dcim.sla.rules.drafting.controls import Choices
from dcim.sla.rules.drafting.editing import emit_word
from dcim.sla.rules.drafting.sheet import Values, blocks_of, read_sheet
from dcim.sla.rules.drafting.tables import part_of, rows_of

KINDS: Choices = (
    ("power_both", mark("Power, both feeds")),
    ("power_single", mark("Power, a single feed")),
    ("network", mark("Network")),
    ("temperature", mark("Temperature")),
    ("response", mark("Response time")),
    ("bandwidth", mark("Bandwidth, 95th percentile")),
    ("energy", mark("Energy, by the kWh")),
)
_MAINTENANCE = {"class": "maintenance", "notice": "72 h", "effect": "out_of_both"}
_UNKNOWN = {
    "counts_as": "left_out",
    "bridge": "2 min",
    "bridge_up": "2 min",
    "min_coverage": "95 %",
}
_OUTAGES: dict[str, Any] = {
    "event_rounding": "none",
    "unknown": _UNKNOWN,
    "exclude": [_MAINTENANCE],
}
_AVAILABILITY = {
    "form": "tiers_availability",
    "tiers": [
        {"from": "99.0 %", "below": "99.9 %", "credit": "10 %"},
        {"from": "0 %", "below": "99.0 %", "credit": "25 %"},
    ],
    "cap": "100 %",
}
_DURATION = {
    "form": "tiers_duration",
    "tiers": [
        {"above": "0 min", "up_to": "45 min", "credit": "5 %"},
        {"above": "45 min", "credit": "10 %"},
    ],
    "cap": "100 %",
}
_BEGIN: dict[str, tuple[str, dict[str, Any]]] = {
    "power_both": (
        "metrics.power",
        {
            "title": {"zh": "供电可用率", "en": "Power availability"},
            "kind": "power",
            "applies_to": ["cabinet", "rack"],
            "observe": "power_feed",
            "combine": "all",
            **_OUTAGES,
            "target": "no downtime",
            "credit": _DURATION,
        },
    ),
    "power_single": (
        "metrics.power",
        {
            "title": {"zh": "单路供电可用率", "en": "Power availability, single feed"},
            "kind": "power",
            "applies_to": ["cabinet", "rack"],
            "observe": "power_feed",
            "combine": "any",
            **_OUTAGES,
            "target": "availability >= 99.9 %",
            "credit": _AVAILABILITY,
        },
    ),
    "network": (
        "metrics.network",
        {
            "title": {"zh": "网络端口可用率", "en": "Network port availability"},
            "kind": "network",
            "applies_to": "bandwidth",
            "observe": "port",
            "combine": "single",
            "qualify": "at_least 60 s",
            **_OUTAGES,
            "target": "availability >= 99.9 %",
            "credit": _AVAILABILITY,
        },
    ),
    "temperature": (
        "metrics.temperature",
        {
            "title": {"zh": "冷通道温度", "en": "Cold aisle temperature"},
            "kind": "temperature",
            "applies_to": ["cabinet", "rack"],
            "observe": "temperature",
            "limit": {"from": "18 degC", "up_to": "27 degC"},
            "combine": "any",
            "qualify": "longer_than 30 min",
            **_OUTAGES,
            "target": "no downtime",
            "credit": {
                "form": "per_increment",
                "increment": "1 h",
                "counted": "started",
                "each": "2 %",
                "cap": "20 %",
            },
        },
    ),
    "response": (
        "metrics.response",
        {
            "title": {"zh": "故障响应时间", "en": "Response to faults"},
            "kind": "response",
            "applies_to": "cabinet",
            "answers": {"to": "fault", "within": "30 min"},
            "target": "no downtime",
            "credit": {"form": "per_event", "each": "1 %", "cap": "20 %"},
        },
    ),
    "bandwidth": (
        "usage.bandwidth",
        {
            "title": {"zh": "月95带宽", "en": "Bandwidth, 95th percentile of the month"},
            "applies_to": "bandwidth",
            "method": "percentile",
            "percentile": "95",
            "commit": "item",
            "price": {"committed": "item", "over": "item"},
            "interval": "300 s",
            "direction": "higher_percentile",
            "rank": "nearest",
            "missing": "dropped",
            "min_cover": "50 %",
        },
    ),
    "energy": (
        "usage.energy",
        {
            "title": {"zh": "电度电费", "en": "Energy"},
            "applies_to": "cabinet",
            "method": "energy",
            "price": "0.85",
            "interval": "15 min",
            "min_coverage": "95 %",
        },
    ),
}


def begin_text(currency: str, zone: str) -> str:
    """Words that every document needs, for a contract that has none yet."""
    words = {
        "terms": "standard",
        "version": "1",
        "title": {"zh": "服务等级条款", "en": "Service levels"},
        "currency": currency,
        "rounding": "half_up to 0.01",
        "time_zone": zone,
        "period": "calendar_month",
    }
    return "".join(f"{line}\n" for word in words for line in emit_word(word, words[word], 0))


def add_block(values: Mapping[str, str], kind: str, others: Collection[str] = ()) -> Values:
    """With one more promise or usage at the end, whole; the same for a kind nobody knows.

    `others` are names taken by what the form doesn't show.
    """
    if kind not in _BEGIN:
        return dict(values)
    block, words = _BEGIN[kind]
    group = block.partition(".")[0]
    taken, free, count = {*blocks_of(values), *others}, block, 2
    while free in taken:
        free, count = f"{block}-{count}", count + 1
    lines = emit_word(group, {free.partition(".")[2]: words}, 0)
    added = read_sheet("\n".join(lines)).values
    return {**values, **added}


def drop_block(values: Mapping[str, str], block: str) -> Values:
    return {name: value for name, value in values.items() if not name.startswith(f"{block}.")}


def add_row(values: Mapping[str, str], table: str) -> Values:
    """With an empty row at the end of a table, which begins where the one before ends."""
    rows = rows_of(part_of(values, table))
    last = rows[-1] if rows else {}
    new = {name.replace("high", "low"): value for name, value in last.items() if "high" in name}
    return {**values, **_number(table, [*rows, new or {"new": ""}])}


def drop_row(values: Mapping[str, str], table: str, number: int) -> Values:
    """Without the row of that number, counted from 1 in the order they stand."""
    rows = rows_of(part_of(values, table))
    kept = [row for index, row in enumerate(rows, 1) if index != number]
    others = {
        name: value
        for name, value in values.items()
        if not re.match(rf"{re.escape(table)}\.[1-9][0-9]*\.", name)
    }
    return {**others, **_number(table, kept)}


def _number(table: str, rows: list[dict[str, str]]) -> Values:
    return {
        f"{table}.{index}.{name}": value
        for index, row in enumerate(rows, 1)
        for name, value in row.items()
    }
