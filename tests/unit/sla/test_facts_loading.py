"""Facts files: what each word gives the rules, what is refused and where, what is warned of."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcim.errors import Message
from dcim.sla.rules.evaluation import evaluate
from dcim.sla.rules.facts import Past, PastResult, Request, Ticket, Window
from dcim.sla.rules.files import facts as facts_file
from dcim.sla.rules.files.facts import FactsFile, FactsRefusedError, load_facts
from dcim.sla.rules.files.usage import bill_usage
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import Node
from dcim.sla.rules.periods import parse_instant
from dcim.sla.rules.terms import Terms
from tests.unit.sla.test_cases import case_facts, read_case

TERMS = """
terms: t
version: "1"
title: {zh: 条款, en: Terms}
currency: CNY
rounding: half_up to 0.01
time_zone: Europe/Berlin
period: calendar_month
metrics:
  power:
    title: {zh: 供电, en: Power}
    kind: power
    applies_to: cabinet
    observe: power_feed
    combine: all
    qualify: at_least 10 min
    event_rounding: none
    unknown: {min_coverage: 95 %}
    exclude: [{class: maintenance, notice: 72 h, effect: out_of_both}]
    target: no downtime
    credit: {form: per_increment, increment: 1 h, counted: started, each: 5 %}
  climate:
    title: {zh: 温度, en: Temperature}
    kind: temperature
    applies_to: cabinet
    observe: sensor
    limit: {from: 18 degC, up_to: 27 degC}
    combine: any
    event_rounding: none
    target: no downtime
    credit: {form: flat, give: 10 %}
usage:
  bandwidth:
    title: {zh: 带宽, en: Bandwidth}
    applies_to: port
    method: percentile
    percentile: 95
    interval: 300 s
    direction: higher_percentile
    rank: nearest
    missing: dropped
    min_cover: 50 %
    commit: item
    price: {over: 8.00}
  energy:
    title: {zh: 电量, en: Energy}
    applies_to: cabinet
    method: energy
    price: 1.20
"""
FACTS = """
period: 2025-10
items:
  - {id: A05, kind: cabinet, mrc: 6000.00}
resources:
  a: power_feed
  b: power_feed
  t: {kind: sensor, otherwise: 22 degC}
"""

PORT = FACTS.replace("resources:", "  - {id: P1, kind: port, mrc: 100.00}\nresources:")
FULL = """\
period: 2025-10
items:
  - id: A05
    kind: cabinet
    mrc: 6000.00
    rent: 5000.00
    from: 2025-10-11
    to: 2025-10-21 00:00
    site: FRA1
    units: 16
    area: 2.4
    usage: 80.00
    paid: 4000.00
    conditions: {dual_fed: yes}
    figures: {draw: 71.5 %}
resources:
  a: power_feed
  b: {kind: power_feed, items: A05, otherwise: up}
  t: {kind: sensor, otherwise: 22 degC}
down: [[a, 2025-10-12 02:10, 2025-10-12 03:25]]
up: [{resource: b, from: 2025-10-12 02:10, to: 2025-10-12 03:25}]
unknown: [[t, 2025-10-13 02:10, 2025-10-13 03:25]]
values: [[t, 2025-10-14 02:10, 2025-10-14 03:25, 27.5 degC]]
usage:
  - usage: energy
    item: A05
    samples: {start: 2025-10-11, every: 15 min, unit: kWh, values: [1.5, 2]}
windows:
  - {id: W1, class: maintenance, start: 2025-10-20 00:30, end: 2025-10-20 02:30,
     announced_at: 2025-10-15 09:00, resources: a, approved: yes, evidence: report 7}
tickets:
  - {id: T9, kind: notice, opened_at: 2025-10-20 01:00, closed_at: 2025-10-20 02:00,
     resources: [a, b]}
requests:
  - {kind: urgent_call, opened_at: 2025-10-20 01:00, answered_at: 2025-10-20 01:20, items: A05}
  - {kind: urgent_call, opened_at: 2025-10-21 01:00}
claims:
  - {made_at: 2025-11-05 10:00, results: power.A05}
