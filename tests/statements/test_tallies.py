"""What a statement says, taken apart so that it can be added up: nothing lost, nothing doubled."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.statements.tallies import average, share_out, tally_causes, tally_results
from tests.examples import examples
from tests.statements.examples import EXAMPLES, statement


@pytest.mark.parametrize("name", EXAMPLES)
def test_results_and_causes_come_to_the_credits_of_the_ledger(name: str) -> None:
    document = statement(name, "zh").data
    credits = -sum(Decimal(e["amount"]) for e in document["ledger"] if e["kind"] == "credit")
    assert sum(one.credit for one in tally_results(document)) == credits
    assert sum(one.credit for one in tally_causes(document)) == credits
    assert len(tally_results(document)) == len(document["metrics"])


def test_what_the_breached_example_says() -> None:
    document = statement("breached", "zh").data
    power = next(one for one in tally_results(document) if one.result == "power.A05")
    assert (power.site, power.kind, power.verdict) == ("SH01", "power", "breached")
    assert (power.downtime_ms, power.denominator_ms) == (2_222_000, 2_677_920_000)
    causes = {one.incident: one for one in tally_causes(document)}
    assert causes["INC-1013"].credit == Decimal("930.00")
    assert causes["INC-1013"].cause_en == "UPS-A and UPS-B dropped one after the other"
    # A promise judged by a figure has no share in an average of availabilities.
    figures = [m["id"] for m in document["metrics"] if m["availability_pct"] is None]
    assert all(one.denominator_ms == 0 for one in tally_results(document) if one.result in figures)


def test_two_incidents_share_a_credit_by_their_time_and_none_is_told_as_none() -> None:
    document: dict[str, Any] = {**statement("breached", "zh").data}
    incident = next(e for e in document["incidents"] if e["id"] == "INC-1013")
    double = {**incident, "id": "INC-X", "counted_s": incident["counted_s"] * 2}
    shared = tally_causes({**document, "incidents": [*document["incidents"], double]})
    found = {one.incident: one.credit for one in shared}
    assert (found["INC-1013"], found["INC-X"]) == (Decimal("310.00"), Decimal("620.00"))
    alone = tally_causes({**document, "incidents": []})
    assert {one.incident for one in alone} == {""}
    assert sum(one.credit for one in alone) == sum(one.credit for one in shared)


@settings(max_examples=examples(100))
@given(cents=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**8), min_size=1, max_size=9))
def test_shares_add_up_and_follow_their_weights(cents: int, weights: list[int]) -> None:
    amount = Decimal(cents).scaleb(-2)
    parts = share_out(amount, weights)
    assert sum(parts) == amount
    assert all(part >= 0 and -part.as_tuple().exponent == 2 for part in parts)  # type: ignore[operator]
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = (
            Fraction(cents * weight, 100 * total) if total else Fraction(cents, 100 * len(parts))
        )
        assert abs(Fraction(part) - exact) <= Fraction(1, 100)


def test_an_average_is_of_the_time_together() -> None:
    assert average([(1, 100), (0, 300)]) == Fraction(399, 400)
    assert average([(5, 0)]) is None
    assert average([]) is None
    # More downtime than there was time to judge is all of it, not less than nothing.
    assert average([(10, 5)]) == 0


def test_tallies_are_of_the_promise_not_of_its_order() -> None:
    document = statement("breached", "zh").data
    turned = {**document, "metrics": document["metrics"][::-1]}
    plain = [replace(one) for one in tally_results(document)]
    assert Counter(plain) == Counter(tally_results(turned))
