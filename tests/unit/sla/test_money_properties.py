"""Properties of credits, caps, combination, claims and rights on random contracts and outages."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.business_days import is_business_day
from dcim.sla.rules.evaluation import Evaluation, evaluate
from dcim.sla.rules.facts import Calendar, Claim, Facts, Item, Past, PastResult, Resource, State
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.money import caps, combination
from dcim.sla.rules.money.claims import find_deadline
from dcim.sla.rules.money.forms import chosen_events
from dcim.sla.rules.outcomes import Event, Outcome
from dcim.sla.rules.periods import month_period, to_ms
from dcim.sla.rules.terms import Credit, Settle, Terms
from tests.examples import examples

MONTH = month_period("2026-06", "Asia/Shanghai")
MINUTE, DAY = 60_000, 86_400_000
NAMES = ("a", "b", "c")
MONOTONE = (
    "form: per_increment, increment: 45 min, counted: started, each: 3 %",
    "form: per_increment, after: 0.1 %, increment: 15 min, counted: full, each: 33.00",
    "form: per_increment, beyond: target, increment: 1 h, counted: full, each: 7.77",
    "form: per_day, each: 1 day, day_value: mrc/days",
    "form: prorata, beyond: target, multiple: 10, day_value: mrc/30",
    "form: prorata, multiple: 3, min_days: 1, day_value: mrc*12/365",
    "form: flat, give: 9.50 per unit",
    "form: flat, give: 100 %, base: area_share, fee_of: week, week_value: mrc*12/52",
    "form: flat, give: 10 %, base: larger_of_fee_and_usage",
)
OTHERS = (
    "form: per_event, each: 1 day, day_value: mrc/30, at_most: 2 per 24 h",
    "form: per_increment, per: event, increment: 1 h, counted: started, each: 9 %, cap_event: 20 %",
    "form: per_event, each: 8 %, cap_day: 12 %",
    "form: tiers_events, tiers: [{up_to: 2, credit: 5 %}, {above: 2, credit: 25 %}]",
)


def contract(forms: list[str], tail: str = "", cap: str = "60 %") -> Terms:
    metrics = "".join(
        f"""
  {name}:
    title: {{zh: 指标, en: Metric}}
    kind: power
    applies_to: cabinet
    observe: {name}
    combine: single
    event_rounding: none
    target: downtime <= 10 min
    credit: {{{form}, cap: {cap}}}"""
        for name, form in zip(NAMES, forms, strict=False)
    )
    return load_terms(f"""
terms: random
version: "1"
title: {{zh: 随机, en: Random}}
currency: CNY
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
metrics:{metrics}
{tail}
""")


Outages = list[tuple[int, int]]  # minutes of the month, and how long


def facts_of(outages: list[Outages], shuffle: random.Random | None = None) -> Facts:
    resources = []
    for name, mine in zip(NAMES, outages, strict=False):
        states: list[tuple[int, int, State]] = [(MONTH.start, MONTH.end, "up")]
        for start, length in mine:
            begin = MONTH.start + start * MINUTE
            states.append((begin, min(begin + length * MINUTE, MONTH.end), "down"))
        if shuffle is not None:
            shuffle.shuffle(states)
        resources.append(Resource(f"r{name}", name, ("i", "j"), tuple(states)))
    items = [
        Item("i", "cabinet", Decimal("1000.00"), Decimal(1000), 0, 10**14, site="S",
             units=Decimal(16), area=Decimal(30), usage=Decimal("1234.56"), paid=Decimal(900)),
        Item("j", "cabinet", Decimal("333.33"), Decimal(333), 0, 10**14, site="S",
             units=Decimal(3), area=Decimal(5), usage=Decimal(0), paid=Decimal(300)),
    ]  # fmt: skip
    past = [
        Past(month_period(f"2026-0{n}", "Asia/Shanghai").start,
             month_period(f"2026-0{n}", "Asia/Shanghai").end, {}, Decimal(50 * n))
        for n in range(1, 6)
    ]  # fmt: skip
    if shuffle is not None:
        for part in (items, past, resources):
            shuffle.shuffle(part)
    return Facts(tuple(items), tuple(resources), past=tuple(past), site_areas={"S": Decimal(1000)})


outage = st.tuples(st.integers(0, 43_000), st.integers(1, 2000))
outages = st.lists(st.lists(outage, max_size=5), min_size=3, max_size=3)
some_forms = st.lists(st.sampled_from(MONOTONE + OTHERS), min_size=3, max_size=3)
TAILS = (
    "",
    "combine_credits: max",
    "combine_credits: once_per_time",
    "exclusive: [{metrics: [a, b]}]",
    "not_combinable: a",
    "combine_credits: once_per_time\nnot_combinable: [b]\nexclusive: [{metrics: [a, c]}]",
)
CAPS = "caps: {item: 50 %, month: 40 %, year: 8 %, of: paid, min_payout: 20.00}"


def run(terms: Terms, facts: Facts) -> Evaluation:
    return evaluate(terms, facts, MONTH)


def check_sums_and_caps(found: Evaluation) -> None:
    credits = sum((result.credit.amount for result in found.results), Decimal(0))
    taken = sum((line.amount for line in found.caps), Decimal(0))
    assert found.credit_total == credits - taken
    assert all(line.amount > 0 for line in found.caps)
    for result in found.results:
        base = result.credit.base
        assert result.credit.amount <= base * 60 / 100 + Decimal("0.01")
    left = {"i": Decimal(0), "j": Decimal(0)}
    for result in found.results:
        left[result.item.id] += result.credit.amount
    for line in found.caps:
        if line.item is not None:
            left[line.item] -= line.amount
    assert 0 <= left["i"] <= 450
    assert 0 <= left["j"] <= 150
    # 8 % of twelve times 1200.00 paid is 1152.00, of which 750.00 were given before
    assert found.credit_total == 0 or 20 <= found.credit_total <= min(480, 1152 - 750)


@settings(max_examples=examples(150))
@given(some_forms, outages, st.sampled_from(TAILS))
def test_lines_add_up_and_no_credit_is_above_any_cap(
    forms: list[str], down: list[Outages], tail: str
) -> None:
    check_sums_and_caps(run(contract(forms, f"{tail}\n{CAPS}"), facts_of(down)))


def test_the_check_of_caps_notices_a_cap_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: without the contract's caps the same check fails."""
    terms = contract(["form: flat, give: 60 %"], CAPS)
    facts = facts_of([[(0, 100)], [], []])
    check_sums_and_caps(run(terms, facts))
    monkeypatch.setattr(caps, "_contract_caps", lambda *_: [])
    with pytest.raises(AssertionError):
        check_sums_and_caps(run(terms, facts))