past:
  - period: 2025-09
    credited: 10.50
    capped: no
    results:
      power.A05: {missed: yes, credited: 10.50, events: [[2025-09-03 10:00, 2025-09-03 11:00]]}
calendar: {holidays: [2025-10-01, 2025-10-02], worked: 2025-10-11}
decisions: {power.A05: up}
as_of: 2025-12-01 00:00
good_standing: yes
invoice: 7000.00
next_invoice: 6500.00 CNY
site_areas: {FRA1: 1200 m2}
"""


@pytest.fixture(scope="module")
def terms() -> Terms:
    return load_terms(TERMS)


def read(terms: Terms, more: str = "", *, facts: str = FACTS, **how: Any) -> FactsFile:
    return load_facts(facts + more, terms, **how)


def refused(terms: Terms, more: str = "", *, facts: str = FACTS, **how: Any) -> str:
    with pytest.raises(FactsRefusedError) as caught:
        load_facts(facts + more, terms, **how)
    return str(caught.value)


# Worked cases that hold facts of a month.
CASES = [
    path
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    if "\nfacts:" in path.read_text(encoding="utf-8")
]


def dump(case: dict[str, Any]) -> str:
    """The case's facts as a file; where several items could be meant, resources name theirs."""
    facts = dict(case["facts"])
    serves = facts.pop("serves", {})
    if len(facts["items"]) > 1 or serves:
        names = [item["id"] for item in facts["items"]]
        facts["resources"] = {
            name: {"kind": kind, "items": serves.get(name, names)}
            for name, kind in facts["resources"].items()
        }
    return yaml.safe_dump(facts, allow_unicode=True)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_worked_cases_read_as_facts_files_evaluate_the_same(path: Path) -> None:
    case = read_case(path)
    terms = load_terms(case["terms"])
    file = load_facts(dump(case), terms)
    theirs = case_facts(case["facts"], file.period)
    ours, want = (evaluate(terms, f, file.period) for f in (file.facts, theirs))
    assert [replace(r, measurement=None) for r in ours.results] == [  # type: ignore[arg-type]
        replace(r, measurement=None)  # type: ignore[arg-type]
        for r in want.results
    ]
    assert ours.credit_total == want.credit_total
    assert str(ours.credit_total) == case["expected"]["credit_total"]
    assert [line.amount for line in ours.caps] == [line.amount for line in want.caps]


def test_local_times_and_offsets_name_the_same_instant(terms: Terms) -> None:
    rows = "down: [[a, 2025-10-09 02:10, 2025-10-09T03:25:00+02:00]]"
    (feed, *_) = read(terms, rows).facts.resources
    down = [span for span in feed.states if span[2] == "down"]
    assert down == [
        (parse_instant("2025-10-09T00:10:00Z"), parse_instant("2025-10-09T01:25:00Z"), "down")
    ]
    assert sum(end - start for start, end, _ in feed.states) == 31 * 86_400_000 + 3_600_000


def test_an_outage_over_the_start_of_the_month_keeps_its_length(terms: Terms) -> None:
    rows = """
down:
  - [a, 2025-09-30 23:55, 2025-10-01 00:07]
  - [b, 2025-09-30 23:55, 2025-10-01 00:07]
"""
    file = read(terms, rows)
    power = next(r for r in evaluate(terms, file.facts, file.period).results if "power" in r.id)
    assert power.outcome.downtime_ms == 7 * 60_000  # 12 min in all are long enough
    assert "reaches outside the period" in str(file.warnings[0])


def test_a_fact_outside_the_period_is_warned_of_and_left_out(terms: Terms) -> None:
    file = read(terms, "down: [[a, 2025-08-01 10:00, 2025-08-01 11:00]]")
    assert "line 9" in str(file.warnings[0])
    assert "outside the period" in str(file.warnings[0])
    assert {span[2] for span in file.facts.resources[0].states} == {"up"}


def test_an_outage_may_last_beyond_the_period(terms: Terms) -> None:
    file = read(terms, "down: [{resource: a, from: 2025-10-31 20:00, to: period_end}]")
    assert file.facts.resources[0].states[-1][1:] == (file.period.end, "down")


