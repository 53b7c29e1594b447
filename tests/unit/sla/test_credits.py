"""Each form of credit and the rules around it, by clauses of the usual kinds."""

from decimal import Decimal

import pytest

from dcim.sla.rules.evaluation import Evaluation, MetricResult, evaluate
from dcim.sla.rules.facts import Facts, Item, Period, Resource, State, Window
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import day_start, month_days, month_period, parse_instant

MONTH = month_period("2026-09", "UTC")  # 30 days
MIN = 60_000


def terms(body: str, tail: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"""
terms: t
version: "1"
title: {{zh: 条款, en: Terms}}
currency: CNY
rounding: half_up to 0.01
time_zone: UTC
period: calendar_month
metrics:
  m:
    title: {{zh: 指标, en: Metric}}
    kind: power
    applies_to: cabinet
    observe: feed
    combine: single
    event_rounding: none
{lines}
{tail}
"""


def judge(
    text: str,
    *minutes: int,
    conditions: dict[str, bool] | None = None,
    windows: tuple[Window, ...] = (),
    period: Period = MONTH,
) -> Evaluation:
    """Outages of so many minutes, one a day at noon, on an item of 3000.00 a month."""
    states: list[tuple[int, int, State]] = [(period.start, period.end, "up")]
    for day, length in enumerate(minutes):
        start = period.start + day * 1440 * MIN + 720 * MIN
        states.append((start, start + length * MIN, "down"))
    item = Item(
        "c", "cabinet", Decimal(3000), Decimal(1500), 0, 10**14, conditions=conditions or {}
    )
    other = Item("x", "service", Decimal(1000), Decimal(1000), 0, 10**14)
    resource = Resource("r", "feed", ("c",), tuple(states))
    return evaluate(load_terms(text), Facts((item, other), (resource,), windows), period)


def only(evaluation: Evaluation) -> MetricResult:
    (result,) = evaluation.results
    return result


BY_EVENT = (
    "{form: per_increment, increment: 1 h, counted: started, each: 5 %, per: event, cap_event: 8 %}"
)


@pytest.mark.parametrize(
    ("credit", "minutes", "amount"),
    [
        ("{form: flat, give: 10 %}", [1], "300.00"),
        ("{form: flat, give: 10 %, base: contract}", [1], "400.00"),
        ("{form: flat, give: 10 %, base: item_rent}", [1], "150.00"),
        ("{form: flat, give: 88.88 CNY}", [1], "88.88"),
        ("{form: flat, give: 1 day, day_value: mrc*12/365}", [1], "98.63"),
        ("{form: per_increment, increment: 30 min, counted: started, each: 5 %}", [31], "300.00"),
        ("{form: per_increment, increment: 30 min, counted: full, each: 5 %}", [31], "150.00"),
        # 3 % at once and 3 % per 60 minutes
        (
            "{form: per_increment, initial: 3 %, increment: 60 min, counted: full, each: 3 %}",
            [125],
            "270.00",
        ),
        # 2 % per 10 minutes beyond the hour
        (
            "{form: per_increment, after: 60 min, increment: 10 min, counted: started, each: 2 %}",
            [75],
            "120.00",
        ),
        # rounding per outage or of all together
        (
            "{form: per_increment, increment: 1 h, counted: started, each: 1 %, per: event}",
            [61, 61],
            "120.00",
        ),
        ("{form: per_increment, increment: 1 h, counted: started, each: 1 %}", [61, 61], "90.00"),
        ("{form: per_event, each: 1 day, day_value: mrc/30}", [5, 700, 1], "300.00"),
        # 432 min of 43200 = 99.0 %, 0.9 % below 99.9 %
        ("{form: per_shortfall, step: 0.1 %, counted: full, each: 2 %}", [432], "540.00"),
        ("{form: prorata, multiple: 10, day_value: mrc/30, min_days: 1}", [432], "300.00"),
        ("{form: prorata, multiple: 10, day_value: mrc/30, min_days: 1}", [100], "100.00"),
        ("{form: per_event, each: 50 %, cap: 70 %}", [5, 5, 5], "2100.00"),
        ("{form: per_event, each: 50 %, cap: 1000.00}", [5, 5, 5], "1000.00"),
        # one a day: within any 36 h only every second one
        ("{form: per_event, each: 10 %, at_most: 1 per 36 h}", [5, 5, 5], "600.00"),
        # 5 % each started hour, of one outage at most 8 %: 5 + 8 + 8
        (
            BY_EVENT,
            [50, 70, 500],
            "630.00",
        ),
        ("{form: per_event, each: 10 %, cap_event: 2.00}", [5, 5], "4.00"),
        # 720 and 72 min of 43200 are 50.00 and 5.00, of which a day gives 20.00 at most
        ("{form: prorata, day_value: mrc/30, cap_day: 20.00}", [720, 72], "25.00"),
        # the second one lasts from noon to the next day's noon
        ("{form: per_day, each: 1 day, day_value: mrc/30}", [5, 1440], "300.00"),
        ("{form: flat, give: 100 %, fee_of: week, week_value: mrc*7/30}", [1], "700.00"),
        (
            "{form: per_increment, beyond: target, increment: 1 min, counted: full, each: 1.00}",
            [60],
            "60.00",
        ),
        ("{form: prorata, after: 1 %, day_value: mrc/30}", [864], "30.00"),
    ],
)
def test_forms_of_credit(credit: str, minutes: list[int], amount: str) -> None:
    target = "availability >= 99.9 %" if "shortfall" in credit else "no downtime"
    result = only(judge(terms(f"target: {target}\ncredit: {credit}"), *minutes))
    assert result.result == "breached"
    assert str(result.credit.amount) == amount
    assert result.credit.steps[-1].result["zh"] == f"{Decimal(amount):,} CNY"


@pytest.mark.parametrize(
    ("rule", "amount", "verdict"),
    [
        ("lower", "300.00", "breached"),
        ("upper", "1500.00", "breached"),
        ("none", "0.00", "breached"),
        ("review", "0.00", "needs_review"),
    ],
)
def test_what_a_hole_gives(rule: str, amount: str, verdict: str) -> None:
    rows = "[{from: 99.0 %, below: 99.9 %, credit: 10 %}, {from: 0 %, below: 98.0 %, credit: 50 %}]"
    text = f"credit: {{form: tiers_availability, hole: {rule}, tiers: {rows}}}"
    result = only(judge(terms(f"target: availability >= 99.9 %\n{text}"), 648))  # 98.5 %
    assert (result.result, str(result.credit.amount)) == (verdict, amount)


def test_rounded_rows_don_t_undo_a_miss() -> None:
    rows = "[{from: 99.0 %, up_to: 99.8 %, credit: 10 %}, {from: 0 %, up_to: 98.9 %, credit: 50 %}]"
    text = terms(
        "target: availability >= 99.9 %\n"
        f"credit: {{form: tiers_availability, compare: rounded to 1 decimal, tiers: {rows}}}"
    )
    result = only(judge(text, 44))  # 99.898 % rounds to 99.9, and is still below it
    assert (result.result, str(result.credit.amount)) == ("breached", "300.00")


def test_no_credit_named_is_unpriced() -> None:
    assert only(judge(terms("target: no downtime"), 1)).result == "unpriced"


@pytest.mark.parametrize(
    ("conditions", "verdict", "amount"),
    [
        ({"dual_fed": True}, "breached", "300.00"),
        ({"dual_fed": False}, "not_eligible", "0.00"),
        ({}, "needs_review", "0.00"),
    ],
)
def test_conditions_decide_about_a_credit(
    conditions: dict[str, bool], verdict: str, amount: str
) -> None:
    text = terms("eligible: dual_fed\ntarget: no downtime\ncredit: {form: flat, give: 10 %}")
    result = only(judge(text, 1, conditions=conditions))
    assert (result.result, str(result.credit.amount)) == (verdict, amount)


@pytest.mark.parametrize(
    ("governs", "minutes", "verdict"),
    [("percent", 43, "met"), ("percent", 44, "breached"), ("minutes", 44, "breached"),
     ("minutes", 43, "met"), ("both", 43, "met")],
)  # fmt: skip
def test_percent_or_minutes_by_what_governs(governs: str, minutes: int, verdict: str) -> None:
    text = terms(
        "target: [availability >= 99.9 %, downtime < 44 min]\n"
        f"governs: {governs}\ncredit: {{form: flat, give: 10 %}}"
    )
    assert only(judge(text, minutes)).result == verdict


def test_events_target_counts_outages() -> None:
    text = terms("target: events <= 2\ncredit: {form: flat, give: 10 %}")
    assert only(judge(text, 1, 1)).result == "met"
    assert only(judge(text, 1, 1, 1)).result == "breached"


def test_window_hours_are_local_and_only_they_are_excluded() -> None:
    text = terms(
        "exclude: [{class: maintenance, window: '11:00-12:30', effect: not_down}]\n"
        "target: no downtime\ncredit: {form: flat, give: 10 %}"
    )
    works = Window("w", "maintenance", MONTH.start, MONTH.end, None)
    assert only(judge(text, 60, windows=(works,))).outcome.downtime_ms == 30 * MIN


def test_allowances_per_window_and_per_period() -> None:
    text = terms(
        "exclude: [{class: maintenance, at_most: 20 min, per_period: 30 min, effect: not_down}]\n"
        "target: no downtime\ncredit: {form: flat, give: 10 %}"
    )
    noon = MONTH.start + 720 * MIN
    works = tuple(
        Window(
            f"w{day}",
            "maintenance",
            noon + day * 1440 * MIN,
            noon + day * 1440 * MIN + 3600_000,
            None,
        )
        for day in range(2)
    )
    assert only(judge(text, 60, 60, windows=works)).outcome.downtime_ms == (40 + 50) * MIN


@pytest.mark.parametrize(
    ("rule", "minutes", "reached"),
    [
        ("when: events > 2, each_longer_than: 4 min", [5, 5, 5], True),
        ("when: events > 2, each_longer_than: 5 min", [5, 5, 5], False),
        ("when: events > 2, window: 2 d", [5, 5, 5], False),
        ("when: one event > 2 h", [121], True),
        ("when: one event > 2 h", [120], False),
        ("when: downtime > 3 h, window: 5 d", [100, 100], True),
        ("when: downtime > 3 h, window: 1 d", [100, 100], False),
        ("when: downtime > 1 %", [433], True),
        ("when: downtime > 1 %", [432], False),
    ],
)
def test_rights_to_terminate(rule: str, minutes: list[int], reached: bool) -> None:
    text = terms("target: no downtime", f"termination: [{{{rule}}}]")
    (right,) = judge(text, *minutes).rights
    assert right.reached is reached


def test_months_follow_daylight_saving() -> None:
    period = month_period("2026-10", "Europe/Berlin")
    assert period.length == (31 * 24 + 1) * 3_600_000
    assert period.start == parse_instant("2026-09-30T22:00:00Z")
    assert day_start(month_days("2026-10")[24], "Europe/Berlin") == parse_instant(
        "2026-10-25T00:00:00+02:00"
    )
    with pytest.raises(ValueError, match="no month"):
        month_days("2026-13")


def test_fixed_month_of_43200_minutes() -> None:
    text = terms("denominator: fixed 43200 min\ntarget: availability >= 99.9 %")
    october = month_period("2026-10", "UTC")
    outcome = only(judge(text, 44, period=october)).outcome
    assert outcome.denominator_ms == 43_200 * MIN
    assert only(judge(text, 43, period=october)).result == "met"
