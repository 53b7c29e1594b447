"""Published clauses about credits, caps, claims and rights, each written from its own words."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dcim.sla.rules.evaluation import evaluate
from dcim.sla.rules.facts import Calendar, Claim, Facts, Item, Past, PastResult, Period
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.periods import format_instant, month_period, parse_instant
from tests.unit.sla.test_cases import case_facts, read_case

CASES = sorted((Path(__file__).parent / "cases" / "money").glob("*.yaml"))


def maybe(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def money_facts(facts: dict[str, Any], period: Period) -> Facts:
    """The facts of a case, with those that only money needs."""
    plain = case_facts(facts, period)
    items = tuple(
        _item(item, words) for item, words in zip(plain.items, facts["items"], strict=True)
    )
    resources = tuple(
        replace(r, items=tuple(facts["serves"][r.name])) if r.name in facts.get("serves", {}) else r
        for r in plain.resources
    )
    calendar = facts.get("calendar")
    return replace(
        plain,
        items=items,
        resources=resources,
        claims=tuple(
            Claim(f"C{n}", parse_instant(c["made_at"]), tuple(c.get("results", ())))
            for n, c in enumerate(facts.get("claims", []))
        ),
        past=tuple(_past(words) for words in facts.get("past", [])),
        calendar=None
        if calendar is None
        else Calendar(
            frozenset(map(date.fromisoformat, calendar.get("holidays", []))),
            frozenset(map(date.fromisoformat, calendar.get("worked", []))),
        ),
        as_of=parse_instant(facts["as_of"]) if "as_of" in facts else None,
        invoice=maybe(facts.get("invoice")),
        next_invoice=maybe(facts.get("next_invoice")),
        site_areas={name: Decimal(area) for name, area in facts.get("site_areas", {}).items()},
    )


def _item(item: Item, words: dict[str, Any]) -> Item:
    return replace(
        item,
        start=parse_instant(words["start"]) if "start" in words else item.start,
        conditions={key: value == "yes" for key, value in words.get("conditions", {}).items()},
        site=words.get("site", ""),
        units=maybe(words.get("units")),
        area=maybe(words.get("area")),
        usage=maybe(words.get("usage")),
        paid=maybe(words.get("paid")),
    )


def _past(words: dict[str, Any]) -> Past:
    period = month_period(words["period"], words.get("zone", "UTC"))
    return Past(
        period.start,
        period.end,
        {
            name: PastResult(
                result["missed"] == "yes",
                Decimal(result.get("credited", "0")),
                tuple((parse_instant(a), parse_instant(b)) for a, b in result.get("events", [])),
            )
            for name, result in words.get("results", {}).items()
        },
        Decimal(words.get("credited", "0")),
        words.get("capped") == "yes",
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_clause_gives_what_was_worked_out_by_hand(path: Path) -> None:
    case = read_case(path)
    terms = load_terms(case["terms"])
    period = month_period(case["facts"]["period"], terms.timezone)
    expected = case["expected"]
    evaluation = evaluate(terms, money_facts(case["facts"], period), period)
    assert {result.id for result in evaluation.results} == set(expected["metrics"])
    for result in evaluation.results:
        want = dict(expected["metrics"][result.id])
        said = " / ".join(text for note in result.notes for text in note.values())
        assert want.pop("note", "") in said
        got = {"result": result.result, "credit": str(result.credit.amount)}
        settled = result.settlement
        if settled is not None:
            got |= {
                "state": settled.state,
                "settled": str(settled.amount),
                "until": "" if settled.until is None else format_instant(settled.until),
            }
        assert {key: got.get(key) for key in want} == want
    got_totals = {
        "credit_total": str(evaluation.credit_total),
        "claimable_total": str(evaluation.claimable_total),
        "voucher_total": str(evaluation.voucher_total),
        "carried": str(evaluation.carried),
        "caps": [line.key for line in evaluation.caps],
        "extensions": {one.item: str(one.days) for one in evaluation.extensions},
        "tax": [f"{line.key}: {line.net} + {line.tax} = {line.gross}" for line in evaluation.taxed],
        "rights": {
            right.metric: ("yes" if right.reached else "no") if right.known else "not known"
            for right in evaluation.rights
        },
    }
    totals = {key: value for key, value in expected.items() if key != "metrics"}
    assert {key: got_totals[key] for key in totals} == totals
    assert all(text for part in clause_words(terms) for text in part["text"].values())  # type: ignore[attr-defined]
