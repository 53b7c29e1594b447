"""A month that runs, supposed three ways: each as the rules judge that month when it is over."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from dcim.sla.rules import forecast as module
from dcim.sla.rules.evaluation import evaluate, evaluate_metric
from dcim.sla.rules.facts import Facts, Item, Notice, Period, Resource, State, Window
from dcim.sla.rules.forecast import Forecast, forecast
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import month_period
from dcim.sla.rules.terms import Terms

JUNE = month_period("2025-06", "UTC")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOTHING = Decimal(0)
# 30 days: 99.9 % leave 43.2 minutes, 99.5 % leave 216.
TERMS = """
terms: tiers
version: "1"
title: {zh: 测试, en: Test}
currency: CNY
rounding: half_up to 0.01
time_zone: UTC
period: calendar_month
metrics:
  power:
    title: {zh: 供电, en: Power}
    kind: power
    applies_to: rack
    observe: power_feed
    combine: COMBINE
    event_rounding: none
    exclude:
      - {class: maintenance, notice: 24 h, effect: out_of_both}
    target: availability >= 99.9 %
    credit:
      form: tiers_availability
      tiers:
        - {from: 99.5 %, below: 99.9 %, credit: 10 %}
        - {from: 0 %, below: 99.5 %, credit: 30 %}
"""
CAP = """caps:
  month: 150.00 CNY
