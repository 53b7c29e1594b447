"""Terms that change within a month: what is judged whole, what in parts, what can't change."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.evaluation import Evaluation, evaluate
from dcim.sla.rules.facts import Facts, Item, Past, PastResult, Resource, State
from dcim.sla.rules.intervals import subtract, union
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.versions import Version, join_versions
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.periods import day_start, month_period
from dcim.sla.rules.terms import Terms
from tests.examples import examples

PERIOD = month_period("2026-10", "UTC")
TURN = date(2026, 10, 15)
TURN_MS = day_start(TURN, "UTC")
MINUTE = 60_000
DAY = 1440 * MINUTE


def terms_of(
    target: str, give: str, version: str = "1", tail: str = "", title: str = "Power"
) -> Terms:
    return load_terms(f"""
terms: t
version: "{version}"
title: {{zh: 条款, en: Terms}}
currency: CNY
rounding: half_up to 0.01
time_zone: UTC
period: calendar_month
metrics:
  power:
    title: {{zh: 供电, en: {title}}}
    applies_to: cabinet
    observe: feed
    kind: power
    combine: any
    event_rounding: none
    target: {target}
    credit: {{form: flat, give: {give}}}
{tail}""")


def facts_of(*outages: tuple[int, int], past: tuple[Past, ...] = ()) -> Facts:
    """Minutes of the month, [from, to), in which the one feed was down."""
    down = [(PERIOD.start + a * MINUTE, PERIOD.start + b * MINUTE) for a, b in outages]
    word: State = "down"
    up: State = "up"
    states = [
        *((low, high, word) for low, high in union(down)),
        *((low, high, up) for low, high in subtract([(PERIOD.start, PERIOD.end)], down)),
    ]
    return Facts(
        items=(Item("A", "cabinet", Decimal(1000), Decimal(1000), 0, 10**15),),
        resources=(Resource("f", "feed", ("A",), tuple(sorted(states))),),
        days_in_period=31,
        past=past,
    )


def judge(terms: Terms, facts: Facts) -> Evaluation:
    return evaluate(terms, facts, PERIOD)


def told(found: Evaluation) -> dict[str, tuple[str, str]]:
    return {
        one.id: (f"{float(one.outcome.availability or 0) * 100:.6f}", str(one.credit.amount))
        for one in found.results
    }


# 60 minutes on the 10th, 5 on the 20th
OUTAGES = ((9 * 1440, 9 * 1440 + 60), (19 * 1440, 19 * 1440 + 5))


def test_each_version_judges_the_days_it_holds() -> None:
    """By hand: 60 of 14 d = 20,160 min, 5 of 17 d = 24,480 min."""
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.99 %", "10 %", "2"))],
    )
    found = judge(joined, facts_of(*OUTAGES))
    assert told(found) == {
        "power.A": ("99.702381", "50.00"),
        "power@2026-10-15.A": ("99.979575", "100.00"),
    }
    assert found.credit_total == Decimal("150.00")
    assert [one.metric.title["en"] for one in found.results] == [
        "Power (before 10-15)", "Power (from 10-15)",
    ]  # fmt: skip


def test_what_both_say_alike_is_judged_over_the_whole_month() -> None:
    """Halves would each miss nothing: 30 minutes each of a month's 44."""
    late = terms_of(
        "downtime < 44 min", "5 %", "2", title="Electricity", tail="caps: {month: 50 %}\n"
    )
    joined = join_versions(terms_of("downtime < 44 min", "5 %"), [Version(TURN, late)])
    outages = ((1440, 1440 + 30), (20 * 1440, 20 * 1440 + 30))
    found = judge(joined, facts_of(*outages))
    assert told(found) == {"power.A": (told(judge(late, facts_of(*outages)))["power.A"])}
    assert found.credit_total == Decimal("50.00")
    # Control: where they differ, each judges its own half.
    other = join_versions(
        terms_of("downtime < 44 min", "5 %"),
        [Version(TURN, terms_of("downtime < 44 min", "6 %", "2"))],
    )
    assert judge(other, facts_of(*outages)).credit_total == 0


