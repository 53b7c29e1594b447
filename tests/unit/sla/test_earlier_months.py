"""Facts files and the months before: what nobody said of them is not known, never "nothing"."""

from typing import Any

import pytest

from dcim.sla.rules.evaluation import Evaluation, evaluate
from dcim.sla.rules.files.facts import FactsRefusedError, load_facts
from dcim.sla.rules.language.loading import load_terms

TERMS = """
terms: t
version: "1"
title: {{zh: 条款, en: Terms}}
currency: CNY
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
metrics:
  net:
    title: {{zh: 指标, en: Metric}}
    kind: network
    applies_to: server
    observe: port
    combine: single
    event_rounding: none
    target: no downtime
    credit: {credit}
{tail}
"""
FACTS = """
period: 2025-06
items: [{{id: S, kind: server, mrc: 100.00{since}}}]
resources: {{p: {{kind: port, items: [S]}}}}
down: [[p, 2025-06-01 00:00, 2025-06-01 01:00]]
{past}
"""
SETTLED = "credited: 30.00, results: {net.S: {missed: yes, credited: 30.00}}}"
MAY = "{period: 2025-05, capped: no, " + SETTLED
JANUARY = "{period: 2025-01, capped: yes, " + SETTLED


def judge(
    tail: str = "", past: list[str] | None = None, since: str = "", credit: str = ""
) -> Evaluation:
    terms = load_terms(TERMS.format(tail=tail, credit=credit or "{form: flat, give: 80 %}"))
    told = f"past: [{', '.join(past)}]" if past else ""
    file = load_facts(FACTS.format(since=f", from: {since}" if since else "", past=told), terms)
    return evaluate(terms, file.facts, file.period)


@pytest.mark.parametrize(
    ("when", "past", "reached", "known"),
    [
        ("{when: events >= 3, window: any 90 d}", [], False, False),
        ("{metrics: net, when: consecutive missed periods >= 3}", [MAY], False, False),
        ("{when: caps reached 2 times in 6 periods}", [MAY], False, False),
        # January lies among the six although nobody knows of February to April.
        ("{when: caps reached 2 times in 6 periods}", [MAY, JANUARY], True, True),
        ("{when: caps reached 2 times in 5 periods}", [MAY, JANUARY], False, False),
        # Missed, and by which outages nobody said.
        ("{when: events >= 2, window: any 30 d}", [MAY], False, False),
        (
            "{when: events >= 2, window: any 30 d}",
            [MAY.replace("30.00}}", "30.00, events: [[2025-05-20 00:00, 2025-05-20 00:10]]}}")],
            True,
            True,
        ),
        (
            "{when: events >= 2, window: any 30 d}",
            ["{period: 2025-05, credited: 0.00, results: {net.S: {missed: no, credited: 0.00}}}"],
            False,
            True,
        ),
    ],
)
def test_a_right_is_not_known_where_an_earlier_month_is_not(
    when: str, past: list[str], reached: bool, known: bool
) -> None:
    tail = f"caps: {{item: 50 %}}\ntermination: [{when}]"
    [right] = judge(tail, past).rights
    assert (right.reached, right.known) == (reached, known)


def test_what_begins_this_month_has_no_month_before() -> None:
    [right] = judge(
        "termination: [{when: events >= 3, window: any 90 d}]", since="2025-06-01"
    ).rights
    assert (right.reached, right.known) == (False, True)


@pytest.mark.parametrize(("past", "result"), [([], "needs_review"), ([MAY], "needs_review")])
def test_a_cap_of_the_year_asks_for_its_earlier_months(past: list[str], result: str) -> None:
    assert judge("caps: {year: 10 %}", past).results[0].result == result


def test_a_cap_of_the_year_of_a_service_that_began_in_it() -> None:
    [found] = judge("caps: {year: 10 %}", [MAY], since="2025-05-01").results
    assert found.result == "breached"


AT_ONCE = "form: per_increment, increment: 1 h, counted: started, initial: 3 %, each: 1 %"


@pytest.mark.parametrize(
    ("credit", "amount"),
    [
        # Exactly what is free costs nothing: no day at least, nothing at once.
        ("{form: prorata, after: 60 min, min_days: 1, day_value: mrc/30}", "0.00"),
        ("{form: prorata, after: 59 min, min_days: 1, day_value: mrc/30}", "3.33"),
        (f"{{{AT_ONCE}, after: 60 min}}", "0.00"),
        (f"{{{AT_ONCE}, after: 59 min}}", "4.00"),
    ],
)
def test_time_that_costs_nothing_costs_nothing(credit: str, amount: str) -> None:
    [found] = judge(credit=credit).results
    assert str(found.credit.amount) == amount


def test_a_rounded_availability_is_told_beside_the_one_it_stands_for() -> None:
    credit = (
        "{form: tiers_availability, compare: rounded to 2 decimals, tiers: ["
        "{from: 99.00 %, below: 99.90 %, credit: 5 %}, {below: 99.00 %, credit: 10 %}]}"
    )
    terms = TERMS.replace("target: no downtime", "target: availability >= 99.9 %")
    facts = FACTS.format(since="", past="").replace("2025-06-01 01:00", "2025-06-01 00:45")
    file = load_facts(facts, load_terms(terms.format(tail="", credit=credit)))
    [found] = evaluate(
        load_terms(terms.format(tail="", credit=credit)), file.facts, file.period
    ).results
    [row] = [step for step in found.credit.steps if step.key == "row"]
    # 45 of 43,200 min: 99.895833… rounds to the target, and a miss is never rounded up to it.
    assert row.formula["en"] == "availability 99.895833 %, compared as 99.89 %"
    assert str(found.credit.amount) == "5.00"


@pytest.mark.parametrize("month", ["0001-01", "1970-12", "9999-12"])
def test_months_that_no_clock_tells_are_refused(month: str) -> None:
    terms: Any = load_terms(TERMS.format(tail="", credit="{form: flat, give: 80 %}"))
    with pytest.raises(FactsRefusedError, match="lies outside 1971-01 to 9998-12"):
        load_facts(FACTS.format(since="", past="").replace("2025-06", month), terms)
