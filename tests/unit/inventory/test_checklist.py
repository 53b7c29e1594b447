"""The checklist of a walk: every device once, from the top down; a moved one is looked at again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.walks.checklist import Door, Finding, Standing, draw_checklist

AT = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
DOORS = [Door(1, "upper", 20), Door(2, "lower", 20)]


def found(one: Standing, verdict: str = "as_recorded", number: int = 0) -> Finding:
    return Finding(
        number or one.device_id, one.subject, one.rack_id, "r", one.u_low, one.height, one.face,
        one.side, one.name, "", verdict, "", AT, "Lin",
    )  # fmt: skip


def extra(number: int) -> Finding:
    return Finding(number, "", 1, "r", 3, 2, "full", "full", "", "box", "extra", "", AT, "Lin")


standing = st.builds(
    Standing,
    device_id=st.integers(1, 10**6),
    name=st.just("x"),
    serial=st.just(""),
    model=st.just(""),
    owner=st.just(""),
    rack_id=st.sampled_from((1, 2)),
    u_low=st.one_of(st.none(), st.integers(0, 38)),
    height=st.just(2),
    face=st.sampled_from(("front", "rear", "full")),
    side=st.sampled_from(("left", "right", "full")),
)
cabinets = st.lists(standing, max_size=25, unique_by=lambda one: one.device_id)


@given(cabinets, st.data())
def test_every_device_is_one_line_and_counts_add_up(
    things: list[Standing], data: st.DataObject
) -> None:
    seen = data.draw(st.lists(st.sampled_from(things), unique=True)) if things else []
    verdicts = [data.draw(st.sampled_from(("as_recorded", "absent", "other"))) for _ in seen]
    notes = [found(one, verdict) for one, verdict in zip(seen, verdicts, strict=True)]
    drawn = draw_checklist(DOORS, things, [*notes, extra(10**7)])
    assert sorted(line.standing.device_id for line in drawn.lines) == sorted(
        one.device_id for one in things
    )
    assert drawn.checked == len(seen)
    assert drawn.open == len(things) - len(seen)
    assert drawn.agreeing == verdicts.count("as_recorded")
    assert len(drawn.differing) == len(seen) - drawn.agreeing + 1
    assert sum(len(part.lines) for part in drawn.parts) == drawn.total


@given(cabinets)
def test_lines_come_from_the_top_down_and_rails_last(things: list[Standing]) -> None:
    for part in draw_checklist(DOORS, things, []).parts:
        places = [line.standing.u_low for line in part.lines]
        mounted = [place for place in places if place is not None]
        assert mounted == sorted(mounted, reverse=True)
        assert places == [*mounted, *[None] * (len(places) - len(mounted))]


def test_units_that_count_down_are_still_walked_from_the_top() -> None:
    low = Standing(1, "low", "", "", "", 1, 0, 2)
    high = Standing(2, "high", "", "", "", 1, 30, 2)
    names = [line.standing.name for line in draw_checklist(DOORS, [low, high], []).lines]
    assert names == ["high", "low"]


def test_a_device_moved_since_is_open_again_and_its_difference_is_kept() -> None:
    one = Standing(1, "x", "S1", "", "", 1, 10, 2)
    moved = replace(one, u_low=14)
    assert draw_checklist(DOORS, [one], [found(one, "absent")]).open == 0
    after = draw_checklist(DOORS, [moved], [found(one, "absent")])
    assert after.open == 1
    assert [finding.subject for finding in after.loose] == ["device/1"]
    # What agreed with the books then says nothing now.
    assert draw_checklist(DOORS, [moved], [found(one)]).loose == ()
    gone = draw_checklist(DOORS, [], [found(one, "absent")])
    assert [finding.verdict for finding in gone.differing] == ["absent"]