@settings(max_examples=examples(60))
@given(some_forms, outages, st.sampled_from(TAILS), st.integers(0, 2**30))
def test_the_order_of_facts_is_irrelevant(
    forms: list[str], down: list[Outages], tail: str, seed: int
) -> None:
    terms = contract(forms, f"{tail}\n{CAPS}")
    plain = run(terms, facts_of(down))
    mixed = [list(mine) for mine in down]
    for mine in mixed:
        random.Random(seed).shuffle(mine)
    assert run(terms, facts_of(mixed, random.Random(seed))) == plain


@settings(max_examples=examples(150))
@given(st.sampled_from(MONOTONE), st.lists(outage, max_size=4), outage)
def test_more_downtime_never_gives_less(form: str, few: Outages, more: tuple[int, int]) -> None:
    terms = contract([form], cap="100000.00")
    first, later = run(terms, facts_of([few])), run(terms, facts_of([[*few, more]]))
    for before, after in zip(first.results, later.results, strict=True):
        assert after.credit.amount >= before.credit.amount
    assert later.credit_total >= first.credit_total


@settings(max_examples=examples(150))
@given(some_forms, outages)
def test_once_per_time_lies_between_the_highest_and_the_sum(
    forms: list[str], down: list[Outages]
) -> None:
    facts = facts_of(down)
    once = run(contract(forms, "combine_credits: once_per_time"), facts).credit_total
    summed = run(contract(forms), facts).credit_total
    highest = run(contract(forms, "combine_credits: max"), facts).credit_total
    assert highest <= once <= summed


def test_the_same_outage_twice_gives_one_credit_and_apart_gives_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terms = contract(["form: flat, give: 10 %"] * 2, "combine_credits: once_per_time")
    both = run(terms, facts_of([[(0, 100)], [(0, 100)]]))
    apart = run(terms, facts_of([[(0, 100)], [(200, 100)]]))
    assert (both.credit_total, apart.credit_total) == (Decimal("133.33"), Decimal("266.66"))
    monkeypatch.setattr(combination, "without_time", lambda _, outcome, __: outcome)  # control
    assert run(terms, facts_of([[(0, 100)], [(0, 100)]])).credit_total == Decimal("266.66")


def outcome_of(starts: list[int]) -> Outcome:
    events = tuple(Event(s, s + 10, ((s, s + 10),), 10) for s in sorted(set(starts)))
    return Outcome(events, 10 * len(events), 0, 0, 1000, True)


