"""What terms may say of money and what they may not; each refusal beside a form that loads."""

import re
from pathlib import Path
from typing import get_args

import pytest

from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.terms import Base, CreditForm
from tests.unit.sla.test_credits import terms

FLAT = "target: no downtime\ncredit: {form: flat, give: 10 %}"


def refused(text: str) -> str:
    with pytest.raises(TermsRefusedError) as caught:
        load_terms(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        ("base: rent", "choices: item, item_rent, contract, site, invoice", "base: site"),
        ("fee_of: week", "week_value: is missing", "fee_of: week, week_value: mrc*7/30"),
        ("week_value: mrc*7/30", "only with fee_of: week", "fee_of: week, week_value: mrc*7/days"),
        ("cap_event: 5 %", "outage by outage", "cap: 5 %"),
        ("cap: 1 day", "day_value: is missing", "cap: 1 day, day_value: mrc/30"),
    ],
)
def test_words_of_a_flat_credit(wrong: str, said: str, right: str) -> None:
    def flat(more: str) -> str:
        return terms(f"target: no downtime\ncredit: {{form: flat, give: 10 %, {more}}}")

    assert said in refused(flat(wrong))
    load_terms(flat(right))


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        ("after: 100 %", "less than the whole", "after: 0.1 %"),
        ("after: 5 min, beyond: target", "one of them", "beyond: target"),
        ("beyond: cap", "choices: target", "beyond: target"),
        ("beyond: target, per: event", "not with per: event", "after: 5 min, per: event"),
        ("after: 1 %, per: event", "not free in each outage", "after: 1 %"),
        ("cap_event: 5 %", "per: event", "cap_event: 5 %, per: event"),
        ("cap_day: 1 day, per: event", "day_value: is missing", "cap_day: 9 %, per: event"),
        ("at_most: 1 per 24 h", "is not a word known here", "per: total"),
    ],
)
def test_words_of_increments(wrong: str, said: str, right: str) -> None:
    def increments(more: str) -> str:
        form = "form: per_increment, increment: 1 h, counted: full, each: 5 %"
        return terms(f"target: availability >= 99.9 %\ncredit: {{{form}, {more}}}")

    assert said in refused(increments(wrong))
    load_terms(increments(right))


def test_beyond_needs_a_target_that_allows_some_downtime_by_time() -> None:
    text = "credit: {form: prorata, beyond: target, day_value: mrc/30}"
    assert "allows no downtime" in refused(terms(f"target: events <= 2\n{text}"))
    load_terms(terms(f"target: downtime <= 10 min\n{text}"))
    cap = text.replace("beyond", "cap_event: 5 %, beyond")
    assert "min_days, after or beyond" in refused(terms(f"target: downtime <= 10 min\n{cap}"))


