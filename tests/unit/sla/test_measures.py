"""What is measured beside states: averages, figures, answers, business days; slow twins of each."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.business_days import (
    add_business_days,
    end_of_business_day,
    latest_before,
)
from dcim.sla.rules.facts import Calendar, Facts, Ticket
from dcim.sla.rules.intervals import Interval, Intervals, clip, total, union
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.measures.answers import find_deadline
from dcim.sla.rules.measures.availability import gather_within
from dcim.sla.rules.measures.averages import split_by_limit
from dcim.sla.rules.measures.clocks import is_reported, run_clock
from dcim.sla.rules.measures.figures import find_figure
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.rules.terms import (
    Answers,
    Average,
    FigureBound,
    Metric,
    Range,
    Report,
    Target,
    Within,
)
from tests.examples import examples

HORIZON = 120
Row = tuple[int, int, int]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Disjoint stretches with values, and gaps between some of them."""
    found: list[Row] = []
    at = draw(st.integers(0, 10))
    while at < HORIZON - 1 and len(found) < 8:
        end = min(at + draw(st.integers(1, 30)), HORIZON)
        found.append((at, end, draw(st.integers(0, 9))))
        at = end + draw(st.sampled_from([0, 0, 0, 3]))
    return found


def cells(found: list[Row]) -> list[int | None]:
    values: list[int | None] = [None] * HORIZON
    for start, end, value in found:
        values[start:end] = [value] * (end - start)
    return values


def paint(intervals: Intervals) -> set[int]:
    return {at for start, end in intervals for at in range(start, end)}


@settings(max_examples=examples(200))
@given(rows(), st.integers(1, 40), st.integers(0, 9), st.booleans())
def test_aligned_means_are_those_of_a_slow_loop(
    found: list[Row], length: int, bound: int, inclusive: bool
) -> None:
    limit = Range(None, False, Decimal(bound), inclusive)
    good, bad = split_by_limit(found, limit, Average(length))
    values = cells(found)
    want_good: set[int] = set()
    want_bad: set[int] = set()
    for start in range(0, HORIZON, length):
        known = [at for at in range(start, min(start + length, HORIZON)) if values[at] is not None]
        if known:
            mean = Fraction(sum(values[at] or 0 for at in known), len(known))
            well = mean < bound or (inclusive and mean == bound)
            (want_good if well else want_bad).update(known)
    assert (paint(good), paint(bad)) == (want_good, want_bad)


@settings(max_examples=examples(200))
@given(rows(), st.integers(1, 40), st.integers(0, 9), st.booleans())
def test_rolling_means_are_those_of_a_slow_loop(
    found: list[Row], length: int, bound: int, inclusive: bool
) -> None:
    limit = Range(None, False, Decimal(bound), inclusive)
    good, bad = split_by_limit(found, limit, Average(length, rolling=True))
    values = cells(found)
    want_good: set[int] = set()
    want_bad: set[int] = set()
    begun = next((at for at, value in enumerate(values) if value is not None), HORIZON)
    opening = values[begun : begun + length]
    if None not in opening and len(opening) == length:
        mean = Fraction(sum(value or 0 for value in opening), length)
        well = mean < bound or (inclusive and mean == bound)
        (want_good if well else want_bad).update(range(begun, begun + length))
    for at in range(length, HORIZON):
        window = values[at - length : at]
        # The instant must lie in a measured stretch: an hour after a probe died nothing is known.
        if None in window or values[at] is None:
            continue
        mean = Fraction(sum(value or 0 for value in window), length)
        well = mean < bound or (inclusive and mean == bound)
        (want_good if well else want_bad).add(at)
    assert (paint(good), paint(bad)) == (want_good, want_bad)


