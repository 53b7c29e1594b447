"""Properties of what people's rulings make of measured states, and of what is one event."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.rules.facts import Cut, Facts, Item, Merged, Period, Resource, State
from dcim.sla.rules.intervals import Intervals, clip, intersect, subtract, total, union
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.measures.availability import cut_at, measure_downtime, skip_first
from dcim.statements.composition import compose
from dcim.statements.rulings import erase, repaint
from tests.statements.examples import END, MINUTE, START, breached_inputs
from tests.statements.examples import TERMS as HERE

EDGES = st.integers(0, 60)
SPAN = st.tuples(EDGES, EDGES).filter(lambda span: span[0] < span[1])
STATES = ("up", "down", "unknown")


@st.composite
def timelines(draw: st.DrawFn) -> list[list[Any]]:
    """Rows without overlap, perhaps with holes."""
    edges = sorted(draw(st.sets(EDGES, min_size=2, max_size=12)))
    rows = [[low, high, draw(st.sampled_from(STATES))] for low, high in pairwise(edges)]
    return [row for row in rows if draw(st.booleans())]


def of(rows: list[list[Any]], state: str) -> Intervals:
    return union((start, end) for start, end, found in rows if found == state)


def length(rows: list[list[Any]]) -> int:
    return sum(end - start for start, end, _ in rows)


@given(timelines(), SPAN, st.sampled_from(STATES))
def test_a_span_is_painted_whole_and_nothing_outside_of_it(
    rows: list[list[Any]], span: tuple[int, int], state: str
) -> None:
    painted = repaint(rows, span, state, None)
    assert intersect([span], of(painted, state)) == [span]
    for each in STATES:
        assert subtract(of(painted, each), [span]) == subtract(of(rows, each), [span])
    # Nothing is said twice.
    assert length(painted) == total((start, end) for start, end, _ in painted)


@given(timelines(), SPAN)
def test_only_what_was_down_gives_way_where_so_meant(
    rows: list[list[Any]], span: tuple[int, int]
) -> None:
    painted = repaint(rows, span, "up", ("down",))
    assert of(painted, "unknown") == of(rows, "unknown")
    assert of(painted, "down") == subtract(of(rows, "down"), [span])
    assert length(painted) == length(rows)


@given(timelines(), SPAN)
def test_painting_twice_is_painting_once(rows: list[list[Any]], span: tuple[int, int]) -> None:
    once = repaint(rows, span, "down", None)
    assert repaint(once, span, "down", None) == once


@given(timelines(), SPAN)
def test_what_is_struck_out_is_gone_and_the_rest_stays(
    rows: list[list[Any]], span: tuple[int, int]
) -> None:
    left = erase(rows, span)
    covered = union((start, end) for start, end, _ in left)
    assert covered == subtract([(start, end) for start, end, _ in rows], [span])


@given(SPAN, st.lists(EDGES, max_size=6))
def test_cuts_lose_nothing(span: tuple[int, int], cuts: list[int]) -> None:
    pieces = cut_at(span, cuts)
    assert union(pieces) == [span]
    assert sum(end - start for start, end in pieces) == span[1] - span[0]
    inside = {at for at in cuts if span[0] < at < span[1]}
    assert {start for start, _ in pieces[1:]} == inside


@given(st.lists(SPAN, max_size=5), st.integers(0, 80))
def test_skipping_takes_the_first_so_many(spans: list[tuple[int, int]], skipped: int) -> None:
    parts = union(spans)
    rest = skip_first(parts, skipped)
    assert total(rest) == max(total(parts) - skipped, 0)
    if rest:
        assert rest == clip(parts, rest[0][0], parts[-1][1])


# Every outage counts to the millisecond.
TERMS = load_terms(
    (HERE / "standard.yaml")
    .read_text(encoding="utf-8")
    .replace("event_rounding: up to 1 min", "event_rounding: none")
    .replace("qualify: at_least 60 s", "qualify: at_least 1 ms")
)
(NETWORK,) = (metric for metric in TERMS.metrics if metric.id == "network")
ITEM = Item("BW", "bandwidth", Decimal(1), Decimal(1), START, END)


def month(outages: Intervals, *, merged: bool = False, cut: int | None = None) -> tuple[int, int]:
    """(downtime, events) of a port."""
    rows: list[tuple[int, int, State]] = []
    at = START
    for start, end in outages:
        rows += [(at, start, "up"), (start, end, "down")]
        at = end
    rows.append((at, END, "up"))
    facts = Facts(
        (ITEM,),
        (Resource("p", "port", ("BW",), tuple(row for row in rows if row[0] < row[1])),),
        merged=(Merged(("p",), (outages[0], outages[-1])),) if merged else (),
        cuts=() if cut is None else (Cut(("p",), cut),),
    )
    found = measure_downtime(NETWORK, ITEM, facts, Period(START, END), TERMS.timezone)
    outcome = found.outcomes["left_out"]
    return outcome.downtime_ms, len(outcome.events)


GAPS = st.lists(st.integers(3, 3000), min_size=4, max_size=12).filter(lambda m: len(m) % 2 == 0)


@given(GAPS)
def test_merging_and_splitting_move_no_downtime(minutes: list[int]) -> None:
    """Wherever the outages lie: the sum stays, only the count of events changes."""
    edges = [START]
    for minute in minutes:
        edges.append(edges[-1] + minute * MINUTE)
    outages = [(low, high) for low, high in zip(edges[1::2], edges[2::2], strict=False)]
    plain = month(outages)
    assert plain == (total(outages), len(outages))
    assert month(outages, merged=True) == (plain[0], plain[1] - 1)
    middle = sum(outages[0]) // 2
    assert month(outages, cut=middle) == (plain[0], plain[1] + 1)


def ruled(incident: dict[str, Any], **given_: Any) -> dict[str, Any]:
    return {
        "id": "OVR-1", "incident": incident["id"], "ruling": "did_not_happen",
        "measured": {"start": incident["start"], "end": incident["end"]},
        "resources": incident["resources"], "reason": "UPS log", "decision": "checked",
        "proposed_by": "ann", "proposed_at": "2026-10-20T02:00:00Z",
        "accepted_by": "bob", "accepted_at": "2026-10-20T03:00:00Z",
    } | given_  # fmt: skip


def test_the_example_month_overruled() -> None:
    """Both feeds were down on the 13th; by the ruling they weren't."""
    inputs = breached_inputs("en")
    both = next(one for one in inputs["incidents"] if one["id"] == "INC-1013")
    document = compose(inputs | {"overrules": [ruled(both)]}).data
    power = next(one for one in document["metrics"] if one["id"] == "power.A05")
    # What nobody measured elsewhere in the month is then left to a person.
    assert (power["result"], power["downtime_s"], power["credit"]["amount"]) == (
        "needs_review", 0, "0.00",
    )  # fmt: skip
    told = {one["id"]: one for one in document["incidents"]}
    assert (told["INC-1013"]["counted"], told["INC-1013"]["metrics"]) == (False, [])
    assert "overruled to did not happen by ann and bob" in told["INC-1013"]["reason"]["en"]
    # The others are told as before.
    plain = {one["id"]: one for one in compose(inputs).data["incidents"]}
    assert told["INC-1006"] == plain["INC-1006"]