def test_otherwise_is_up_unknown_or_a_value(terms: Terms) -> None:
    facts = FACTS.replace("b: power_feed", "b: {kind: power_feed, otherwise: unknown}")
    file = read(terms, "values: [[t, 2025-10-03 10:00, 2025-10-03 11:00, 30.5 degC]]", facts=facts)
    a, b, t = file.facts.resources
    assert a.states == ((file.period.start, file.period.end, "up"),)
    assert b.states == ()
    assert t.values is not None
    assert [value for _, _, value in t.values] == [22_000, 30_500, 22_000]
    climate = evaluate(terms, file.facts, file.period).results[1]
    assert climate.outcome.downtime_ms == 3_600_000


def test_a_measured_resource_is_unknown_where_nothing_was_measured(terms: Terms) -> None:
    facts = FACTS.replace("t: {kind: sensor, otherwise: 22 degC}", "t: sensor")
    rows = "values: [[t, 2025-10-01 00:00, 2025-10-31 00:00, 20 degC]]"
    file = read(terms, rows, facts=facts)
    climate = evaluate(terms, file.facts, file.period).results[1]
    assert climate.outcome.unknown_ms == 86_400_000
    assert climate.result == "needs_review"


class TestSamplesOfResources:
    def test_states_and_values_come_from_tables(self, terms: Terms) -> None:
        tables = {
            "b.csv": "from,to,state\n2025-10-09 02:00,2025-10-09 03:00,down\n"
            "2025-10-09 03:00,2025-10-09 04:00,up\n2025-10-09 04:00,2025-10-09 04:30,unknown\n"
            "2025-10-09 04:30,2025-10-09 05:00,\n"
            "2025-11-09 04:00,2025-11-09 05:00,down\n",
            "t.csv": "from,to,degC\n2025-10-01 00:00,2025-10-31 12:00,-1.5\n"
            "2025-10-31 12:00,2025-10-31 24:00,\n",
        }
        facts = FACTS.replace("b: power_feed", "b: {kind: power_feed, samples: b.csv}").replace(
            "otherwise: 22 degC", "samples: t.csv"
        )
        file = read(terms, facts=facts, beside=tables.__getitem__)
        _, b, t = file.facts.resources
        at = parse_instant
        assert [span for span in b.states if span[2] != "up"] == [
            (at("2025-10-09T00:00:00Z"), at("2025-10-09T01:00:00Z"), "down"),
            (at("2025-10-09T02:00:00Z"), at("2025-10-09T02:30:00Z"), "unknown"),
            (at("2025-10-09T02:30:00Z"), at("2025-10-09T03:00:00Z"), "unknown"),
        ]
        assert t.values == ((file.period.start, at("2025-10-31T11:00:00Z"), -1500),)
        assert set(file.tables) == {"b.csv", "t.csv"}
        assert "1 rows of b.csv lie outside" in str(file.warnings[0])

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ("from,to,kelvin\n", "from,to and one of state, degC"),
            ("time,state\n", "must begin with from,to"),
            ("from,to,state\n2025-10-09 02:00,2025-10-09 03:00,dead\n", "line 2: 'dead' is no"),
            ("from,to,degC\n2025-10-09 02:00,2025-10-09 03:00,hot\n", "line 2: 'hot degC' does"),
            ("from,to,%RH\n2025-10-09 02:00,2025-10-09 03:00,5\n", "the terms' limit is in degC"),
            ('from,to,degC\n"2025', "line 2: unexpected end of data"),
        ],
    )
    def test_bad_tables_are_refused(self, terms: Terms, table: str, said: str) -> None:
        facts = FACTS.replace("otherwise: 22 degC", "samples: t.csv")
        assert said in refused(terms, facts=facts, beside=lambda _: table)

    def test_a_table_and_a_row_may_not_contradict(self, terms: Terms) -> None:
        facts = FACTS.replace("b: power_feed", "b: {kind: power_feed, samples: b.csv}")
        table = "from,to,state\n2025-10-09 02:00,2025-10-09 03:00,down\n"
        row = "up: [[b, 2025-10-09 02:30, 2025-10-09 02:40]]"
        assert "say which holds" in refused(terms, row, facts=facts, beside=lambda _: table)