@settings(max_examples=examples(200))
@given(rows().filter(bool), st.integers(1, 100))
def test_figures_are_those_of_every_single_instant(found: list[Row], percentile: int) -> None:
    points = sorted(value for value in cells(found) if value is not None)

    def figure(measure: str, p: int = 0) -> Fraction:
        return find_figure(FigureBound(measure, Decimal(0), True, True, "ms", Decimal(p)), found)  # type: ignore[arg-type]

    assert figure("mean") == Fraction(sum(points), len(points))
    assert [figure("highest"), figure("lowest")] == [Fraction(points[-1]), Fraction(points[0])]
    rank = -(-percentile * len(points) // 100)
    assert figure("percentile", percentile) == points[rank - 1]


CALENDAR = Calendar(
    holidays=frozenset({date(2026, 10, day) for day in range(1, 8)}),
    worked=frozenset({date(2026, 10, 10)}),  # a Saturday moved for the national day
)


def test_business_days_leave_out_holidays_and_count_moved_days() -> None:
    zone = "Asia/Shanghai"
    asked = to_ms(datetime(2026, 9, 30, 15, tzinfo=ZoneInfo(zone)))  # a Wednesday
    # 8 and 9 October, Saturday the 10th (moved), Monday the 12th, Tuesday the 13th.
    fifth = to_ms(datetime(2026, 10, 13, 15, tzinfo=ZoneInfo(zone)))
    assert add_business_days(asked, 5, zone, CALENDAR) == fifth
    assert end_of_business_day(asked, 5, zone, CALENDAR) == day_start(date(2026, 10, 14), zone)
    without = Calendar()
    assert end_of_business_day(asked, 5, zone, without) == day_start(date(2026, 10, 8), zone)
    # The last moment to give five business days' notice of that Tuesday, 15:00.
    assert latest_before(fifth, 5, zone, CALENDAR) == to_ms(
        datetime(2026, 10, 7, 15, tzinfo=ZoneInfo(zone))
    )


@settings(max_examples=examples(200))
@given(st.integers(0, 40 * 86_400_000), st.integers(1, 12))
def test_a_later_notice_would_run_out_too_late(after: int, count: int) -> None:
    zone = "Asia/Shanghai"
    start = to_ms(datetime(2026, 9, 20, tzinfo=ZoneInfo(zone))) + after
    last = latest_before(start, count, zone, CALENDAR)
    assert add_business_days(last, count, zone, CALENDAR) <= start
    assert add_business_days(last + 1, count, zone, CALENDAR) > start


@settings(max_examples=examples(200))
@given(
    st.integers(0, 60 * 24 * 9),
    st.integers(1, 60 * 30),
    st.tuples(st.integers(0, 23), st.integers(0, 24)).filter(lambda pair: pair[0] != pair[1]),
    st.booleans(),
)
def test_a_deadline_counts_only_minutes_in_which_time_runs(
    opened: int, within: int, hours: tuple[int, int], business: bool
) -> None:
    start, end = hours[0] * 60, hours[1] * 60
    answers = Answers("call", within * 60_000, (start, end), business)
    begin = datetime(2026, 9, 28, tzinfo=UTC)
    at = begin + timedelta(minutes=opened)
    facts = Facts((), (), calendar=CALENDAR)
    found = find_deadline(answers, to_ms(at), facts, "UTC")
    left, now = within, at
    while left:
        minute = now.hour * 60 + now.minute
        inside = start <= minute < end if end > start else (minute >= start or minute < end)
        day = now.date()
        if end < start and minute < end:
            day -= timedelta(days=1)  # the hours over midnight belong to the day they began on
        weekday = day.weekday() < 5 and day not in CALENDAR.holidays
        if inside and (not business or weekday or day in CALENDAR.worked):
            left -= 1
        now += timedelta(minutes=1)
    assert found == to_ms(now)


def test_business_hours_without_a_calendar_are_left_to_a_person() -> None:
    answers = Answers("call", 60_000, (540, 1080), business_days=True)
    assert find_deadline(answers, 0, Facts((), ()), "UTC") is None


def metric(**words: object) -> Metric:
    return Metric(
        id="m", title={"zh": "", "en": ""}, clause="", kind="power", applies_to=("cabinet",),
        observe="feed", combine="any", target=Target(downtime_ms=0), event_rounding=("none", 1),
        **words,  # type: ignore[arg-type]
    )  # fmt: skip


def test_each_clock_starts_with_its_own_record() -> None:
    tickets: tuple[Ticket, ...] = (
        Ticket("D", 110, None, ("f",), "detection"),
        Ticket("N", 120, None, ("f",), "notice"),
        Ticket("T", 130, 170, ("f",)),
    )

    def running(**words: object) -> Intervals:
        return run_clock(metric(**words), "f", [(100, 200)], tickets, 900)

    assert running(clock_start="event") == [(100, 200)]
    assert running(clock_start="detected") == [(110, 200)]
    assert running(clock_start="notice") == [(120, 200)]
    assert running(clock_start="ticket") == [(130, 200)]
    assert running(clock_start="notice", clock_stop="ticket_closed") == [(120, 170)]
    assert running(clock_stop="ticket_closed") == [(100, 170)]
    # A ticket that is still open lets the clock run; a notice alone is closed with itself.
    tickets = (Ticket("T", 130, None, ("f",)),)
    assert running(clock_start="ticket", clock_stop="ticket_closed") == [(130, 900)]
    tickets = (Ticket("N", 120, 300, ("f",), "notice"),)
    assert running(clock_start="notice", clock_stop="ticket_closed") == [(120, 300)]
    # Without its record: no notice, no downtime; our own detection is the measurement itself.
    bare = metric(clock_start="notice"), metric(clock_start="detected")
    assert [run_clock(m, "f", [(100, 200)], (), 900) for m in bare] == [[], [(100, 200)]]


@settings(max_examples=examples(300))
@given(
    st.lists(st.tuples(st.integers(0, 110), st.integers(1, 9)), max_size=8),
    st.integers(1, 12),
    st.integers(1, 30),
)
def test_what_adds_up_within_a_window_is_that_of_a_slow_loop(
    spans: list[tuple[int, int]], least: int, more: int
) -> None:
    """Every window is tried: pieces it touches are one outage where they add up inside it."""
    pieces = union((start, start + length) for start, length in spans)
    window = least + more
    found = gather_within(pieces, [], lambda parts: total(parts) >= least, window)
    counted = [parts for parts in found if total(parts) >= least]
    groups: list[set[Interval]] = []
    for at in range(-window, HORIZON + 1):
        inside = [(s, e) for s, e in pieces if s < at + window and e > at]
        if total(clip(inside, at, at + window)) >= least:
            together = set(inside).union(*(g for g in groups if g & set(inside)))
            groups = [g for g in groups if not g & set(inside)] + [together]
    assert sorted(counted) == sorted(sorted(group) for group in groups)


def test_a_cut_parts_what_a_window_would_hold_together() -> None:
    enough = [(0, 5), (5, 9), (12, 15)]

    def gather(cuts: list[int]) -> list[Intervals]:
        return gather_within(enough, cuts, lambda parts: total(parts) >= 3, 20)

    assert gather([]) == [enough]
    assert gather([5]) == [[(0, 5)], [(5, 9), (12, 15)]]


def test_a_report_in_time_is_one_about_this_outage() -> None:
    late = metric(report=Report(Within(50), "end"))

    def reported(*tickets: Ticket) -> bool | None:
        return is_reported(late, (100, 200), ("f",), tickets, "UTC", None)

    assert reported(Ticket("a", 250, None, ("f",)))
    assert not reported(Ticket("a", 251, None, ("f",)))
    assert not reported(Ticket("a", 150, None, ("other",)))
    assert not reported(Ticket("a", 150, None, ("f",), "detection"))
    assert not reported(Ticket("a", 20, 90, ("f",)))  # closed before it began
    assert reported(Ticket("a", 20, None, ("f",)))  # still open when it began
    business = metric(report=Report(Within(business_days=2), "end"))
    one = (Ticket("a", 150, None, ("f",)),)
    assert is_reported(business, (100, 200), ("f",), one, "UTC", None) is None
    assert is_reported(business, (100, 200), ("f",), one, "UTC", Calendar()) is True


def test_words_that_can_only_be_a_mistake_are_refused() -> None:
    def problem(body: str) -> str:
        text = f"""
terms: t
version: "1"
title: {{zh: 甲, en: A}}
currency: CNY
rounding: half_up to 0.01
time_zone: UTC
period: calendar_month
metrics:
  m:
    title: {{zh: 甲, en: A}}
    kind: network
    applies_to: bandwidth
{body}
"""
        try:
            load_terms(text)
        except TermsRefusedError as error:
            return str(error)
        return ""

    seen = "    observe: latency\n    combine: single\n"
    assert problem(f"{seen}    target: mean <= 45 ms") == ""
    assert "metric of its own" in problem(f"{seen}    target: [mean <= 45 ms, no downtime]")
    assert "limit" in problem(f"{seen}    target: mean <= 45 ms\n    limit: {{up_to: 9 ms}}")
    assert "needs answers" in problem(f"{seen}    target: on_time >= 95 %")
    assert "must be reached" in problem(
        "    answers: {to: call, within: 5 min}\n    target: on_time <= 95 %"
    )
    assert "units" in problem(f"{seen}    target: mean <= 45 m")
    assert "otherwise" in problem(f"{seen}    target: {{dual_fed: mean <= 45 ms}}")
    assert "state the limit" in problem(
        f"{seen}    average: 5 min\n    event_rounding: none\n    target: no downtime"
    )
    assert "announced windows" in problem(
        f"{seen}    event_rounding: none\n    target: no downtime\n    exclude:\n"
        "      - {class: hot, effect: not_down, notice: 1 h,"
        " while: {observe: out, above: 35 degC}}"
    )
    assert "draw <= 80 %" in problem(
        f"{seen}    event_rounding: none\n    target: no downtime\n    eligible: [Draw under 80]"
    )


def test_a_credit_must_fit_what_is_judged() -> None:
    def problem(target: str, credit: str) -> str:
        text = f"""
terms: t
version: "1"
title: {{zh: 甲, en: A}}
currency: CNY
rounding: half_up to 0.01
time_zone: UTC
period: calendar_month
metrics:
  m:
    title: {{zh: 甲, en: A}}
    kind: network
    applies_to: bandwidth
    observe: latency
    combine: single
    event_rounding: none
    target: {target}
    credit: {{form: {credit}, each: 1 %}}
"""
        try:
            load_terms(text)
        except TermsRefusedError as error:
            return str(error)
        return ""

    shortfall = "per_shortfall, counted: full, step:"
    assert problem("mean <= 45 ms", f"{shortfall} 3 ms") == ""
    assert problem("availability >= 99 %", f"{shortfall} 0.1 %") == ""
    assert "must be in ms" in problem("mean <= 45 ms", f"{shortfall} 1 %")
    assert "must be in %" in problem("availability >= 99 %", f"{shortfall} 3 ms")
    assert "counts outages" in problem("mean <= 45 ms", "per_event")
