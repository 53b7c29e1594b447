"""Lines for an accounting system: they add up, and say what has no price."""

from decimal import Decimal

import pytest

from dcim.statements.accounting import COLUMNS, list_lines
from dcim.statements.composition import compose
from tests.statements.examples import breached_inputs
from tests.statements.test_usage_lines import CASES


@pytest.mark.parametrize("name", ["pool", "kw", "unknown", "today"])
def test_the_lines_add_up_to_the_total_and_have_keys_of_their_own(name: str) -> None:
    document = compose(CASES[name] if name in CASES else breached_inputs("zh")).data
    rows = list_lines(document)
    assert all(tuple(row) == COLUMNS for row in rows)
    assert len({row["line"] for row in rows}) == len(rows)
    total = sum(Decimal(row["amount"]) for row in rows if row["amount"])
    assert total == Decimal(document["totals"]["total"])


def test_a_priced_line_has_its_quantity_and_price() -> None:
    rows = {row["line"]: row for row in list_lines(compose(CASES["pool"]).data)}
    row = rows["usage:bandwidth.contract:over"]
    said = (row["quantity"], row["unit"], row["unit_price"], row["amount"], row["clause"])
    assert said == ("500", "Mbit/s", "72.00", "36000.00", "5.1")


def test_a_line_without_a_price_has_no_amount_and_says_why() -> None:
    [row] = [row for row in list_lines(compose(CASES["unknown"]).data) if not row["amount"]]
    assert row["line"] == "usage:kwh.A05:energy"
    assert "measured PUE" in row["note"]