def test_an_item_out_of_service_is_no_part_of_the_contract(terms: Terms) -> None:
    late = "  - {id: A06, kind: cabinet, mrc: 9.00, from: 2025-11-05}\nresources:"
    facts = FACTS.replace("resources:", late).replace("kind: sensor,", "kind: sensor, items: A05,")
    facts = facts.replace(": power_feed", ": {kind: power_feed, items: [A05, A06]}")
    file = read(terms, facts=facts)
    assert [item.id for item in file.facts.items] == ["A05"]
    assert "A06" not in {
        result.item.id for result in evaluate(terms, file.facts, file.period).results
    }
    assert "not in service in the period" in str(file.warnings[0])


def test_every_word_reaches_the_facts(terms: Terms) -> None:
    file = load_facts(FULL, terms)
    found = file.facts
    (item,) = found.items
    at = parse_instant
    assert (item.rent, item.site, item.units, item.area) == (
        Decimal(5000),
        "FRA1",
        Decimal(16),
        Decimal("2.4"),
    )
    assert (item.usage, item.paid) == (Decimal(80), Decimal(4000))
    assert (item.start, item.end) == (at("2025-10-10T22:00:00Z"), at("2025-10-20T22:00:00Z"))
    assert (item.conditions, item.figures) == ({"dual_fed": True}, {"draw": Decimal("71.5")})
    assert found.windows == (
        Window(
            "W1",
            "maintenance",
            at("2025-10-19T22:30:00Z"),
            at("2025-10-20T00:30:00Z"),
            at("2025-10-15T07:00:00Z"),
            ("a",),
            True,
            "report 7",
        ),
    )
    opened = at("2025-10-19T23:00:00Z")
    assert found.tickets == (Ticket("T9", opened, opened + 3_600_000, ("a", "b"), "notice"),)
    assert found.requests == (
        Request("R1", "urgent_call", opened, opened + 1_200_000, ("A05",)),
        Request("R2", "urgent_call", opened + 86_400_000, None, ()),
    )
    assert [(c.id, c.made_at, c.results) for c in found.claims] == [
        ("C1", at("2025-11-05T09:00:00Z"), ("power.A05",))
    ]
    outage = (at("2025-09-03T08:00:00Z"), at("2025-09-03T09:00:00Z"))
    assert found.past == (
        Past(
            at("2025-08-31T22:00:00Z"),
            at("2025-09-30T22:00:00Z"),
            {"power.A05": PastResult(True, Decimal("10.50"), (outage,))},
            Decimal("10.50"),
            False,
        ),
    )
    assert found.calendar is not None
    assert found.calendar.holidays == {date(2025, 10, 1), date(2025, 10, 2)}
    assert found.calendar.worked == {date(2025, 10, 11)}
    assert found.decisions == {"power.A05": "up"}
    assert found.as_of == at("2025-11-30T23:00:00Z")
    assert (found.good_standing, found.invoice, found.next_invoice) == (
        True,
        Decimal(7000),
        Decimal(6500),
    )
    assert found.site_areas == {"FRA1": Decimal(1200)}
    assert found.days_in_period == 31


def node_of(data: Any) -> Node:
    """The tree as the YAML of it would read, without the time that takes."""
    if isinstance(data, dict):
        return Node(1, words={key: node_of(each) for key, each in data.items()})
    if isinstance(data, list):
        return Node(1, entries=[node_of(each) for each in data])
    return Node(1, text=data)


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(part[key], (*path, key))