"""


def terms_of(combine: str = "single", more: str = "") -> Terms:
    return load_terms(TERMS.replace("COMBINE", combine) + more)


def item(name: str = "r1", fee: str = "1000.00") -> Item:
    return Item(name, "rack", Decimal(fee), Decimal(fee), JUNE.start, JUNE.end)


def feed(
    *bad: tuple[int, int, State], name: str = "A", until: int, items: tuple[str, ...] = ("r1",),
    since: int = JUNE.start - DAY,
) -> Resource:  # fmt: skip
    """Up from a day before the month until now, but for these."""
    rows: list[tuple[int, int, State]] = []
    at = since
    for start, end, state in sorted(bad):
        rows += [(at, start, "up"), (start, end, state)]
        at = end
    rows.append((at, until, "up"))
    return Resource(name, "power_feed", items, tuple(row for row in rows if row[0] < row[1]))


def facts_of(*feeds: Resource, items: tuple[Item, ...] = (item(),), **more: Any) -> Facts:
    return Facts(items=items, resources=feeds, **more)


def tell(until: int, *feeds: Resource, terms: Terms | None = None, **more: Any) -> Forecast:
    return forecast(terms or terms_of(), facts_of(*feeds, **more), JUNE, until)


T = JUNE.start + 10 * DAY


def test_a_month_without_a_fault_owes_nothing_and_says_what_the_first_step_costs() -> None:
    told = tell(T, feed(until=T))
    [promise] = told.promises
    assert (told.owed.likely, told.owed.most) == (NOTHING, NOTHING)
    assert told.at_rate is not None
    assert told.at_rate.likely == 0
    assert told.if_open is None
    assert promise.allowed_ms == 43.2 * MINUTE
    assert promise.runs_out_at is None
    assert promise.step is not None
    # Just beyond the budget, to the second; the next row of the tiers is dearer.
    assert promise.step.after_ms == 43 * MINUTE + 13_000
    assert promise.step.amount == Decimal("100.00")


@pytest.mark.parametrize(
    ("denominator", "effect", "began", "minutes"),
    [
        ("fixed 21600 min", "out_of_both", JUNE.start, 21.54),  # an hour less of 15 days
        ("period", "out_of_both", JUNE.start + 5 * DAY, 43.14),
        ("service", "out_of_both", JUNE.start + 5 * DAY, 35.94),
        ("service", "not_down", JUNE.start, 43.2),  # the denominator keeps that hour
    ],
)
def test_the_budget_is_of_what_the_verdict_is_judged_on(
    denominator: str, effect: str, began: int, minutes: float
) -> None:
    text = TERMS.replace("COMBINE", f"single\n    denominator: {denominator}")
    terms = load_terms(text.replace("out_of_both", effect))
    start = T - 2 * DAY
    window = Window("M1", "maintenance", start, start + HOUR, start - 3 * DAY)
    bad = feed((start, start + HOUR, "down"), until=T)
    rack = replace(item(), start=began)
    [promise] = tell(T, bad, terms=terms, windows=(window,), items=(rack,)).promises
    assert promise.allowed_ms == minutes * MINUTE
    # Where the credit begins, to the second.
    assert promise.step is not None
    assert 0 < promise.step.after_ms - promise.allowed_ms <= 1000


def test_what_is_owed_is_judged_over_the_whole_month_not_over_the_days_so_far() -> None:
    """20 minutes are 0.14 % of ten days, and 0.05 % of the month."""
    told = tell(T, feed((T - 5 * DAY, T - 5 * DAY + 20 * MINUTE, "down"), until=T))
    assert told.owed.likely == 0
    so_far = evaluate(
        terms_of(),
        facts_of(feed((T - 5 * DAY, T - 5 * DAY + 20 * MINUTE, "down"), until=T)),
        Period(JUNE.start, T),
    )
    assert so_far.credit_total == Decimal("100.00")


def test_the_last_seven_days_come_again() -> None:
    """20 minutes in the last week, 20 days to go: 2 weeks whole and 6 days of a third."""
    began = T - 2 * DAY
    told = tell(T, feed((began, began + 20 * MINUTE, "down"), until=T))
    [promise] = told.promises
    assert told.at_rate is not None
    assert promise.at_rate is not None
    # 20 + 3 × 20 = 80 minutes: over 43.2, under 216.
    assert told.at_rate.likely == Decimal("100.00")
    # Used up 3.2 minutes into the second of those to come.
    assert promise.runs_out_at == began + 2 * 7 * DAY + 192_000
    older = tell(T, feed((T - 8 * DAY, T - 8 * DAY + 20 * MINUTE, "down"), until=T))
    assert older.at_rate is not None
    assert older.at_rate.likely == 0
    assert older.promises[0].runs_out_at is None


def test_at_rate_is_what_the_rules_say_of_that_month_when_it_is_over() -> None:
    began = T - 3 * DAY
    weeks = [began + k * 7 * DAY for k in range(4)]
    bad: list[tuple[int, int, State]] = [
        (week, week + 30 * MINUTE, "down") for week in weeks if week < JUNE.end
    ]
    whole = evaluate(terms_of(), facts_of(feed(*bad, until=JUNE.end)), JUNE)
    told = tell(T, feed((began, began + 30 * MINUTE, "down"), until=T))
    assert told.at_rate is not None
    assert told.at_rate.likely == whole.credit_total == Decimal("100.00")


def test_what_is_open_lasts_until_the_month_ends() -> None:
    began = T - 10 * MINUTE
    told = tell(T, feed((began, T, "down"), until=T))
    [promise] = told.promises
    assert told.owed.likely == 0
    assert told.if_open is not None
    assert told.if_open.likely == Decimal("300.00")
    assert promise.open_since == began
    assert promise.runs_out_at == T + 33 * MINUTE + 12_000
    assert promise.step is not None
    assert promise.step.after_ms == 33 * MINUTE + 13_000
    assert promise.step.amount == Decimal("100.00")


def test_one_feed_of_two_is_no_open_outage() -> None:
    lone = feed((T - HOUR, T, "down"), name="A", until=T)
    told = tell(T, lone, feed(name="B", until=T), terms=terms_of("all"))
    assert told.if_open is None
    assert told.promises[0].open_since is None
    dark = feed((T - HOUR, T, "down"), name="B", until=T)
    both = tell(T, lone, dark, terms=terms_of("all"))
    assert both.promises[0].open_since == T - HOUR


def test_the_next_step_after_the_first_is_the_next_row() -> None:
    began = T - 2 * HOUR
    told = tell(T, feed((began, T, "down"), until=T))
    [promise] = told.promises
    assert promise.owed.likely == Decimal("100.00")
    assert promise.step is not None
    assert promise.step.after_ms == 96 * MINUTE + 1000
    assert promise.step.amount == Decimal("200.00")
    assert promise.runs_out_at is None  # it has run out
    last = tell(T, feed((T - 5 * HOUR, T, "down"), until=T))
    assert last.promises[0].step is None


def test_each_step_is_where_the_rules_say_it_is() -> None:
    """The control of the search: a second less costs nothing more."""
    for used in (0, 10, 43, 100, 200):
        bad = [(T - HOUR * 5, T - HOUR * 5 + used * MINUTE, "down")] if used else []
        told = tell(T, feed(*bad, until=T))  # type: ignore[arg-type]
        [promise] = told.promises
        assert promise.step is not None

        def cost(extra: int, bad: Any = bad) -> Decimal:
            more = feed(*bad, (T, T + extra, "down"), until=JUNE.end)
            return evaluate(terms_of(), facts_of(more), JUNE).credit_total

        step = promise.step
        assert cost(step.after_ms) - told.owed.likely == step.amount, used
        assert cost(step.after_ms - 1000) == told.owed.likely, used


def test_unknown_time_makes_bounds_and_the_month_as_it_is_now_a_review() -> None:
    told = tell(T, feed((T - DAY, T - DAY + 80 * MINUTE, "unknown"), until=T))
    assert (told.owed.least, told.owed.most) == (NOTHING, Decimal("100.00"))
    assert told.promises[0].result.result == "needs_review"
    assert told.at_rate is not None
    # And again on the 16th and the 23rd: 240 minutes at worst.
    assert (told.at_rate.least, told.at_rate.most) == (NOTHING, Decimal("300.00"))


def test_what_nothing_measures_at_the_moment_is_dark_not_down() -> None:
    told = tell(T, feed((T - HOUR, T, "unknown"), until=T))
    [promise] = told.promises
    assert promise.is_dark
    assert promise.open_since is None
    assert not tell(T, feed(until=T)).promises[0].is_dark


@pytest.mark.parametrize("noticed", [False, True])
def test_announced_work_of_the_week_comes_again_with_its_notice(noticed: bool) -> None:
    start = T - 2 * DAY
    notices = (Notice(start - 3 * DAY, start, start + HOUR),) if noticed else ()
    window = Window("M1", "maintenance", start, start + HOUR, start - 3 * DAY, notices=notices)
    told = tell(T, feed((start, start + HOUR, "down"), until=T), windows=(window,))
    assert told.at_rate is not None
    assert told.at_rate.most == 0
    unannounced = replace(window, announced_at=None)
    late = tell(T, feed((start, start + HOUR, "down"), until=T), windows=(unannounced,))
    assert late.at_rate is not None
    assert late.at_rate.likely == Decimal("300.00")


def heat(*hot: tuple[int, int], until: int, items: tuple[str, ...] = ()) -> Resource:
    """20 °C outside, but 36 °C in these."""
    rows: list[tuple[int, int, int]] = []
    at = JUNE.start - DAY
    for start, end in sorted(hot):
        rows += [(at, start, 20_000), (start, end, 36_000)]
        at = end
    rows.append((at, until, 20_000))
    return Resource("out", "outdoor", items, values=tuple(row for row in rows if row[0] < row[1]))


def hot_terms() -> Terms:
    """Above 35 °C nothing counts."""
    rule = "      - {class: hot, while: {observe: outdoor, above: 35 degC}, effect: not_down}"
    text = TERMS.replace("COMBINE", "single").replace("    exclude:\n", f"    exclude:\n{rule}\n")
    return load_terms(text)


@pytest.mark.parametrize("items", [(), ("r1",)])
def test_what_no_circumstance_excused_is_owed_and_costs_more_from_now_on(
    items: tuple[str, ...],
) -> None:
    began = T - 2 * DAY
    bad: tuple[int, int, State] = (began, began + HOUR, "down")
    hot = (began - DAY, began - DAY + HOUR)
    terms = hot_terms()
    told = tell(T, feed(bad, until=T), heat(hot, until=T, items=items), terms=terms)
    month = facts_of(feed(bad, until=JUNE.end), heat(hot, until=JUNE.end, items=items))
    [judged] = evaluate(terms, month, JUNE).results
    [promise] = told.promises
    assert promise.result.result == judged.result == "breached"
    assert told.owed.likely == judged.credit.amount == Decimal("100.00")
    assert promise.step is not None
    assert promise.step.after_ms == 156 * MINUTE + 1000


def test_what_a_circumstance_excused_is_excused_again_with_it() -> None:
    began = T - 2 * DAY
    bad = feed((began, began + HOUR, "down"), until=T)
    hot = tell(T, bad, heat((began, began + HOUR), until=T), terms=hot_terms())
    assert hot.at_rate is not None
    assert (hot.owed.most, hot.at_rate.most) == (NOTHING, NOTHING)
    # An hour of every week, half of it excused: 4 × 30 minutes.
    half = tell(T, bad, heat((began, began + HOUR // 2), until=T), terms=hot_terms())
    assert half.at_rate is not None
    assert half.at_rate.least == half.at_rate.likely == Decimal("100.00")


def test_no_circumstance_is_supposed_to_hold_from_now_on() -> None:
    bad = feed((T - HOUR, T, "down"), until=T)
    told = tell(T, bad, heat((T - HOUR, T), until=T), terms=hot_terms())
    [promise] = told.promises
    assert told.owed.most == 0
    assert told.if_open is not None
    assert told.if_open.least == told.if_open.likely == Decimal("300.00")
    assert promise.step is not None
    assert promise.step.after_ms == 43 * MINUTE + 13_000
    # Nobody measured it then: a person decides on that hour.
    dark = tell(T, bad, terms=hot_terms())
    assert dark.promises[0].result.result == "needs_review"


def test_a_circumstance_may_be_measured_by_what_the_promise_watches() -> None:
    """Above 27 °C counts, above 45 °C something else is to blame."""
    rule = "while: {observe: power_feed, above: 45 degC}"
    text = TERMS.replace("COMBINE", "any\n    limit: {up_to: 27 degC}")
    terms = load_terms(text.replace("notice: 24 h", rule))
    start = T - 2 * DAY

    def air(value: int, until: int) -> Resource:
        rows = [(JUNE.start - DAY, start, 20_000), (start, start + HOUR, value)]
        return Resource("A", "power_feed", ("r1",), values=(*rows, (start + HOUR, until, 20_000)))

    warm, hot = tell(T, air(30_000, T), terms=terms), tell(T, air(50_000, T), terms=terms)
    assert warm.owed.likely == Decimal("100.00")
    assert evaluate(terms, facts_of(air(30_000, JUNE.end)), JUNE).credit_total == warm.owed.likely
    assert (hot.owed.most, hot.promises[0].result.result) == (NOTHING, "met")
    assert hot.promises[0].result.resources == ("A",)


@pytest.mark.parametrize("start", ["event", "ticket", "notice", "detected"])
def test_the_tickets_of_a_supposed_outage_are_closed_as_it_ends(start: str) -> None:
    clock = f"single\n    clock: {{start: {start}, stop: ticket_closed}}"
    terms = terms_of(clock)
    [well] = tell(T, feed(until=T), terms=terms).promises
    assert well.step is not None
    assert (well.step.after_ms, well.step.amount) == (43 * MINUTE + 13_000, Decimal("100.00"))
    # What lasts until the month ends stays open as long.
    down = tell(T, feed((T - HOUR, T, "down"), until=T), terms=terms)
    assert down.if_open is not None
    assert down.if_open.likely == Decimal("300.00")


def test_caps_hold_for_the_sum_not_for_a_step() -> None:
    items = (item("r1"), item("r2"))
    feeds = [
        feed((T - HOUR, T, "down"), name=name, until=T, items=(name,)) for name in ("r1", "r2")
    ]
    told = tell(T, *feeds, terms=terms_of(more=CAP), items=items)
    assert told.owed.likely == Decimal("150.00")
    assert [each.owed.likely for each in told.promises] == [Decimal("100.00")] * 2


def test_less_than_a_day_tells_no_rate_and_three_days_are_three_days() -> None:
    young = feed(since=T - HOUR, until=T)
    assert tell(T, young).at_rate is None
    three = tell(T, feed((T - DAY, T - DAY + 10 * MINUTE, "down"), since=T - 3 * DAY, until=T))
    assert three.window_ms == 3 * DAY
    assert three.at_rate is not None


def test_a_closed_month_is_what_its_statement_says() -> None:
    bad = feed((T, T + HOUR, "down"), (T + DAY, T + DAY + HOUR, "unknown"), until=JUNE.end + DAY)
    told = tell(JUNE.end, bad)
    judged = evaluate(terms_of(), facts_of(bad), JUNE)
    assert told.owed.likely == judged.credit_total
    assert told.at_rate is None
    assert told.if_open is None
    assert told.promises[0].step is None
    assert told.promises[0].result == judged.results[0]


def test_alike_promises_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[int, int] = {}
    judge = evaluate_metric

    def counted(*arguments: Any) -> Any:
        counts[len(items)] = counts.get(len(items), 0) + 1
        return judge(*arguments)

    monkeypatch.setattr(module, "evaluate_metric", counted)
    for number in (1, 50):
        items = tuple(item(f"r{n}") for n in range(number))
        feeds = [feed(name=f"f{n}", until=T, items=(f"r{n}",)) for n in range(number)]
        told = tell(T, *feeds, items=items)
        assert len({each.step for each in told.promises}) == 1
    # One more each, not one search more each.
    assert counts[50] == counts[1] + 49


def test_the_instant_lies_in_the_period() -> None:
    with pytest.raises(ValueError, match="outside"):
        tell(JUNE.start, feed(until=T))
