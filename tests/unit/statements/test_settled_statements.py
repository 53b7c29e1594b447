"""What a statement makes of credits that must be claimed or are given as vouchers or days."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dcim.statements.composition import compose
from reports.pages import rights
from reports.render import page_markup
from reports.wording import WORDS
from tests.statements.examples import breached_inputs

SCHEMA = Path(__file__).parents[3] / "dcim" / "statements" / "statement.schema.json"


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    return breached_inputs("en")


def settled(inputs: dict[str, Any], words: str) -> dict[str, Any]:
    claims: dict[str, Any] = {"claims": []} if "on_claim" in words else {}
    return compose({**inputs, **claims, "terms": f"{inputs['terms']}\n{words}\n"}).data


def credits_of(data: dict[str, Any]) -> Decimal:
    lines = [line for line in data["ledger"] if line["kind"] in ("credit", "cap")]
    booked = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    assert Decimal(data["totals"]["credits"]) == booked
    assert Decimal(data["verdict"]["credits"]) == booked
    return booked


def test_an_automatic_credit_is_booked_as_without_a_word(inputs: dict[str, Any]) -> None:
    plain = compose(inputs).data
    assert credits_of(plain) < 0
    said = settled(inputs, "settle: {as: credit, on: this_invoice, cash: no}")
    assert said["ledger"] == plain["ledger"]
    assert said["totals"] == plain["totals"]


@pytest.mark.parametrize(
    "words",
    [
        "settle: {as: voucher}",
        "settle: {when: on_claim, claim: {within: 60 d, from: period_end}}",
    ],
)
def test_what_is_no_money_yet_takes_nothing_off(inputs: dict[str, Any], words: str) -> None:
    data = settled(inputs, words)
    assert credits_of(data) == 0
    assert data["verdict"]["result"] == "breached"


def test_a_credit_to_be_claimed_is_told_with_its_deadline(inputs: dict[str, Any]) -> None:
    words = "settle: {when: on_claim, claim: {within: 60 d, from: period_end}}"
    notes = [note["en"] for metric in settled(inputs, words)["metrics"] for note in metric["notes"]]
    assert any(re.search(r"may be claimed until \d{4}-\d\d-\d\d", note) for note in notes)


def test_a_yearly_cap_without_the_earlier_months_books_nothing(inputs: dict[str, Any]) -> None:
    known = settled(inputs, "settle: {as: credit}")
    assert known["verdict"]["breached"]
    terms = re.sub(r"(?m)^caps:\n", "caps:\n  year: 5 %\n", inputs["terms"])
    assert terms != inputs["terms"]
    data = compose({**inputs, "terms": terms}).data
    began = max(inputs["contract"]["start"], min(item["start"] for item in inputs["items"]))
    assert began < f"{inputs['period']}-01"  # so there are earlier months, and nobody told them
    assert credits_of(data) == 0
    assert data["verdict"]["needs_review"]


def test_a_right_that_hangs_on_unknown_months_is_not_said_to_be_unreached(
    inputs: dict[str, Any],
) -> None:
    plain = compose(inputs).data["termination"]
    assert all("known" not in right for right in plain)
    rule = "  - {when: consecutive missed periods >= 3}"
    terms = re.sub(r"(?m)^termination:\n", f"termination:\n{rule}\n", inputs["terms"])
    assert terms != inputs["terms"]
    data = compose({**inputs, "terms": terms}).data
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(data))
    unknown = [right for right in data["termination"] if right.get("known") is False]
    missed = {m["id"] for m in data["metrics"] if m["result"] in ("breached", "needs_review")}
    assert {right["metric"] for right in unknown} == missed
    shown = rights(data, "en", {name: said[1] for name, said in WORDS.items()})
    told = [row for row in shown if not row["known"]]
    assert told
    assert all("not known" in row["value"] and not row["reached"] for row in told)


@pytest.mark.parametrize(
    ("claim", "state", "zh", "en"),
    [
        (
            {},
            "not_claimed",
            "未在期限 2026-11-01 00:30 之前申请",
            "not claimed before the deadline",
        ),
        (
            {"made_at": "2026-10-31T17:00:00Z"},
            "late",
            "申请逾期：2026-11-01 01:00 提出",
            "claimed too late: on 2026-11-01 01:00",
        ),
        (
            {"made_at": "2026-10-31T16:10:00Z", "refused": "无断电记录"},
            "refused",
            "2026-11-01 00:10 的申请未获接受：无断电记录",
            "the claim of 2026-11-01 00:10 was refused: 无断电记录",
        ),
    ],
)
def test_what_happened_to_a_claim_is_told(
    inputs: dict[str, Any], claim: dict[str, str], state: str, zh: str, en: str
) -> None:
    words = "settle: {when: on_claim, claim: {within: 30 min, from: period_end}}"
    claims = [{"id": "1", "results": ["power.A05"]} | claim] if claim else []
    terms = f"{inputs['terms']}\n{words}\n"
    data = compose(inputs | {"terms": terms, "claims": claims, "earlier": []}).data
    (power,) = [metric for metric in data["metrics"] if metric["id"] == "power.A05"]
    assert power["result"] == "not_eligible"
    assert power["notes"][-1]["zh"].startswith(zh)
    assert power["notes"][-1]["en"].startswith(en)
    states = {one["metric"]: one["state"] for one in data["settlement"]["credits"]}
    assert states["power.A05"] == state
    assert credits_of(data) == 0
    label = {key: said[0] for key, said in WORDS.items()}[f"claim_{state}"]
    assert label in page_markup(data | {"language": "zh"}, small=False)