@pytest.mark.parametrize(
    "wrong",
    ["x", "", [], {}, ["x"], [["x", "y"]], {"zzz": "x"}, "-1", "1e3", "2025-10-26 02:30"],
    ids=str,
)
def test_whatever_stands_anywhere_is_read_or_refused(
    terms: Terms, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place of a full file in turn holds something else: never a traceback."""
    whole = yaml.load(FULL, Loader=yaml.BaseLoader)  # noqa: S506
    refusals: list[list[str]] = []
    for path in places(whole):
        document = deepcopy(whole)
        part = document
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = wrong
        try:
            monkeypatch.setattr(facts_file, "parse_text", lambda _, d=document: node_of(d))
            file = load_facts("", terms)
            evaluate(terms, file.facts, file.period)
            bill_usage(terms, file)
        except FactsRefusedError as error:
            refusals.append([each.message for each in error.problems])
    assert len(refusals) > 50
    assert all(isinstance(each, Message) for said in refusals for each in said)


def test_what_the_file_does_not_say_is_not_known(terms: Terms) -> None:
    found = read(terms).facts
    assert (found.good_standing, found.invoice, found.calendar, found.as_of) == (
        None,
        None,
        None,
        None,
    )
    (item,) = found.items
    assert (item.conditions, item.units, item.area, item.usage, item.paid) == (
        {},
        None,
        None,
        None,
        None,
    )


def test_rent_is_the_share_of_whole_days_else_it_must_be_stated(terms: Terms) -> None:
    (item,) = read(
        terms, facts=FACTS.replace("mrc: 6000.00", "mrc: 6000.00, from: 2025-10-22")
    ).facts.items
    assert item.rent == Decimal("1935.48")  # 6000 x 10 / 31 = 1935.4838…
    message = refused(
        terms, facts=FACTS.replace("mrc: 6000.00", "mrc: 6000.00, from: 2025-10-22 12:00")
    )
    assert "items[1].rent: is missing" in message


BAD = {
    "outage without end": ("down: [[a, 2025-10-09 02:10]]", "period_end"),
    "end before start": ("down: [[a, 2025-10-09 02:10, 2025-10-09 01:10]]", "not after the start"),
    "empty outage": ("down: [[a, 2025-10-09 02:10, 2025-10-09 02:10]]", "not after the start"),
    "unknown resource": ("down: [[c, 2025-10-09 02:10, 2025-10-09 03:10]]", "choices: a, b, t"),
    "four cells": ("down: [[a, 2025-10-09 02:10, 2025-10-09 03:10, x]]", "has 4 entries"),
    "contradiction": (
        (
            "down: [[a, 2025-10-09 02:00, 2025-10-09 03:00]]\n"
            "unknown: [[a, 2025-10-09 02:30, 2025-10-09 04:00]]"
        ),
        "but down until 2025-10-09 03:00:00+02:00 by line 9",
    ),
    "two values": (
        (
            "values: [[t, 2025-10-09 02:00, 2025-10-09 03:00, 20 degC],"
            " [t, 2025-10-09 02:30, 2025-10-09 03:30, 21 degC]]"
        ),
        "say which holds",
    ),
    "unit of another kind": (
        "values: [[t, 2025-10-09 02:00, 2025-10-09 03:00, 60 %RH]]",
        "measured in %RH, degC, the terms' limit is in degC",
    ),
    "no unit": ("values: [[t, 2025-10-09 02:00, 2025-10-09 03:00, 20]]", "needs one of the units"),
    "value and state": ("down: [[t, 2025-10-09 02:00, 2025-10-09 03:00]]", "measured values and"),
    "closed before opened": (
        "tickets: [{opened_at: 2025-10-09 02:00, closed_at: 2025-10-09 01:00}]",
        "the clock ran back",
    ),
    "unknown word": ("outages: []", "is not a word known here"),
    "doubled word": ("resources: {}", "stands twice, first on line"),
    "unknown result": ("decisions: {power.A06: up}", "choices: climate.A05, power.A05"),
    "worked holiday": ("calendar: {holidays: 2025-10-01, worked: 2025-10-01}", "one of them"),
    "past that is not": ("past: [{period: 2025-10}]", "is no earlier period"),
    "past twice": ("past: [{period: 2025-09}, {period: 2025-09}]", "overlaps another"),
    "negative invoice": ("invoice: -5.00", "is negative"),
    "float": ("invoice: 1e3", "written as a float"),
    "wrong currency": ("invoice: 5.00 USD", "is not in CNY"),
    "ambiguous time": ("down: [[a, 2025-10-26 02:30, 2025-10-26 05:00]]", "comes twice"),
    "no truth": ("good_standing: maybe", "choices: true, yes, false, no"),
    "area of no site": ("site_areas: {X: 5}", "is the site of no item"),
    "no usage": ("usage: [{usage: water, item: A05, samples: x.csv}]", "no usage of these terms"),
    "usage of another kind": ("usage: [{usage: bandwidth, item: A05}]", "applies to port"),
    "alias": ("invoice: &x 5", "anchors, aliases"),
}


@pytest.mark.parametrize("more", BAD, ids=list(BAD))
def test_bad_facts_are_refused_with_the_place_and_the_way_out(terms: Terms, more: str) -> None:
    words, said = BAD[more]
    message = refused(terms, words)
    assert said in message
    assert message.startswith("line ")


def test_all_problems_are_told_at_once_by_line(terms: Terms) -> None:
    message = refused(terms, "down: [[c, 2025-10-09 02:10]]\ninvoice: -1\n")
    assert [line.split(",")[0] for line in message.splitlines()] == ["line 9", "line 9", "line 10"]


def test_with_several_items_a_resource_names_its_own(terms: Terms) -> None:
    facts = FACTS.replace("resources:", "  - {id: A06, kind: cabinet, mrc: 1.00}\nresources:")
    assert "several items it could serve" in refused(terms, facts=facts)
    named = (
        facts.replace("a: power_feed", "a: {kind: power_feed, items: A05}")
        .replace("b: power_feed", "b: {kind: power_feed, items: [A05, A06]}")
        .replace("{kind: sensor,", "{kind: sensor, items: [A05, A06],")
    )
    assert [r.items for r in read(terms, facts=named).facts.resources] == [
        ("A05",),
        ("A05", "A06"),
        ("A05", "A06"),
    ]


def test_an_item_that_nothing_observes_is_warned_of(terms: Terms) -> None:
    file = read(terms, facts=FACTS.replace("  t: {kind: sensor, otherwise: 22 degC}\n", ""))
    assert "no resource of kind 'sensor' serves A05" in str(file.warnings[0])


class TestOpenPeriod:
    NOW = parse_instant("2025-10-11T00:00:00Z")

    def test_is_refused(self, terms: Terms) -> None:
        message = refused(terms, now=self.NOW)
        assert "still open: it ends at 2025-11-01 00:00:00+01:00" in message
        assert "--provisional" in message

    def test_is_judged_so_far_when_provisional(self, terms: Terms) -> None:
        file = read(terms, now=self.NOW, provisional=True)
        assert file.provisional
        assert (file.judged_to, file.facts.as_of) == (self.NOW, self.NOW)
        power = evaluate(terms, file.facts, file.period).results[0]
        assert power.outcome.denominator_ms == self.NOW - file.period.start

    def test_leaves_fees_and_commits_whole(self, terms: Terms) -> None:
        samples = "samples: {start: 2025-10-01, every: 300 s, unit: Mbit/s, in: [1], out: [1]}"
        order = "commit: 10 Mbit/s, price: {committed: 3.10}"
        more = f"usage: [{{usage: bandwidth, item: P1, {order}, {samples}}}]"
        priced = load_terms(TERMS.replace("{over: 8.00}", "{over: 8.00, committed: item}"))
        file = read(priced, more, facts=PORT, now=self.NOW, provisional=True)
        assert {item.rent for item in file.facts.items} == {Decimal(6000), Decimal(100)}
        bill = bill_usage(priced, file)[0].bill
        assert bill is not None
        assert bill.amount == Decimal("31.00")

    def test_has_begun(self, terms: Terms) -> None:
        early = parse_instant("2025-09-11T00:00:00Z")
        assert "has not begun" in refused(terms, now=early, provisional=True)

    def test_is_closed_at_its_end(self, terms: Terms) -> None:
        end = parse_instant("2025-10-31T23:00:00Z")
        assert not read(terms, now=end).provisional
        refused(terms, now=end - 1)

    def test_by_the_file(self, terms: Terms) -> None:
        assert "still open" in refused(terms, "as_of: 2025-10-11 00:00")


def test_the_period_asked_for_and_the_file_agree(terms: Terms) -> None:
    assert "2025-11 was asked for" in refused(terms, label="2025-11")
    without = FACTS.replace("period: 2025-10\n", "")
    assert read(terms, facts=without, label="2025-11").label == "2025-11"
    assert "is missing: name the month" in refused(terms, facts=without)
    assert "no month such as" in refused(terms, facts=without, label="2025-13")
