"""An outage that never was, priced: the same as the month that has just this outage in it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dcim.sla.rules.evaluation import evaluate
from dcim.sla.rules.facts import Facts, Item, Resource
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import month_period, to_ms
from dcim.sla.rules.supposing import name_lanes, suppose, tell_steps
from dcim.sla.rules.terms import Terms
from tests.unit.sla.test_cases import HERE, read_case

MAY = month_period("2025-05", "UTC")
MINUTE = 60_000


def terms_of(name: str) -> Terms:
    return load_terms(read_case(HERE / f"{name}.yaml")["terms"])


def item(kind: str, fee: str = "1200.00") -> Item:
    return Item("i", kind, Decimal(fee), Decimal(fee), MAY.start, MAY.end)


def at(day: int, hour: int, minute: int = 0) -> int:
    return to_ms(datetime(2025, 5, day, hour, minute, tzinfo=UTC))


def test_thirty_one_minutes_cost_two_started_half_hours() -> None:
    terms = terms_of("D04")
    [metric] = terms.metrics
    down = {"A": (at(14, 10), at(14, 10, 31))}
    found = suppose(terms, metric, item(metric.applies_to[0]), down, MAY, 31)
    assert found is not None
    # Reported at once: the clock of this clause starts with the ticket.
    assert (found.result.result, found.amount) == ("breached", Decimal("120.00"))
    shorter = suppose(
        terms, metric, item(metric.applies_to[0]), {"A": (at(14, 10), at(14, 10, 30))}, MAY, 31
    )
    assert shorter is not None
    assert shorter.amount == Decimal("60.00")


def test_one_of_two_feeds_costs_nothing_where_both_must_be_down() -> None:
    terms = terms_of("D02")
    [metric] = terms.metrics
    assert name_lanes(metric) == ("A", "B")
    span = (at(3, 2), at(3, 4))
    both = suppose(terms, metric, item(metric.applies_to[0]), {"A": span, "B": span}, MAY, 31)
    one = suppose(terms, metric, item(metric.applies_to[0]), {"A": span}, MAY, 31)
    assert both is not None
    assert one is not None
    assert (both.amount, one.amount) == (Decimal("120.00"), Decimal("0.00"))
    assert [step.key for step in tell_steps(both)] == ["combine", "denominator", "availability"]


def test_it_is_what_the_month_itself_would_give() -> None:
    terms = terms_of("D02")
    [metric] = terms.metrics
    span = (at(9, 1), at(9, 5))
    found = suppose(terms, metric, item(metric.applies_to[0]), {"A": span, "B": span}, MAY, 31)
    states = ((MAY.start, span[0], "up"), (*span, "down"), (span[1], MAY.end, "up"))
    facts = Facts(
        (item(metric.applies_to[0]),),
        tuple(Resource(name, metric.observe, ("i",), states) for name in "AB"),  # type: ignore[arg-type]
        days_in_period=31,
    )
    assert found is not None
    assert found.amount == evaluate(terms, facts, MAY).credit_total


def test_the_month_s_cap_holds_for_it_too() -> None:
    terms = terms_of("D07")
    metric = terms.metrics[0]
    span = (at(1, 0), at(31, 0))
    down = {"A": span, "B": span}
    found = suppose(terms, metric, item("service", "3000.00"), down, MAY, 31)
    free = suppose(
        replace(terms, cap_month=None), metric, item("service", "3000.00"), down, MAY, 31
    )
    assert found is not None
    assert free is not None
    assert (found.amount, free.amount) == (Decimal("3000.00"), Decimal("72000.00"))


@pytest.mark.parametrize(
    ("name", "metric", "amount"),
    [
        ("hopone-urgent-calls", "urgent", "40.00"),
        ("dc74-configuration", "power", "120.00"),
        ("scaleup-hot-weather", "climate", "38.71"),
    ],
)
def test_conditions_are_taken_to_hold(name: str, metric: str, amount: str) -> None:
    """Answers late by an hour, a dual-fed cabinet down, heat that the weather doesn't excuse."""
    terms = terms_of(name)
    [chosen] = [one for one in terms.metrics if one.id == metric]
    down = dict.fromkeys(name_lanes(chosen), (at(6, 10), at(6, 11)))
    found = suppose(terms, chosen, item("cabinet"), down, MAY, 31)
    assert found is not None
    assert (found.result.result, str(found.amount)) == ("breached", amount)


def test_a_figure_of_the_month_is_no_outage() -> None:
    terms = terms_of("ntt-gin-network")
    assert suppose(terms, terms.metrics[0], item("bandwidth"), {}, MAY, 31) is None


def test_a_promise_about_another_kind_of_item_says_nothing() -> None:
    terms = terms_of("D02")
    down = {"A": (at(3, 2), at(3, 4))}
    assert suppose(terms, terms.metrics[0], item("cross_connect"), down, MAY, 31) is None