def test_the_month_as_a_whole_follows_the_version_it_ends_with() -> None:
    first = terms_of("availability >= 99.9 %", "5 %", tail="caps: {month: 1 %}\n")
    last = terms_of("availability >= 99.99 %", "10 %", "2", tail="caps: {month: 12 %}\n")
    found = judge(join_versions(first, [Version(TURN, last)]), facts_of(*OUTAGES))
    assert found.credit_total == Decimal("120.00")
    assert [cap.key for cap in found.caps] == ["cap:month"]


def test_credits_that_exclude_each_other_do_so_across_the_turn() -> None:
    last = terms_of("availability >= 99.99 %", "10 %", "2", tail="combine_credits: max\n")
    joined = join_versions(terms_of("availability >= 99.9 %", "5 %"), [Version(TURN, last)])
    assert judge(joined, facts_of(*OUTAGES)).credit_total == Decimal("100.00")


RIGHT = "termination: [{metrics: power, when: events > 1}]\n"


def rights_of(found: Evaluation) -> list[tuple[str, bool, str]]:
    return [(right.metric, right.reached, right.value) for right in found.rights]


def test_rights_count_outages_of_the_whole_month() -> None:
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.99 %", "10 %", "2", tail=RIGHT))],
    )
    assert rights_of(judge(joined, facts_of(*OUTAGES))) == [("power.A", True, "2")]
    # An outage over the turn is one, not one of each version.
    turn = (TURN_MS - PERIOD.start) // MINUTE
    over = judge(joined, facts_of((turn - 30, turn + 30)))
    assert [len(one.outcome.events) for one in over.results] == [1, 1]
    assert rights_of(over) == [("power.A", False, "1")]


def test_rights_that_look_back_find_the_promise_under_its_own_name() -> None:
    tail = "termination: [{metrics: power, when: consecutive missed periods >= 3}]\n"
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.99 %", "10 %", "2", tail=tail))],
    )
    months = [month_period(f"2026-0{n}", "UTC") for n in (8, 9)]
    past = tuple(
        Past(one.start, one.end, {"power.A": PastResult(True, Decimal(50))}) for one in months
    )
    assert rights_of(judge(joined, facts_of(*OUTAGES, past=past))) == [("power.A", True, "3")]


def test_a_promise_that_only_one_version_makes() -> None:
    climate = """  climate:
    title: {zh: 温度, en: Climate}
    applies_to: cabinet
    observe: room
    kind: temperature
    combine: any
    event_rounding: none
    target: no downtime
"""
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.9 %", "5 %", "2", tail=climate))],
    )
    found = judge(joined, facts_of(*OUTAGES))
    assert [one.id for one in found.results] == ["power.A", "climate@2026-10-15.A"]
    service = found.results[1].measurement.service
    assert service == (TURN_MS, PERIOD.end)


def test_three_versions_and_one_that_goes_back() -> None:
    a, b = (
        terms_of("availability >= 99.9 %", "5 %"),
        terms_of("availability >= 99.99 %", "10 %", "2"),
    )
    joined = join_versions(a, [Version(date(2026, 10, 5), b), Version(date(2026, 10, 20), a)])
    assert [metric.id for metric in joined.metrics] == [
        "power", "power@2026-10-05", "power@2026-10-20",
    ]  # fmt: skip
    spans = [one.measurement.service for one in judge(joined, facts_of()).results]
    assert spans == [
        (PERIOD.start, PERIOD.start + 4 * DAY),
        (PERIOD.start + 4 * DAY, PERIOD.start + 19 * DAY),
        (PERIOD.start + 19 * DAY, PERIOD.end),
    ]


def test_an_item_that_ends_before_the_change_is_judged_once() -> None:
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.99 %", "10 %", "2"))],
    )
    facts = facts_of(*OUTAGES)
    [item] = facts.items
    found = judge(joined, replace(facts, items=(replace(item, end=TURN_MS - DAY),)))
    assert [one.id for one in found.results] == ["power.A"]