@settings(max_examples=examples(150))
@given(st.lists(st.integers(0, 100), max_size=8), st.integers(1, 3), st.integers(1, 40))
def test_at_most_finds_as_many_outages_as_can_be(starts: list[int], most: int, window: int) -> None:
    outcome = outcome_of(starts)
    chosen = chosen_events(Credit("per_event", at_most=(most, window)), outcome)

    def fits(events: tuple[Event, ...]) -> bool:
        return all(
            sum(1 for other in events if event.start <= other.start < event.start + window) <= most
            for event in events
        )

    possible = (
        len(events)
        for count in range(len(outcome.events) + 1)
        for events in itertools.combinations(outcome.events, count)
        if fits(events)
    )
    assert fits(chosen)
    assert len(chosen) == max(possible)


@settings(max_examples=examples(150))
@given(
    st.integers(0, 60),
    st.integers(1, 15),
    st.sets(st.integers(0, 90), max_size=20),
    st.sets(st.integers(0, 90), max_size=5),
)
def test_business_days_are_counted_one_by_one(
    start: int, count: int, off: set[int], worked: set[int]
) -> None:
    first = date(2026, 5, 1)
    calendar = Calendar(
        frozenset(first + timedelta(days=n) for n in off - worked),
        frozenset(first + timedelta(days=n) for n in worked),
    )
    at = to_ms(datetime(2026, 5, 1, 13, tzinfo=UTC)) + start * DAY
    settle = Settle(on_claim=True, business_days=count)
    deadline = find_deadline(settle, at, "UTC", calendar)
    assert deadline is not None
    begin = first + timedelta(days=start)
    end = datetime.fromtimestamp(deadline / 1000, UTC).date()
    days = [begin + timedelta(days=n + 1) for n in range((end - begin).days)]
    assert sum(is_business_day(day, calendar) for day in days) == count
    assert is_business_day(end, calendar)
    assert (deadline + 1) % DAY == 0


CLAIM = "settle: {when: on_claim, claim: {within: 72 h, from: event_end}}"


@settings(max_examples=examples(100))
@given(
    some_forms,
    outages,
    st.lists(st.integers(0, 50_000), max_size=4),
    st.one_of(st.none(), st.integers(0, 60_000)),
)
def test_claims_never_give_more_than_without(
    forms: list[str], down: list[Outages], made: list[int], as_of: int | None
) -> None:
    facts = facts_of(down)
    whole = run(contract(forms), facts)
    claims = tuple(Claim(f"c{n}", MONTH.start + at * MINUTE) for n, at in enumerate(made))
    now = None if as_of is None else MONTH.start + as_of * MINUTE
    found = run(contract(forms, CLAIM), replace(facts, claims=claims, as_of=now))
    assert 0 <= found.credit_total + found.claimable_total <= whole.credit_total
    if now is None:
        assert found.claimable_total == 0
    if not made and now is None:
        assert found.credit_total == 0
        credited = {result.id for result in whole.results if result.credit.amount}
        lost = {result.id for result in found.results if result.result == "not_eligible"}
        assert lost == credited
    always = tuple(Claim(f"c{n}", MONTH.start + n * DAY) for n in range(40))
    assert run(contract(forms, CLAIM), replace(facts, claims=always)).credit_total == (
        whole.credit_total
    )


NEEDS: dict[str, dict[str, Any]] = {
    "form: flat, give: 9.50 per unit": {"units": None},
    "form: flat, give: 10 %, base: larger_of_fee_and_usage": {"usage": None},
    "form: flat, give: 10 %, base: paid": {"paid": None},
    "form: flat, give: 10 %, base: site": {"site": ""},
    "form: flat, give: 10 %, base: area_share": {"area": None},
}


@pytest.mark.parametrize("form", NEEDS)
def test_a_missing_fact_is_named_and_never_decided(form: str) -> None:
    facts = facts_of([[(0, 100)]])
    known = run(contract([form]), facts)
    assert {result.result for result in known.results} == {"breached"}
    assert known.credit_total > 0
    ((key, value),) = NEEDS[form].items()
    items = tuple(replace(item, **{key: value}) for item in facts.items)
    for result in run(contract([form]), replace(facts, items=items)).results:
        assert (result.result, result.credit.amount) == ("needs_review", Decimal(0))
        assert f"({key})" in result.notes[0]["en"]


@pytest.mark.parametrize("base", ["invoice", "next_invoice"])
def test_an_unknown_invoice_is_named(base: str) -> None:
    terms = contract([f"form: flat, give: 10 %, base: {base}"])
    facts = facts_of([[(0, 100)]])
    assert f"({base})" in run(terms, facts).results[0].notes[0]["en"]
    known = replace(facts, invoice=Decimal(500), next_invoice=Decimal(700))
    want = {"invoice": "100.00", "next_invoice": "140.00"}[base]
    assert str(run(terms, known).credit_total) == want
    lapse = contract(["form: flat, give: 60 %"], "settle: {carry_forward: no}")
    assert "(invoice)" in run(lapse, facts).results[0].notes[0]["en"]
    assert str(run(lapse, known).credit_total) == "500.00"


