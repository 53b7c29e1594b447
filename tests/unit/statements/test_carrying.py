"""Credits of the next statement: taken once, corrected by the difference, ended as agreed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dcim.statements.accounting import list_lines
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.inputs import InputsRefusedError
from reports.render import page_markup
from reports.wording import words as words_of
from tests.statements.examples import breached_inputs
from tests.statements.test_usage_lines import CASES

SCHEMA = Path(__file__).parents[3] / "dcim" / "statements" / "statement.schema.json"
NEXT = "settle: {on: next_invoice}"
CARRY = "settle: {on: next_invoice, carry_forward: yes}"
LAPSE = "settle: {on: next_invoice, carry_forward: no}"
ENDED = "settle: {{on: next_invoice, at_end: {}}}"
EARNED = Decimal("1674.00")  # of the month, as the examples are made
FEES = Decimal("46672.32")  # rent and usage


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    return breached_inputs("en") | {"power": []}


def past(month: str, left: str, *used: tuple[str, str], revision: int = 1) -> dict[str, Any]:
    def name(period: str, revision: int) -> dict[str, Any]:
        return {
            "period": period, "number": f"SLA-{period}", "revision": revision, "sha256": "a" * 64,
        }  # fmt: skip

    others = [name(period, 1) | {"amount": amount} for period, amount in used]
    return name(month, revision) | {"left": left, "used": others}


def told(
    inputs: dict[str, Any], words: str, *earlier: dict[str, Any], end: str | None = None
) -> dict[str, Any]:
    """The statement, having passed what every statement must."""
    contract = inputs["contract"] | {"end": end}
    given = inputs | {
        "terms": f"{inputs['terms']}\n{words}\n", "earlier": list(earlier), "contract": contract,
    }  # fmt: skip
    statement = compose(given)
    data = statement.data
    assert compose(read_inputs(statement.attachments)).data == data
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(data))
    keys = [line["key"] for line in data["ledger"]]
    assert len(set(keys)) == len(keys)
    sums = {key: Decimal(value) for key, value in data["totals"].items() if key != "without"}
    assert sums["total"] == sum(Decimal(line["amount"]) for line in data["ledger"])
    assert sums["total"] == sum(value for key, value in sums.items() if key != "total")
    return data


def carried(data: dict[str, Any]) -> dict[str, Decimal]:
    return {
        line["key"]: Decimal(line["amount"]) for line in data["ledger"] if line["kind"] == "carried"
    }


def test_a_credit_of_the_next_invoice_takes_nothing_off_this_one(inputs: dict[str, Any]) -> None:
    data = told(inputs, NEXT)
    assert Decimal(data["totals"]["total"]) == FEES
    assert Decimal(data["totals"]["credits"]) == -EARNED
    assert carried(data) == {"left:2026-10": EARNED}
    assert data["verdict"]["text"]["en"].endswith("credits of CNY 1,674.00 on the next statement")
    assert data["verdict"]["text"]["zh"].endswith("服务抵扣 1,674.00 CNY（计入下期账单）")


def test_it_comes_off_the_following_statement_named_by_its_hash(inputs: dict[str, Any]) -> None:
    data = told(inputs, NEXT, past("2026-09", "300.00"))
    assert carried(data) == {"carried:2026-09": Decimal(-300), "left:2026-10": EARNED}
    assert Decimal(data["totals"]["total"]) == FEES - 300
    (entry,) = data["settlement"]["earlier"]
    assert (entry["number"], entry["revision"], entry["sha256"]) == ("SLA-2026-09", 1, "a" * 64)
    [row] = [row for row in list_lines(data) if row["line"] == "carried:2026-09"]
    assert row["note"] == "Credits of 2026-09 (statement SLA-2026-09, revision 1)"
    # Control: other amounts before, other numbers now.
    assert told(inputs, NEXT, past("2026-09", "301.00"))["totals"] != data["totals"]


def test_what_was_taken_is_not_taken_again_but_a_correction_is(inputs: dict[str, Any]) -> None:
    assert carried(told(inputs, NEXT, past("2026-08", "300.00", ("2026-09", "300.00")))) == {
        "left:2026-10": EARNED
    }
    for left, more in (("450.00", "-150.00"), ("0", "300.00")):
        entry = past("2026-08", left, ("2026-09", "300.00"), revision=2)
        assert carried(told(inputs, NEXT, entry))["carried:2026-08"] == Decimal(more)


def test_what_the_invoice_cannot_take_goes_on_or_lapses(inputs: dict[str, Any]) -> None:
    entries = (past("2026-08", "40000.00"), past("2026-09", "10000.00"))
    over = Decimal(50_000) - FEES
    data = told(inputs, CARRY, *entries)
    assert carried(data) == {
        "carried:2026-08": Decimal(-40_000),
        "carried:2026-09": Decimal(-10_000),
        "left:2026-09": over,
        "left:2026-10": EARNED,
    }
    assert Decimal(data["totals"]["total"]) == 0
    assert carried(told(inputs, LAPSE, *entries))["lapsed:2026-09"] == over
    # Not limited by the invoice where the terms don't say so.
    assert Decimal(told(inputs, NEXT, *entries)["totals"]["total"]) == -over


def test_nothing_lapses_while_a_usage_has_no_price() -> None:
    """Of an invoice nobody knows in full it isn't known what it can't take."""
    data = told(CASES["unknown"], LAPSE, past("2026-09", "99999.00"))
    assert data["totals"]["without"]
    assert not [key for key in carried(data) if key.startswith("lapsed")]
    assert "left:2026-09" in carried(data)


@pytest.mark.parametrize(
    ("words", "becomes", "key"),
    [
        (ENDED.format("lapses"), "lapses", "lapsed:2026-10"),
        (ENDED.format("voucher"), "voucher", "voucher:2026-10"),
        (ENDED.format("paid_out"), "paid_out", None),
        (NEXT, "open", "left:2026-10"),
    ],
)
def test_when_the_contract_ends_the_terms_decide(
    inputs: dict[str, Any], words: str, becomes: str, key: str | None
) -> None:
    data = told(inputs, words, end="2026-11-01")
    [leaves] = data["settlement"]["leaves"]
    assert (leaves["becomes"], Decimal(leaves["amount"])) == (becomes, EARNED)
    assert carried(data) == ({} if key is None else {key: EARNED})
    assert Decimal(data["totals"]["total"]) == FEES - (EARNED if key is None else 0)
    vouchers = data["settlement"].get("vouchers", {}).get("amount", "0")
    assert Decimal(vouchers) == (EARNED if becomes == "voucher" else 0)
    # A day later there is another statement to take it.
    assert carried(told(inputs, words, end="2026-11-02")) == {"left:2026-10": EARNED}


def test_of_this_invoice_only_what_is_above_it_goes_on(inputs: dict[str, Any]) -> None:
    free = "settle: {on: this_invoice, carry_forward: yes}"
    assert told(inputs, free)["totals"] == compose(inputs).data["totals"]
    # A cabinet for the one day on which it lost its power: 600.00 of rent.
    cabinet = inputs["items"][0] | {"start": "2026-10-13", "end": "2026-10-14"}
    resources = [one for one in inputs["resources"] if one["items"] == ["A05"]]
    day = inputs | {"items": [cabinet], "resources": resources, "incidents": [], "bandwidth": []}
    data = told(day, free)
    over = -Decimal(data["totals"]["credits"]) - 600
    assert over > 0
    assert carried(data) == {"left:2026-10": over}
    assert data["totals"]["total"] == "0.00"
    assert Decimal(compose(day).data["totals"]["total"]) == -over


def test_a_cap_by_the_invoice_needs_no_other_fact(inputs: dict[str, Any]) -> None:
    words = "settle: {on: this_invoice, carry_forward: no}"
    data = told(inputs, words)
    assert data["totals"] == compose(inputs).data["totals"]
    # Control: inputs that knew nothing of it leave the credits to a person.
    old = compose(inputs | {"terms": f"{inputs['terms']}\n{words}\n"}).data
    assert old["verdict"]["needs_review"]
    assert evaluate_inputs(inputs | {"terms": f"{inputs['terms']}\n{words}\n", "earlier": []})


def test_inputs_of_before_lead_to_what_they_led_to(inputs: dict[str, Any]) -> None:
    """Statements are issued already whose terms say so and whose inputs know no carrying."""
    for words in (NEXT, "tax: {rate: 6 %, mode: added, credit_is: net}", "settle: {as: voucher}"):
        data = compose(inputs | {"terms": f"{inputs['terms']}\n{words}\n"}).data
        assert {"settlement", "tax"}.isdisjoint(data)
        assert {"carried", "tax"}.isdisjoint(data["totals"])


@pytest.mark.parametrize(
    "entries",
    [
        [past("2026-10", "1.00")],
        [past("2026-11", "1.00")],
        [past("2026-13", "1.00")],
        [past("2026-09", "1.00"), past("2026-09", "2.00")],
        [past("2026-09", "1e9")],
    ],
)
def test_what_can_not_be_earlier_is_refused(
    inputs: dict[str, Any], entries: list[dict[str, Any]]
) -> None:
    with pytest.raises(InputsRefusedError, match="earlier 2026"):
        told(inputs, NEXT, *entries)


def test_vouchers_and_days_are_told(inputs: dict[str, Any]) -> None:
    data = told(inputs, "settle: {as: voucher, expires: 365 d}")
    assert data["settlement"]["vouchers"] == {
        "amount": "1674.00", "expires_at": "2027-10-31T16:00:00Z",
    }  # fmt: skip
    assert Decimal(data["totals"]["total"]) == FEES
    days = "settle: {as: extension, day_value: mrc/30, whole_days: up}"
    free = inputs | {"terms": inputs["terms"].replace("  month: 100 %\n", "")}
    (one,) = told(free, days)["settlement"]["extensions"]
    # 1674.00 of a cabinet of 18600.00 a month: 2.7 days.
    assert (one["item"], one["amount"], one["days"]) == ("A05", "1674.00", "3")


@pytest.mark.parametrize(
    ("mode", "credit_is", "gross"),
    [
        ("included", "gross", "44998.32"),
        # Each line by itself, rounded once.
        ("added", "net", "47698.22"),
        ("included", "net", "44897.88"),
        ("added", "gross", "47798.66"),
    ],
)
def test_tax_is_told_line_by_line_and_the_total_is_what_is_due(
    inputs: dict[str, Any], mode: str, credit_is: str, gross: str
) -> None:
    words = f"tax: {{rate: 6 %, mode: {mode}, credit_is: {credit_is}}}"
    data = told(inputs, words)
    tax = data["tax"]
    assert (data["totals"]["total"], tax["gross"]) == (gross, gross)
    for part in ("net", "tax", "gross"):
        assert Decimal(tax[part]) == sum(Decimal(line[part]) for line in tax["lines"])
    assert Decimal(tax["net"]) + Decimal(tax["tax"]) == Decimal(tax["gross"])
    # What is left to the next statement and taken there cancels to the cent.
    there = told(inputs, f"{words}\n{NEXT}")["tax"]["lines"]
    here = told(inputs, f"{words}\n{NEXT}", past("2026-09", str(EARNED)))["tax"]["lines"]
    left = next(line for line in there if line["key"] == "left:2026-10")
    taken = next(line for line in here if line["key"] == "carried:2026-09")
    assert [Decimal(left[part]) + Decimal(taken[part]) for part in ("net", "tax", "gross")] == [
        0, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_printed(language: str) -> None:
    given = breached_inputs(language) | {"power": []}
    words = f"{CARRY}\ntax: {{rate: 6 %, mode: added, credit_is: net}}"
    data = told(given, words, past("2026-08", "900.00", ("2026-09", "600.00"), revision=2))
    printed = page_markup(data, small=False)
    for text in ("a" * 64, "SLA-2026-08", "900.00", "600.00", "300.00", data["tax"]["net"]):
        shown = text if "." not in text else f"{Decimal(text):,}"
        assert shown in printed, text
    said = {"zh": ("抵扣的结算", "不含税小计", "税 6 %", "留待下期账单", "从下期账单中抵扣"),
            "en": ("What became of the credits", "Subtotal without tax", "Tax 6 %",
                   "left to the next statement", "taken off the next invoice")}  # fmt: skip
    for text in said[language]:
        assert text in printed, text
    # Control: what says nothing of it prints nothing of it.
    plain = page_markup(compose(given).data, small=False)
    assert not [text for text in said[language] if text in plain]
    assert words_of(language)["automatic"] in plain
    assert words_of(language)["automatic"] not in printed
