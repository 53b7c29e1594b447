"""What becomes of credits, from files: the worked cases of money in the report and its words."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dcim.sla.rules.files.facts import load_facts
from dcim.sla.rules.files.report import report_evaluation
from dcim.sla.rules.files.report_words import say_report
from dcim.sla.rules.files.usage_report import Report
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.quantities import grouped
from tests.unit.sla.test_cases import read_case
from tests.unit.sla.test_facts_loading import dump
from tests.unit.sla.test_money_cases import CASES
from tests.unit.sla.test_sla_commands import REPORT


def report_case(path: Path) -> tuple[dict[str, Any], Report]:
    case = read_case(path)
    for item in case["facts"]["items"]:
        if "start" in item:
            item["from"] = item.pop("start")
    terms = load_terms(case["terms"])
    report = report_evaluation(terms, load_facts(dump(case), terms, provisional=True))
    REPORT.validate(report)
    return case["expected"], report


def find_case(name: str) -> tuple[Report, str]:
    """The report of a case, and its text in English."""
    (path,) = [path for path in CASES if path.stem == name]
    report = report_case(path)[1]
    return report, "\n".join(say_report(report, "en"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_report_tells_what_was_worked_out(path: Path) -> None:
    expected, report = report_case(path)
    for result in report["results"]:
        want = dict(expected["metrics"][result["id"]])
        assert want.pop("note", "") in " / ".join(note["en"] for note in result["notes"])
        got = {"result": result["result"], "credit": result["credit"]["amount"]}
        settled = result["settlement"]
        if settled is not None:
            got |= {
                "state": settled["state"],
                "settled": settled["amount"],
                "until": settled["until"] or "",
            }
        assert {key: got.get(key) for key in want} == want
    credits = report["credits"]
    totals = {
        "credit_total": credits["total"],
        "claimable_total": credits["claimable"],
        "voucher_total": credits["vouchers"],
        "carried": str(credits["carried"]),
        "caps": [line["key"] for line in report["caps"]],
        "extensions": {each["item"]: each["days"] for each in report["extensions"]},
        "tax": [
            f"{line['key']}: {line['net']} + {line['tax']} = {line['gross']}"
            for line in report["tax"]
        ],
        "rights": {
            right["result"]: ("yes" if right["reached"] else "no")
            if right["known"]
            else "not known"
            for right in report["rights"]
        },
    }
    want = {key: value for key, value in expected.items() if key != "metrics"}
    assert {key: totals[key] for key in want} == want
    for language in ("zh", "en"):
        text = "\n".join(say_report(report, language))
        for key in ("claimable", "vouchers", "carried"):
            if Decimal(credits[key] or 0):
                assert credits[key] in text.replace(",", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "ntt-claim-still-possible",
            [
                "Settlement: a credit on this invoice: not claimed yet; booked 0.00 USD; ",
                "may be claimed 300.00 USD; deadline of claims 2026-08-30 00:00:00",
                "May be claimed beside: 300.00 USD",
            ],
        ),
        (
            "tencent-voucher-of-cash-paid",
            [
                "a voucher: booked 750.00 CNY",
                "claimed at 2026-07-15 00:00:00",
                "Vouchers in total: 600.00 CNY",
                "Combination and caps of vouchers and days:",
            ],
        ),
        ("cogent-claimed-too-late", ["claimed too late; booked 0.00"]),
        ("fsou-prepaid-extension-of-the-term", ["Term extended (", "days, in place of"]),
        ("telus-two-months-and-an-unknown-one", ["net.s NOT KNOWN, facts are missing:"]),
        ("telus-three-months-in-a-row", ["net.s REACHED:", "to be exercised until"]),
        ("china-tax-included-credit-gross", ["Tax of the credits (net + tax = gross):"]),
        ("carry-forward-of-what-the-invoice-cannot-take", ["carried forward:"]),
        ("year-cap-with-what-was-given-before", ["\u221250.00 USD"]),
    ],
)
def test_the_printed_text_says_it(name: str, said: list[str]) -> None:
    text = find_case(name)[1]
    for each in said:
        assert each in text
    assert "after review" not in text


def test_what_is_taken_back_keeps_its_sign() -> None:
    assert [grouped(text) for text in ("-0.50", "-1234.5", "1234.50")] == [
        "-0.50",
        "-1,234.5",
        "1,234.50",
    ]
