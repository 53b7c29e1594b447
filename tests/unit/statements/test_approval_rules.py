"""Why a month waits, counted whole where only the first are named."""

from typing import Any

from dcim.statements.approval_rules import SHOWN, Rule, find_reasons, say_reasons


def document(results: int, unpriced: int) -> dict[str, Any]:
    text = {"zh": "带宽", "en": "Bandwidth"}
    metric = {
        "label": text, "subject": text, "result": "needs_review", "clause": "4.3",
        "credit": {"at_most": "60.00"},
    }  # fmt: skip
    return {
        "metrics": [{**metric, "id": f"network.P{n}"} for n in range(results)],
        "totals": {"credits": "0.00", "without": [text] * unpriced},
    }


def test_more_than_are_named_are_counted() -> None:
    reasons = find_reasons(Rule(when_open=True), document(SHOWN + 10, SHOWN + 20))
    assert len(reasons["results"]) == len(reasons["without"]) == SHOWN
    assert list(map(str, say_reasons(reasons, "CNY"))) == [
        f"Results left open: {SHOWN + 10}.", f"Usage without a price: {SHOWN + 20}.",
    ]  # fmt: skip


def test_what_nothing_is_left_open_of_is_not_named() -> None:
    assert find_reasons(Rule(when_open=True), document(0, 0)) == {}
    assert find_reasons(Rule(), document(3, 3)) == {}
    reasons = find_reasons(Rule(when_open=True), document(0, 2))
    assert list(map(str, say_reasons(reasons, "CNY"))) == ["Usage without a price: 2."]
