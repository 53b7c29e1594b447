"""Usage of a facts file: published clauses from files, pools once, what can't be billed."""

import datetime as dt
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcim.sla.rules.files.facts import FactsRefusedError, load_facts
from dcim.sla.rules.files.report import report_evaluation
from dcim.sla.rules.files.report_words import say_report
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.terms import Terms, Usage
from tests.unit.sla.test_cases import read_case
from tests.unit.sla.test_sla_commands import REPORT
from tests.unit.sla.test_usage_clauses import (
    CASES,
    DAY_MS,
    day_numbers,
    month_first,
    paint,
    service,
)

COLUMNS = {"kw": "kw", "kva": "kva", "a": "a"}


def stamp(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat()


def table(case: dict[str, Any], item: dict[str, Any], usage: Usage) -> str:
    """The samples of an item as a CSV file; "" where its usage needs none."""
    step = usage.peak_of_ms or usage.interval_ms
    low = service(case, item)[0]
    gap = paint(case, item, [line | {"mbps": "1"} for line in item.get("unmeasured", [])], step)
    if usage.method == "percentile":
        head = "from,to,in_octets,out_octets"
        columns = [paint(case, item, item.get(key, []), step) for key in ("in", "out")]
        columns = [
            [int(Decimal(cell or 0) * 10**6 * step / 8000) for cell in column] for column in columns
        ]
    else:
        found = [key for key in COLUMNS if key in item]
        if not found:
            return ""
        head = f"from,to,{COLUMNS[found[0]]}"
        columns = [paint(case, item, item[found[0]], step)]
    rows = [head]
    cells = [
        (index * step // DAY_MS, ("",) * len(columns) if hole or None in each else tuple(each))
        for index, (hole, *each) in enumerate(zip(gap, *columns, strict=True))
    ]
    at = low
    for (_, each), run in groupby(cells):  # one line for all intervals of a day that are alike
        count = len(list(run))
        times = count if usage.method == "percentile" and each[0] != "" else 1
        said = [str(cell * times) if times > 1 else str(cell) for cell in each]
        rows.append(",".join([stamp(at), stamp(at + count * step), *said]))
        at += count * step
    return "\n".join(rows)


def order(case: dict[str, Any], item: dict[str, Any], usage: Usage) -> dict[str, Any]:
    """The words of the case as a facts file has them."""
    power = usage.power
    unit = f" {power.unit}" if usage.method == "committed_power" and power else ""
    said: dict[str, Any] = {
        key: item[key] for key in ("commit", "port", "group", "rating", "amperes") if key in item
    }
    for key in ("commit", "rating"):
        if key in said:
            said[key] = f"{said[key]}{unit}"
    if "amperes" in said:
        said["amperes"] = f"{said['amperes']} A"
    if "pue" in item:
        pue = item["pue"]
        said["pue"] = {"facility": f"{pue['facility_kwh']} kWh", "it": f"{pue['it_kwh']} kWh"}
        if "days" in pue:
            end = month_first(case) + day_numbers(pue["days"])[1] * DAY_MS
            said["pue"]["to"] = stamp(end)
    return said


def files(case: dict[str, Any], terms: Terms) -> tuple[str, dict[str, str]]:
    items, rows, tables = [], [], {}
    for name, item in case["items"].items():
        low, high, _ = service(case, item)
        words = {"id": name, "kind": terms.usage[0].applies_to[0], "mrc": "1.00"}
        words |= {"from": stamp(low), "to": stamp(high)}
        items.append(words | {key: item[key] for key in ("site",) if key in item})
        for usage in terms.usage:
            row = {"usage": usage.id, "item": name, **order(case, item, usage)}
            if usage.method not in ("flat", "breakered"):
                file = f"{usage.id}-{name}.csv"
                tables[file] = table(case, item, usage)
                if not tables[file]:
                    continue  # what nobody measured has no row
                row["samples"] = file
            rows.append(row)
    document = {"period": case["month"], "items": items, "usage": rows}
    return yaml.safe_dump(document, allow_unicode=True), tables


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_clause_of_usage_comes_out_of_files_as_worked_out(path: Path) -> None:
    case = read_case(path)
    terms = load_terms(case["terms"])
    text, tables = files(case, terms)
    file = load_facts(text, terms, beside=tables.__getitem__)
    report = report_evaluation(terms, file)
    REPORT.validate(report)
    for language in ("zh", "en"):
        assert say_report(report, language)
    found = {(line["usage"], line["pool"] or line["items"][0]): line for line in report["usage"]}
    if terms.usage[0].pool:
        assert len(found) == len(report["usage"]) == len(case["expected"])
    for place, want in case["expected"].items():
        name, _, which = place.partition("/")
        line = found[which or terms.usage[0].id, name]
        if "unpriced" in want:
            assert line["amount"] is None
            assert report["usage_total"] is None
            if line["intervals"] is not None:
                assert [note["en"] for note in line["missing"]] == [want["unpriced"]]
            continue
        assert (line["amount"], line["missing"]) == (str(Decimal(want["amount"])), [])
        lines = {each["key"]: each["amount"] for each in line["lines"]}
        assert lines == want.get("lines", lines)
        assert sum(Decimal(each) for each in lines.values()) == Decimal(line["amount"])


POOL = """
terms: t
version: "1"
title: {zh: 条款, en: Terms}
currency: USD
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
usage:
  bandwidth:
    title: {zh: 带宽, en: Bandwidth}
    applies_to: port
    method: percentile
    percentile: 95
    interval: 300 s
    direction: in
    rank: nearest
    missing: dropped
    min_cover: 50 %
    pool: POOL
    price: {over: 6.00}
"""
ITEMS = "period: 2025-10\nitems:\n  - {id: A, kind: port, mrc: 1, site: S}\n"
ROW = "samples: {start: 2025-10-01, every: 300 s, unit: Mbit/s, in: [10], out: [0]}"


def usage_of(terms: str, facts: str) -> list[Any]:
    loaded = load_terms(terms)
    report = report_evaluation(loaded, load_facts(facts, loaded))
    REPORT.validate(report)
    return [
        (line["pool"], line["items"], line["amount"], [each["en"] for each in line["missing"]])
        for line in report["usage"]
    ]


def rows(*names: str, more: str = "") -> str:
    said = "".join(f"  - {{usage: bandwidth, item: {name}{more}, {ROW}}}\n" for name in names)
    return f"usage:\n{said}"


def test_items_of_a_pool_are_billed_once() -> None:
    facts = ITEMS + "  - {id: B, kind: port, mrc: 1, site: S}\n" + rows("A", "B")
    # 10 + 10 in the one interval of both: 20 at 6
    assert usage_of(POOL.replace("POOL", "contract"), facts) == [
        ("contract", ["A", "B"], "120.00", [])
    ]
    assert usage_of(POOL.replace("POOL", "site"), facts) == [("S", ["A", "B"], "120.00", [])]


def test_a_pool_without_the_samples_of_a_member_is_not_billed() -> None:
    facts = ITEMS + "  - {id: B, kind: port, mrc: 1, site: S}\n" + rows("A")
    assert usage_of(POOL.replace("POOL", "contract"), facts) == [
        ("contract", ["A", "B"], None, ["B: neither its order nor samples are known"])
    ]


def test_an_item_whose_pool_is_not_known_stops_every_pool() -> None:
    facts = ITEMS + "  - {id: B, kind: port, mrc: 1}\n" + rows("A", "B")
    said = ["B: its site isn't known"]
    assert usage_of(POOL.replace("POOL", "site"), facts) == [
        ("S", ["A"], None, said),
        (None, ["B"], None, said),
    ]
    facts = ITEMS + "  - {id: B, kind: port, mrc: 1}\n" + rows("A", more=", group: burst")
    assert usage_of(POOL.replace("POOL", "burst"), facts) == [
        ("burst", ["A"], None, ["B: its order isn't known"]),
        (None, ["B"], None, ["B: its order isn't known"]),
    ]


def test_a_share_of_a_port_that_nobody_ordered_has_no_price() -> None:
    terms = POOL.replace("    pool: POOL\n", "    port: item\n    at_least: 20 % of port\n")
    assert usage_of(terms, ITEMS + rows("A")) == [
        (None, ["A"], None, ["A: the order doesn't name the port's rate"])
    ]
    # 20 % of 100 is more than 10: 20 at 6
    assert usage_of(terms, ITEMS + rows("A", more=", port: 100 Mbit/s")) == [
        (None, ["A"], "120.00", [])
    ]


def test_nothing_measured_is_said_beside_the_amount() -> None:
    terms = load_terms(POOL.replace("POOL", "contract"))
    facts = (ITEMS + rows("A")).replace("in: [10], out: [0]", "in: ['-'], out: ['-']")
    (line,) = report_evaluation(terms, load_facts(facts, terms))["usage"]
    assert line["intervals"]["present"] == 0
    assert [note["en"] for note in line["notes"]] == [
        "nothing was measured in the period: the amount holds nothing above the commit"
    ]


@pytest.mark.parametrize(("value", "notes"), [("'-'", 1), ("0", 0)])
def test_a_meter_that_nobody_read_is_told_from_one_that_stood_still(value: str, notes: int) -> None:
    terms = load_terms(POWER + "    method: energy\n    price: 1.00\n")
    samples = f"samples: {{start: 2025-10-01, every: 15 min, unit: kWh, values: [{value}]}}"
    facts = f"{ITEMS}usage: [{{usage: power, item: A, {samples}}}]\n"
    (line,) = report_evaluation(terms, load_facts(facts, terms))["usage"]
    assert (line["amount"], len(line["notes"])) == ("0.00", notes)


POWER = """
terms: t
version: "1"
title: {zh: 条款, en: Terms}
currency: USD
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
usage:
  power:
    title: {zh: 电力, en: Power}
    applies_to: port
"""


HALF = """method: committed_power
    unit: kW
    measured_as: highest
    missing: dropped
    commit: 50 % of rating
    price: {over: 2.00}"""


@pytest.mark.parametrize(
    ("terms", "order", "amount", "missing"),
    [
        ("method: breakered\n    price: item", "price: 15.00", None, "its amperes"),
        ("method: breakered\n    price: item", "price: 15.00, amperes: 20 A", "300.00", ""),
        ("method: flat\n    price: 800.00", None, "800.00", ""),
        ("method: flat\n    price: item", None, None, "its price"),
        # half of 10 kW is agreed, 8 measured: 3 above at 2
        (
            HALF,
            "rating: 10 kW, KW",
            "6.00",
            "",
        ),
        (
            HALF,
            "KW",
            None,
            "its rating",
        ),
        ("method: energy\n    pue: measured\n    price: 1.00", "KW", None, "the measured PUE"),
        # 8 kW for a quarter hour are 2 kWh, x 1.5
        (
            "method: energy\n    pue: measured\n    price: 1.00",
            "pue: {facility: 1.5 MWh, it: 1000 kWh}, KW",
            "3.00",
            "",
        ),
        # one quarter hour of the 2976 of October is no half of them
        (
            "method: energy\n    min_coverage: 50 %\n    price: 1.00",
            "KW",
            None,
            "too little was measured: 1 / 2,976 intervals",
        ),
    ],
)
def test_power_names_what_it_lacks(
    terms: str, order: str | None, amount: str | None, missing: str
) -> None:
    samples = "samples: {start: 2025-10-01, every: 15 min, unit: kW, values: [8]}"
    facts = ITEMS
    if order is not None:
        facts += f"usage: [{{usage: power, item: A, {order.replace('KW', samples)}}}]\n"
    ((_, _, found, said),) = usage_of(f"{POWER}    {terms}\n", facts)
    assert found == amount
    assert bool(said) == bool(missing)
    assert missing in "".join(said)


def test_energy_of_an_interval_measured_in_part_is_billed_but_no_coverage() -> None:
    terms = load_terms(POWER + "    method: energy\n    included: 1 kWh\n    price: 1.00\n")
    samples = "samples: {start: 2025-10-01, every: 5 min, unit: kWh, values: [1, 1, 1, 1]}"
    facts = f"{ITEMS}usage: [{{usage: power, item: A, {samples}}}]\n"
    (line,) = report_evaluation(terms, load_facts(facts, terms))["usage"]
    # a whole quarter hour of 3 kWh and a third of one of 1 kWh, 1 kWh of them free
    assert (line["amount"], line["intervals"]["present"]) == ("3.00", 1)


@pytest.mark.parametrize(
    ("terms", "row", "said"),
    [
        ("method: flat\n    price: 8.00", "samples: m.csv", "aren't needed"),
        ("method: energy\n    price: 8.00", f"pue: {{facility: 1 kWh, it: 1 kWh}}, {ROW}",
         "pue: is not asked for"),
        ("method: energy\n    price: 8.00", "price: 1.00", "price is not asked for"),
        ("method: energy\n    price: item", "samples: m.csv", "price is missing"),
        ("method: energy\n    price: 8.00", "amperes: 16 A", "amperes is not asked for"),
    ],
)  # fmt: skip
def test_orders_that_say_what_the_terms_do_not_ask_are_refused(
    terms: str, row: str, said: str
) -> None:
    facts = f"{ITEMS}usage: [{{usage: power, item: A, {row}}}]\n"
    with pytest.raises(FactsRefusedError, match=said):
        load_facts(facts, load_terms(f"{POWER}    {terms}\n"))


def test_rows_of_one_item_that_can_not_be_added_are_refused() -> None:
    two = "".join(
        f"  - {{usage: power, item: A, amperes: 16 A, price: {price}}}\n" for price in (15, 16)
    )
    terms = load_terms(f"{POWER}    method: breakered\n    price: item\n")
    with pytest.raises(FactsRefusedError, match="the price ordered differs from another row of A"):
        load_facts(f"{ITEMS}usage:\n{two}", terms)
    # 16 + 16 A at 15
    same = two.replace("price: 16", "price: 15")
    file = load_facts(f"{ITEMS}usage:\n{same}", terms)
    assert report_evaluation(terms, file)["usage_total"] == "480.00"
    circuit = load_terms(f"{POWER}    method: flat\n    price: 8.00\n")
    twice = "usage: [{usage: power, item: A}, {usage: power, item: A}]"
    with pytest.raises(FactsRefusedError, match="an item is one circuit"):
        load_facts(f"{ITEMS}{twice}\n", circuit)