@settings(max_examples=examples(60))
@given(
    outages=st.lists(
        st.tuples(st.integers(0, 31 * 1440 - 1), st.integers(1, 3000)).map(
            lambda pair: (pair[0], min(pair[0] + pair[1], 31 * 1440))
        ),
        max_size=6,
    ),
    day=st.integers(2, 31),
    targets=st.tuples(*[st.sampled_from(["99.5", "99.9", "99.95", "99.99"])] * 2),
)
def test_parts_are_as_if_the_item_ended_and_another_began(
    outages: list[tuple[int, int]], day: int, targets: tuple[str, str]
) -> None:
    """The oracle: two contracts, one of the days before, one of the days from then on."""
    since = date(2026, 10, day)
    first = terms_of(f"availability >= {targets[0]} %", "5 %")
    last = terms_of(f"availability >= {targets[1]} %", "10 %", "2")
    facts = facts_of(*outages)
    [item] = facts.items
    turn = day_start(since, "UTC")
    found = judge(join_versions(first, [Version(since, last)]), facts)
    [before] = judge(first, replace(facts, items=(replace(item, end=turn),))).results
    [after] = judge(last, replace(facts, items=(replace(item, start=turn),))).results
    for got, want in zip(found.results, (before, after), strict=True):
        assert (got.outcome, got.credit, got.result) == (want.outcome, want.credit, want.result)
    assert found.credit_total == before.credit.amount + after.credit.amount


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"currency": "USD"}, "currency"),
        ({"timezone": "Asia/Shanghai"}, "time_zone"),
        ({"rounding": "down"}, "rounding"),
    ],
)
def test_what_counts_for_the_whole_month_cannot_change_within_it(
    change: dict[str, str], word: str
) -> None:
    first = terms_of("availability >= 99.9 %", "5 %")
    with pytest.raises(TermsRefusedError, match=f"{word}: .*first of a month"):
        join_versions(first, [Version(TURN, replace(first, **change))])  # type: ignore[arg-type]


def test_usage_cannot_change_within_a_month_and_versions_follow_each_other() -> None:
    usage = """usage:
  energy: {title: {zh: 电, en: Energy}, applies_to: cabinet, method: energy, price: 1.00}
"""
    first = terms_of("availability >= 99.9 %", "5 %")
    priced = terms_of("availability >= 99.9 %", "5 %", tail=usage)
    with pytest.raises(TermsRefusedError, match=r"usage: .*2026-10-15"):
        join_versions(first, [Version(TURN, priced)])
    assert join_versions(priced, [Version(TURN, priced)]).usage == priced.usage
    # Another name or number of the clause charges nothing else.
    renamed = terms_of(
        "availability >= 99.9 %",
        "5 %",
        tail=usage.replace("en: Energy}", 'en: Power}, clause: "9"'),
    )
    assert join_versions(priced, [Version(TURN, renamed)]).usage[0].clause == "9"
    with pytest.raises(TermsRefusedError, match="follow"):
        join_versions(first, [Version(TURN, first), Version(TURN, first)])


def test_words_tell_the_change_and_rights_name_the_promise_whole() -> None:
    joined = join_versions(
        terms_of("availability >= 99.9 %", "5 %"),
        [Version(TURN, terms_of("availability >= 99.99 %", "10 %", "2", tail=RIGHT))],
    )
    said = {str(part["id"]): part["text"] for part in clause_words(joined)}
    assert "from 2026-10-15" in said["changes"]["en"]  # type: ignore[index]
    assert {"power", "power@2026-10-15"} <= set(said)
    assert "Power:" in said["termination"]["en"]  # type: ignore[index]
    # Control: a month of one version tells of no change.
    assert "changes" not in {
        part["id"] for part in clause_words(terms_of("availability >= 99.9 %", "5 %"))
    }
