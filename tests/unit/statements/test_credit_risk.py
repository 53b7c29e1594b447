"""Credits at risk: what the board says of a month is what its statement will say."""

from decimal import Decimal
from typing import Any

import pytest

from dcim.statements.composition import compose
from dcim.statements.credit_risk import JudgedMonth, judge_month
from dcim.statements.error_budgets import open_case
from tests.statements.examples import breached_inputs

EARNED = Decimal("1674.00")  # of the month, as the examples are made


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    return breached_inputs("en") | {"power": [], "earlier": []}


def at_end(inputs: dict[str, Any]) -> JudgedMonth:
    case = open_case(inputs)
    return judge_month(case, case.period.end)


@pytest.mark.parametrize("on", ["next_invoice", "this_invoice"])
@pytest.mark.parametrize("more", ["", ", carry_forward: no"])
def test_the_board_says_the_credits_of_the_statement(
    inputs: dict[str, Any], on: str, more: str
) -> None:
    given = inputs | {"terms": f"{inputs['terms']}\nsettle: {{on: {on}{more}}}\n"}
    judged = at_end(given)
    assert judged.told.owed.likely == judged.at_risk == EARNED
    assert Decimal(compose(given).data["totals"]["credits"]) == -judged.at_risk
