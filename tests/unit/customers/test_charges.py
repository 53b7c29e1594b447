"""The preview of a month's rent: worked by hand, and against what a statement computes."""

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dcim.customers.charges import Charge, Rented, Rule, charge_month, month_of, total_of
from dcim.customers.models import Contract
from dcim.customers.renewals import find_term
from dcim.customers.versions import Agreed, fee_of, pick_version
from dcim.sla.rules.periods import month_days
from dcim.statements.inputs import prorate, service_days

OCTOBER = dt.date(2026, 10, 1)
BEGAN = dt.date(2026, 1, 1)
DAYS = st.dates(dt.date(2023, 12, 1), dt.date(2025, 3, 1))
MAYBE = st.none() | DAYS
FEES = st.decimals(0, 99_999, places=2)
RULES = st.builds(
    Rule,
    st.sampled_from(("days", "none")),
    st.sampled_from(("half_up", "half_even", "down")),
    st.integers(0, 2),
)


def test_a_price_that_changes_within_a_month_by_hand() -> None:
    """6,800.00 until the 14th, 7,300.00 from the 15th: one item ends, another begins.

    14/31 of 6800 is 3070.967… and 17/31 of 7300 is 4003.225…
    """
    charges = charge_month(
        [
            Rented("old", Decimal("6800.00"), BEGAN, dt.date(2026, 10, 15)),
            Rented("new", Decimal("7300.00"), dt.date(2026, 10, 15)),
        ],
        OCTOBER,
        BEGAN,
    )
    assert [(one.code, one.days, one.amount) for one in charges] == [
        ("old", 14, Decimal("3070.97")),
        ("new", 17, Decimal("4003.23")),
    ]
    assert total_of(charges) == Decimal("7074.20")


def test_whole_months_and_ends_by_hand() -> None:
    whole = Rented("whole", Decimal("400.00"), BEGAN)
    assert charge_month([whole], OCTOBER, BEGAN) == [
        Charge("whole", Decimal("400.00"), OCTOBER, dt.date(2026, 11, 1), 31, 31, Decimal("400.00"))
    ]
    # The contract's end clips what has none of its own; the first day not covered isn't paid.
    (clipped,) = charge_month([whole], OCTOBER, BEGAN, dt.date(2026, 10, 2))
    assert (clipped.days, clipped.amount) == (1, Decimal("12.90"))
    assert charge_month([whole], OCTOBER, BEGAN, OCTOBER) == []
    # Where the terms don't prorate, a day costs the month.
    (unprorated,) = charge_month(
        [whole], OCTOBER, BEGAN, dt.date(2026, 10, 2), Rule(prorate="none")
    )
    assert unprorated.amount == Decimal("400.00")
    february = charge_month([whole], dt.date(2024, 2, 29), dt.date(2024, 2, 15))
    assert february == []  # it begins in 2026
    assert month_of(dt.date(2024, 2, 29)) == (dt.date(2024, 2, 1), dt.date(2024, 3, 1))


class _Terms:
    def __init__(self, rule: Rule) -> None:
        self.prorate, self.rounding, self.decimals = rule.prorate, rule.rounding, rule.decimals


@given(st.lists(st.tuples(FEES, DAYS, MAYBE), max_size=5), DAYS, DAYS, MAYBE, RULES)
def test_the_preview_is_what_the_statement_charges(
    drawn: list[tuple[Decimal, dt.date, dt.date | None]],
    month: dt.date,
    start: dt.date,
    end: dt.date | None,
    rule: Rule,
) -> None:
    items = [Rented(str(n), fee, first, stop) for n, (fee, first, stop) in enumerate(drawn)]
    inputs: dict[str, Any] = {
        "period": f"{month:%Y-%m}",
        "contract": {"start": start.isoformat(), "end": end.isoformat() if end else None},
    }
    expected = []
    for item in items:
        entry = {
            "id": item.code,
            "mrc": f"{item.monthly_fee:.2f}",
            "start": item.start.isoformat(),
            "end": item.end.isoformat() if item.end else None,
        }
        first, stop = service_days(entry, inputs)
        if first < stop:
            rent = prorate(entry, inputs, _Terms(rule))  # type: ignore[arg-type]
            expected.append((item.code, first, stop, (stop - first).days, rent))
    found = charge_month(items, month, start, end, rule)
    assert [(c.code, c.first, c.end, c.days, c.amount) for c in found] == expected
    assert all(c.days_in_month == len(month_days(inputs["period"])) for c in found)


def agreed(day: dt.date, fee: str) -> Agreed:
    return Agreed(day, Decimal(1), None, Decimal(fee), None)


def test_the_version_of_a_day() -> None:
    first, second = agreed(BEGAN, "100"), agreed(dt.date(2026, 11, 1), "120")
    both = [second, first]
    assert pick_version(both, dt.date(2026, 10, 31)) == first
    assert pick_version(both, dt.date(2026, 11, 1)) == second
    # Before the first there is nothing but the first.
    assert pick_version(both, dt.date(2020, 1, 1)) == first
    assert pick_version([], BEGAN) is None


def test_a_fee_of_fractions_is_rounded_half_up() -> None:
    assert fee_of(Decimal("0.125"), Decimal("0.20")) == Decimal("0.03")
    assert fee_of(Decimal("12.000"), Decimal("280.00")) == Decimal("3360.00")


def term(starts: str, months: int | None, today: str, **given: Any) -> Any:
    return find_term(
        dt.date.fromisoformat(starts), given.get("ends"), months, given.get("notice", 30),
        given.get("auto", False), given.get("renewal", 12), dt.date.fromisoformat(today),
    )  # fmt: skip


def test_terms_run_out_by_hand() -> None:
    plain = term("2026-01-31", 1, "2026-02-01")
    assert (plain.end, plain.notice_by, plain.renews) == (
        dt.date(2026, 2, 28), dt.date(2026, 1, 29), False,
    )  # fmt: skip
    # A renewed term counts from the start: the 31st comes back.
    renewed = term("2026-01-31", 1, "2026-03-01", auto=True, renewal=1)
    assert (renewed.end, renewed.renews) == (dt.date(2026, 3, 31), True)
    # On its last day it has renewed already.
    assert term("2024-01-01", 24, "2026-01-01", auto=True).end == dt.date(2027, 1, 1)
    assert term("2024-01-01", 24, "2025-12-31", auto=True).end == dt.date(2026, 1, 1)
    # An end that was agreed is final.
    assert not term("2024-01-01", 24, "2026-01-01", auto=True, ends=dt.date(2026, 6, 1)).renews
    assert term("2024-01-01", None, "2026-01-01") is None


def test_a_contract_made_by_hand_is_in_force() -> None:
    assert Contract.__table__.c.state.default.arg == "signed"
