"""Properties of the evaluation on random contracts, and agreement with the bitmap evaluator."""

import itertools
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.evaluation import Evaluation, evaluate
from dcim.sla.rules.facts import Facts, Item, Period, Resource, State, Ticket, Window
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.measures import availability
from dcim.sla.rules.terms import Terms
from tests.examples import examples
from tests.unit.sla.bitmap import DOWN, UNKNOWN, Clause, Works, World, answer

HORIZON = 900
START, END = 100, 800
WORDS: dict[int, State] = {0: "up", 1: "down", 2: "unknown"}


def terms_of(clause: Clause, tail: str = "") -> Terms:
    combine = f"at_least {clause.at_least} down" if clause.combine == "at_least" else clause.combine
    rounding = "none" if clause.rounding == "none" else f"{clause.rounding} to {clause.unit_s} s"
    target = (
        "no downtime"
        if clause.target_pct is None
        else f"availability >= {float(clause.target_pct):.1f} %"
    )
    short = "" if clause.short_s is None else f", outage_up_to: {clause.short_s} s"
    report = (
        ""
        if clause.report_s is None
        else f"    report: {{within: {clause.report_s} s, from: end}}\n"
    )
    return load_terms(f"""
terms: random
version: "1"
title: {{zh: 随机, en: Random}}
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
    combine: {combine}
    qualify: {"longer_than" if clause.strictly else "at_least"} {clause.qualify_s} s
    counts_from: {"threshold" if clause.from_threshold else "start"}
    clock: {{start: {clause.clock if clause.by_ticket else "event"}}}
    event_rounding: {rounding}
    unknown: {{bridge: {clause.bridge_s} s}}
    exclude: [{{class: maintenance, notice: {clause.notice_s} s, effect: {clause.effect}{short}}}]
{report}    target: {target}
    credit:
      form: per_increment
      increment: {clause.increment_s} s
      counted: {"started" if clause.started else "full"}
      each: {clause.each_pct} %
      cap: {clause.cap_pct} %
{tail}""")


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    return Clause(
        combine=draw(st.sampled_from(["single", "any", "all", "at_least"])),
        at_least=draw(st.integers(1, 3)),
        qualify_s=draw(st.sampled_from([0, 5, 30, 60])),
        strictly=draw(st.booleans()),
        from_threshold=draw(st.booleans()),
        bridge_s=draw(st.sampled_from([0, 5, 20])),
        by_ticket=draw(st.booleans()),
        rounding=draw(st.sampled_from(["none", "up", "down"])),
        unit_s=draw(st.sampled_from([7, 60])),
        notice_s=draw(st.sampled_from([0, 50])),
        effect=draw(st.sampled_from(["out_of_both", "not_down"])),
        target_pct=draw(st.sampled_from([None, Fraction(99), Fraction(905, 10)])),
        increment_s=draw(st.sampled_from([10, 60])),
        started=draw(st.booleans()),
        each_pct=draw(st.integers(1, 9)),
        cap_pct=draw(st.sampled_from([10, 50, 100])),
        clock=draw(st.sampled_from(["ticket", "notice", "detected"])),
        report_s=draw(st.sampled_from([None, None, 0, 40])),
        short_s=draw(st.sampled_from([None, None, 30])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    spans = st.tuples(st.integers(0, HORIZON - 1), st.integers(1, 120))
    states = []
    count = draw(st.integers(1, 3))
    for _ in range(count):
        cells = np.zeros(HORIZON, dtype=np.int8)
        for start, length in draw(st.lists(spans, max_size=4)):
            cells[start : start + length] = UNKNOWN
        for start, length in draw(st.lists(spans, max_size=5)):
            cells[start : start + length] = DOWN
        states.append(cells)
    some = st.lists(st.integers(0, count - 1), max_size=count, unique=True).map(tuple)
    works = draw(
        st.lists(
            st.builds(
                lambda start, length, ahead, names: Works(
                    start, min(start + length, HORIZON), start - ahead, names
                ),
                st.integers(0, HORIZON - 1),
                st.integers(1, 150),
                st.sampled_from([0, 49, 50, 500]),
                some,
            ),
            max_size=3,
        )
    )
    tickets = draw(
        st.lists(
            st.builds(
                lambda opened, length, names: (opened, opened + length, names),
                st.integers(0, HORIZON - 1),
                st.integers(1, 200),
                some,
            ),
            max_size=4,
        )
    )
    first = draw(st.sampled_from([START, START, 300]))
    kinds = draw(
        st.lists(
            st.sampled_from(["ticket", "notice", "detection"]),
            min_size=len(tickets),
            max_size=len(tickets),
        )
    )
    return World(states, works, tickets, (first, END), tuple(kinds))


def facts_of(world: World, *, pieces: random.Random | None = None) -> Facts:
    """The world as intervals; `pieces` splits every interval at random and shuffles all."""
    resources = []
    for index, cells in enumerate(world.states):
        rows: list[tuple[int, int, State]] = []
        edges = [0, *(np.flatnonzero(np.diff(cells)) + 1).tolist(), HORIZON]
        for low, high in itertools.pairwise(edges):
            cuts = [low, high]
            if pieces is not None and high - low > 2:
                cuts = sorted({low, high, *(pieces.randrange(low, high) for _ in range(3))})
            rows += [
                (a * 1000, b * 1000, WORDS[int(cells[low])]) for a, b in itertools.pairwise(cuts)
            ]
        if pieces is not None:
            rows += pieces.sample(rows, len(rows) // 2)  # said twice
            pieces.shuffle(rows)
        resources.append(Resource(f"r{index}", "feed", ("c",), tuple(rows)))
    if pieces is not None:
        pieces.shuffle(resources)
    return Facts(
        items=(
            Item("c", "cabinet", Decimal(1000), Decimal(1000), world.service[0] * 1000, 10**12),
        ),
        resources=tuple(resources),
        windows=tuple(
            Window(
                f"w{i}",
                "maintenance",
                w.start * 1000,
                w.end * 1000,
                w.announced * 1000,
                tuple(f"r{r}" for r in w.resources),
            )
            for i, w in enumerate(world.works)
        ),
        tickets=tuple(
            Ticket(f"t{i}", o * 1000, c * 1000, tuple(f"r{r}" for r in names), kind)  # type: ignore[arg-type]
            for i, (o, c, names, kind) in enumerate(world.reports())
        ),
    )


PERIOD = Period(START * 1000, END * 1000)


def run(clause: Clause, facts: Facts) -> Evaluation:
    return evaluate(terms_of(clause), facts, PERIOD)


def compare(clause: Clause, world: World) -> None:
    (result,) = run(clause, facts_of(world)).results
    for treatment, outcome in result.measurement.outcomes.items():
        want = answer(clause, world, treatment)
        got = (outcome.downtime_ms, outcome.unknown_ms, outcome.excluded_ms, outcome.denominator_ms)
        assert got == tuple(
            1000 * n for n in (want.downtime_s, want.unknown_s, want.excluded_s, want.denominator_s)
        ), treatment
        assert outcome.missed == want.missed
    if result.result == "breached":
        assert result.credit.amount == 10 * answer(clause, world, "left_out").credit_pct


@settings(max_examples=examples(200))
@given(clauses(), worlds())
def test_bitmap_evaluator_agrees(clause: Clause, world: World) -> None:
    compare(clause, world)


def test_bitmap_comparison_notices_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with union in place of intersection the comparison fails."""
    cells = [np.zeros(HORIZON, dtype=np.int8) for _ in range(2)]
    cells[0][200:300] = DOWN
    world = World(cells, [], [], (START, END))
    clause = Clause(
        "all", 1, 0, False, False, 0, False, "none", 7, 0, "not_down", None, 60, True, 5, 100
    )
    compare(clause, world)
    monkeypatch.setattr(availability, "_needed", lambda metric, count: 1)
    with pytest.raises(AssertionError):
        compare(clause, world)


@settings(max_examples=examples(60))
@given(clauses(), worlds(), st.integers(0, 2**30))
def test_order_splitting_and_repeating_change_nothing(
    clause: Clause, world: World, seed: int
) -> None:
    plain = run(clause, facts_of(world))
    shuffled = run(clause, facts_of(world, pieces=random.Random(seed)))
    assert shuffled == plain
    assert run(clause, facts_of(world)) == plain


@settings(max_examples=examples(60))
@given(clauses(), worlds())
def test_unknown_never_silently_decides(clause: Clause, world: World) -> None:
    (result,) = run(clause, facts_of(world)).results
    verdicts = {outcome.missed for outcome in result.measurement.outcomes.values()}
    if len(verdicts) > 1 or None in verdicts:
        assert result.result == "needs_review"
        assert result.credit.amount == 0
        assert result.at_least <= result.at_most
    else:
        assert result.result in ("met", "breached")


@settings(max_examples=examples(60))
@given(clauses(), worlds())
def test_trace_explains_every_second_once(clause: Clause, world: World) -> None:
    (result,) = run(clause, facts_of(world)).results
    lines = sorted((line.start, line.end) for line in result.measurement.trace)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(lines))
    low, high = result.measurement.service
    assert all(low <= start < end <= high for start, end in lines)
    if clause.rounding == "none":
        down = sum(x.end - x.start for x in result.measurement.trace if x.kind == "down")
        assert down == result.measurement.outcomes["left_out"].downtime_ms


@settings(max_examples=examples(60))
@given(clauses(), worlds(), st.integers(0, HORIZON - 1), st.integers(1, 300))
def test_excluding_more_time_never_adds_downtime(
    clause: Clause, world: World, start: int, length: int
) -> None:
    clause = replace(clause, rounding="none")
    more = replace(
        world, works=[*world.works, Works(start, min(start + length, HORIZON), -10_000, ())]
    )
    before = run(clause, facts_of(world)).results[0].measurement.outcomes["left_out"]
    after = run(clause, facts_of(more)).results[0].measurement.outcomes["left_out"]
    assert after.downtime_ms <= before.downtime_ms


@settings(max_examples=examples(60))
@given(clauses(), worlds(), st.integers(START, END - 1), st.integers(1, 100))
def test_more_downtime_never_gives_a_smaller_credit(
    clause: Clause, world: World, start: int, length: int
) -> None:
    clause = replace(clause, by_ticket=False, rounding="none")
    worse = [cells.copy() for cells in world.states]
    for cells in worse:
        cells[start : start + length] = DOWN
    few = run(clause, facts_of(world)).results[0].measurement.outcomes["up"]
    many = run(clause, facts_of(replace(world, states=worse))).results[0]
    assert many.measurement.outcomes["up"].downtime_ms >= few.downtime_ms


CAPS = "caps: {item: 30 %, month: 25 %}"


@settings(max_examples=examples(80))
@given(clauses(), worlds(), st.sampled_from(["sum", "max"]))
def test_credit_stays_within_its_caps(clause: Clause, world: World, combine: str) -> None:
    facts = facts_of(world)
    other = Item("d", "cabinet", Decimal("77.77"), Decimal(0), world.service[0] * 1000, 10**12)
    resources = tuple(replace(r, items=("c", "d")) for r in facts.resources)
    facts = replace(facts, items=(*facts.items, other), resources=resources)
    found = evaluate(terms_of(clause, f"{CAPS}\ncombine_credits: {combine}"), facts, PERIOD)
    booked: dict[str, Decimal] = {"c": Decimal(0), "d": Decimal(0)}
    for result in found.results:
        assert result.credit.amount <= result.item.mrc * clause.cap_pct / 100 + Decimal("0.01")
        booked[result.item.id] += result.credit.amount
    for cap in found.caps:
        assert cap.amount > 0
        if cap.item:
            booked[cap.item] -= cap.amount
    assert booked["c"] <= 300
    assert booked["d"] <= Decimal("23.33")
    assert 0 <= found.credit_total <= Decimal("269.44")
    taken = sum((cap.amount for cap in found.caps), Decimal(0))
    given_ = sum((r.credit.amount for r in found.results), Decimal(0))
    assert found.credit_total == given_ - taken


def review_case(**decided: Any) -> Evaluation:
    cells = np.zeros(HORIZON, dtype=np.int8)
    cells[400:430] = UNKNOWN
    clause = Clause(
        "single", 1, 0, False, False, 0, False, "none", 7, 0, "not_down", None, 60, True, 5, 100
    )
    facts = replace(facts_of(World([cells], [], [], (START, END))), **decided)
    return run(clause, facts)


def test_a_person_decides_what_unknown_time_was() -> None:
    (open_,) = review_case().results
    assert (open_.result, open_.at_least, open_.at_most) == (
        "needs_review",
        Decimal("0.00"),
        Decimal("50.00"),
    )
    (up,) = review_case(decisions={"m.c": "up"}).results
    (down,) = review_case(decisions={"m.c": "down"}).results
    assert (up.result, up.credit.amount) == ("met", Decimal("0.00"))
    assert (down.result, down.credit.amount) == ("breached", Decimal("50.00"))


def test_an_item_that_nothing_observes_is_reviewed_not_met() -> None:
    (result,) = review_case(resources=()).results
    assert result.result == "needs_review"
    assert result.outcome.availability is None