@pytest.mark.parametrize("wrong", ["24 h", "0 per 24 h", "1 per 0 h", "1 in 24 h", "1 per day off"])
def test_at_most_reads_like_the_contract(wrong: str) -> None:
    text = "target: no downtime\ncredit: {form: per_event, each: 5 %, at_most: 1 per 24 h}"
    load_terms(terms(text))
    assert "at_most" in refused(terms(text.replace("1 per 24 h", wrong)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("{from: 4, credit: 5 %}", "3 outages is in no row"),
        ("{from: 3, up_to: 4, credit: 5 %}, {above: 5, credit: 9 %}", "5 outages is in no row"),
        ("{from: 3, up_to: 4, credit: 5 %}, {from: 4, credit: 9 %}", "4 outages is in two rows"),
        ("{from: 3, up_to: 9, credit: 5 %}", "10 outages is in no row"),
        ("{from: 2.5, credit: 5 %}", "no whole number"),
    ],
)
def test_rows_by_outages_leave_no_hole(rows: str, said: str) -> None:
    def tiers(rows: str) -> str:
        text = f"target: events <= 2\ncredit: {{form: tiers_events, tiers: [{rows}]}}"
        return terms(text)

    assert said in refused(tiers(rows))
    load_terms(tiers("{from: 3, below: 5, credit: 5 %}, {from: 5, credit: 9 %}"))


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        ("caps: {year_is: twelve_months}", "only beside year", "caps: {year: 5 %}"),
        ("caps: {item: 5.00, of: paid}", "cap is a percentage", "caps: {item: 5 %, of: paid}"),
        ("caps: {month: 1 day}", "percentage of the fee or a sum", "caps: {month: 5.00}"),
        ("caps: {month: 2.00 per unit}", "percentage of the fee or", "caps: {min_payout: 5.00}"),
        ("combine_credits: once", "choices: sum, max", "combine_credits: once_per_time"),
        ("exclusive: [{metrics: [m]}]", "at least two", "not_combinable: m"),
        ("exclusive: [{metrics: [m, x]}]", "'x' is no metric", "not_combinable: [m]"),
        ("not_combinable: power", "no metric of these terms", "not_combinable: m"),
        (
            "tax: {rate: 6 %, mode: added}",
            "credit_is",
            "tax: {rate: 6 %, mode: added, credit_is: net}",
        ),
        (
            "tax: {rate: 6, mode: added, credit_is: net}",
            "percentage",
            "tax: {rate: 6.5 %, mode: included, credit_is: net}",
        ),
        ("settle: {as: cash}", "choices: credit, voucher", "settle: {as: credit}"),
        (
            "settle: {as: voucher, on: next_invoice}",
            "only for a credit",
            "settle: {as: voucher, expires: 90 d}",
        ),
        ("settle: {expires: 90 d}", "only for a voucher", "settle: {on: next_invoice}"),
        (
            "settle: {at_end: lapses}",
            "only where credits go to a later",
            "settle: {on: next_invoice, at_end: lapses}",
        ),
        (
            "settle: {as: voucher, at_end: voucher}",
            "only for a credit",
            "settle: {carry_forward: yes, at_end: voucher}",
        ),
        (
            "settle: {on: next_invoice, at_end: cash}",
            "choices: paid_out, voucher, lapses",
            "settle: {on: next_invoice, at_end: paid_out}",
        ),
        ("settle: {when: on_claim}", "claim: is missing", "settle: {when: automatic}"),
        (
            "settle: {claim: {within: 5 d, from: period_end}}",
            "only with when: on_claim",
            "settle: {when: on_claim, claim: {within: 5 d, from: period_end}}",
        ),
        (
            "settle: {when: on_claim, claim: {within: 5 d}}",
            "from: is missing",
            "settle: {when: on_claim, claim: {within: 1 business day, from: event_end}}",
        ),
        (
            "settle: {when: on_claim, claim: {within: 0 d, from: period_end}}",
            "leave some time",
            "settle: {cash: no}",
        ),
        ("settle: {carry_forward: maybe}", "yes or no", "settle: {carry_forward: no}"),
        (
            "settle: {as: extension}",
            "whole_days",
            "settle: {as: extension, day_value: mrc/30, whole_days: up}",
        ),
        (
            "settle: {as: extension, day_value: mrc/30, whole_days: up, cash: yes}",
            "days, not money",
            "settle: {cash: yes}",
        ),
        ("settle: {day_value: mrc/30}", "only for an extension", "settle: {as: credit}"),
        (
            "settle: {as: extension, day_value: mrc/30, whole_days: up}\ncaps: {month: 9 %}",
            "month can't limit it",
            "settle: {as: extension, day_value: mrc/30, whole_days: up}\ncaps: {item: 9 %}",
        ),
        (
            "termination: [{when: consecutive missed periods > 3}]",
            "must read like",
            "termination: [{when: consecutive missed periods >= 3}]",
        ),
        (
            "termination: [{when: caps reached 2 times in 6 periods}]",
            "no cap of item",
            "caps: {item: 9 %}\ntermination: [{when: caps reached 2 times in 6 periods}]",
        ),
        (
            "termination: [{when: caps reached 7 times in 6 periods}]",
            "more times than periods",
            "termination: [{when: one event > 72 h}]",
        ),
        (
            "termination: [{when: consecutive missed periods >= 3, window: 30 d}]",
            "periods are counted",
            "termination: [{when: events > 4, window: any 90 d}]",
        ),
        (
            "termination: [{when: events > 4, only_if: Dual}]",
            "condition such as",
            "termination: [{when: events > 4, only_if: not dual_fed}]",
        ),
        ("termination: [{when: events >= 0}]", "always true", "termination: [{when: events >= 1}]"),
        (
            "termination: [{when: events > 4, window: any 0 d}]",
            "longer than nothing",
            "termination: [{when: events > 4, window: any 1 d}]",
        ),
    ],
)
def test_words_of_the_contract(wrong: str, said: str, right: str) -> None:
    assert said in refused(terms(FLAT, wrong))
    loaded = load_terms(terms(FLAT, right))
    assert all(text for part in clause_words(loaded) for text in part["text"].values())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "tail", "said"),
    [
        (
            "target: no downtime\ncredit: {form: flat, give: 9.00, base: site}",
            "",
            "changes nothing",
        ),
        (FLAT, "caps: {month: 5.00, min_payout: 9.00}", "nothing is"),
        (FLAT, "combine_credits: max\nnot_combinable: m", "change nothing"),
    ],
)
def test_odd_words_of_money_are_warned_of(body: str, tail: str, said: str) -> None:
    assert any(said in warning["en"] for warning in load_terms(terms(body, tail)).warnings)
    assert load_terms(terms(FLAT)).warnings == ()