def test_a_part_told_once_keeps_its_ruling() -> None:
    inputs = breached_inputs("en")
    both = next(one for one in inputs["incidents"] if one["id"] == "INC-1013")
    part = dict(both) | {"id": "INC-1", "resources": both["resources"][:1]}
    inputs["incidents"].append(part)
    document = compose(inputs | {"overrules": [ruled(part, ruling="as_measured")]}).data
    (told,) = (one for one in document["incidents"] if one["id"] == "INC-1")
    assert told["counted"] is False
    assert told["reason"]["en"].startswith("measured ")
    assert told["reason"]["en"].endswith("count in INC-1013")


def test_a_struck_out_temperature_is_unknown_not_well() -> None:
    inputs = breached_inputs("en")
    hot = next(one for one in inputs["incidents"] if one["id"] == "INC-1027")
    before, after = compose(inputs), compose(inputs | {"overrules": [ruled(hot)]})
    was, then = (
        next(one for one in made.data["metrics"] if one["metric"] == "temperature")
        for made in (before, after)
    )
    assert was["downtime_s"] > 0
    assert (then["downtime_s"], then["unknown_s"] > was["unknown_s"]) == (0, True)
    # What was measured stays attached, value by value.
    kept = [
        {file.name: file.content for file in made.attachments if file.name != "facts.json"}
        for made in (before, after)
    ]
    assert kept[0] == kept[1]