@settings(max_examples=examples(150))
@given(
    some_forms,
    outages,
    st.sampled_from(["6 %", "13 %", "7.7 %"]),
    st.sampled_from(["net", "gross"]),
)
def test_tax_is_rounded_once_a_line(
    forms: list[str], down: list[Outages], rate: str, credit_is: str
) -> None:
    tail = f"{CAPS}\ntax: {{rate: {rate}, mode: added, credit_is: {credit_is}}}"
    found = run(contract(forms, tail), facts_of(down))
    *lines, total = found.taxed
    factor = 1 + Fraction(rate.removesuffix(" %")) / 100
    for line in found.taxed:
        assert line.net + line.tax == line.gross
    for line in lines:
        exact = Fraction(line.net) * factor
        if credit_is == "gross":
            assert abs(Fraction(line.gross) / factor - Fraction(line.net)) <= Fraction(1, 200)
        else:
            assert abs(exact - Fraction(line.gross)) <= Fraction(1, 200)
    assert getattr(total, credit_is) == found.credit_total
    assert total.tax == sum((line.tax for line in lines), Decimal(0))


def past_of(missed: list[bool | None]) -> tuple[Past, ...]:
    """May, April, … back; None: nobody knows that month."""
    found = []
    for back, one in enumerate(missed):
        if one is not None:
            period = month_period(f"2026-0{5 - back}", "Asia/Shanghai")
            results = {"a.i": PastResult(one, Decimal(0))}
            found.append(Past(period.start, period.end, results))
    return tuple(found)


@settings(max_examples=examples(150))
@given(st.lists(st.sampled_from([True, False, None]), max_size=4), st.integers(2, 5))
def test_a_right_that_hangs_on_an_unknown_month_is_never_denied(
    missed: list[bool | None], need: int
) -> None:
    """Whatever the unknown months were, a known answer stays the answer."""
    tail = f"termination: [{{when: consecutive missed periods >= {need}}}]"
    terms = contract(["form: flat, give: 9 %"], tail)
    facts = facts_of([[(0, 100)]])
    months = [*missed, *[None] * (4 - len(missed))]

    def right(past: list[bool | None]) -> tuple[bool, bool]:
        found = run(terms, replace(facts, past=past_of(past))).rights
        mine = next(right for right in found if right.metric == "a.i")
        return mine.reached, mine.known

    reached, known = right(months)
    gaps = [n for n, one in enumerate(months) if one is None]
    answers = set()
    for filling in itertools.product([True, False], repeat=len(gaps)):
        filled = list(months)
        for n, one in zip(gaps, filling, strict=True):
            filled[n] = one
        answers.add(right(filled)[0])
    if known:
        assert answers == {reached}
    else:
        assert not reached
        assert None in months[: need - 1]


@settings(max_examples=examples(100))
@given(st.lists(outage, max_size=5), st.lists(st.integers(0, 60), max_size=4), st.integers(1, 4))
def test_windows_that_reach_back_count_like_a_list_of_outages(
    here: Outages, before: list[int], more_than: int
) -> None:
    """Oracle: every window of 30 days that begins at a whole hour and reaches into the month."""
    days = sorted(set(before))
    events = tuple((MONTH.start - (n + 1) * DAY, MONTH.start - (n + 1) * DAY + 60 * MINUTE)
                   for n in days)  # fmt: skip
    months = [month_period(f"2026-0{n}", "Asia/Shanghai") for n in (4, 5)]
    past = tuple(
        Past(m.start, m.end, {"a.i": PastResult(bool(mine), Decimal(0), mine)})
        for m in months
        for mine in [tuple(e for e in events if m.start <= e[0] < m.end)]
    )  # fmt: skip
    tail = f"termination: [{{when: events > {more_than}, window: any 30 d}}]"
    terms = contract(["form: flat, give: 9 %"], tail)
    hours = [(start // 60 * 60, 30) for start, _ in here]
    facts = replace(facts_of([hours]), past=past)
    found = next(right for right in run(terms, facts).rights if right.metric == "a.i")
    result = next(r for r in run(terms, facts).results if r.id == "a.i")
    spans = [*events, *((event.start, event.end) for event in result.outcome.events)]
    hour = 60 * MINUTE
    most = max(
        sum(1 for s, _ in spans if at <= s < at + 30 * DAY)
        for at in range(MONTH.start - 30 * DAY + hour, MONTH.end, hour)
    )
    assert found.known
    assert found.reached == (most > more_than)