def test_the_new_words_are_said() -> None:
    text = terms(
        "target: no downtime\ncredit: {form: flat, give: 100 %, base: area_share, fee_of: week, "
        "week_value: mrc*12/52}",
        "caps: {year: 10 %}\n"
        "settle: {when: on_claim, claim: {within: 7 business days, from: period_end}, cash: no}",
    )
    said = {str(part["id"]): part["text"] for part in clause_words(load_terms(text))}
    assert "one week (× 12 / 52)" in said["m"]["en"]  # type: ignore[index]
    assert "7 business days of the end of the period" in said["settle"]["en"]  # type: ignore[index]
    assert "账期结束后 7 个工作日内申请" in said["settle"]["zh"]  # type: ignore[index]
    assert said["caps"]["en"] == (  # type: ignore[index]
        "All credits of a calendar year are at most 10 % of twelve months' fees."
    )


def test_which_outages_count_for_a_right_is_said_once() -> None:
    right = "termination: [{when: events > 2, each_longer_than: 30 min, notice: 30 d}]"
    parts = clause_words(load_terms(terms(FLAT, right)))
    (said,) = [part["text"] for part in parts if part["id"] == "termination"]
    assert said == {
        "zh": "指标：账期内中断次数超过 2 次（只计超过 30 分钟的中断），客户可解约，"
        "须提前 30 天通知。",
        "en": "Metric: when the number of outages in the period exceeds 2, outages longer than "
        "30 min only, the customer may terminate with 30 d notice.",
    }


def test_every_word_of_money_is_in_the_document() -> None:
    root = Path(__file__).parents[3]
    document = (root / "docs" / "terms.md").read_text(encoding="utf-8")
    language = root / "dcim" / "sla" / "rules" / "language"
    names = ("credit_loading.py", "settlement_loading.py", "termination_loading.py")
    said = "".join((language / name).read_text(encoding="utf-8") for name in names)
    asked = set(re.findall(r'\.(?:choose|read|need|text|texts|group)\(\s*"(\w+)"', said))
    assert {"fee_of", "cap_event", "carry_forward", "exercise_within", "min_payout"} <= asked
    choices = {*get_args(Base), *get_args(CreditForm)}
    missing = {word for word in asked | choices if not re.search(rf"`{word}\b|\b{word}:", document)}
    assert missing == set()
