"""The floor from above: aisles lie on no cabinet, turning the room turns the plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.drawing.floor_plan import (
    QUARTER,
    Aisle,
    FloorPlan,
    Standing,
    lay_out_floor,
    propose_places,
    turn,
)
from dcim.inventory.space.floor import Footprint, find_footprint, stands_inside

TILE = 600


def standing(
    number: int, x: int, y: int, facing: str, cage: str = "", width: int = 600
) -> Standing:
    place = find_footprint(x, y, facing, width_mm=width, depth_mm=1200, tile_mm=TILE)
    return Standing(number, f"A-{number:02d}", place, facing, cage)


def aisles(plan: FloorPlan) -> set[tuple[str, int, int, int, int]]:
    return {(a.kind, a.place.left, a.place.top, a.place.right, a.place.bottom) for a in plan.aisles}


def test_between_two_fronts_it_is_cold_and_behind_the_backs_hot() -> None:
    north = [standing(n, 2 + n, 3, "S") for n in range(3)]
    south = [standing(10 + n, 2 + n, 6, "N") for n in range(3)]
    plan = lay_out_floor(8, 12, TILE, [*north, *south])
    assert aisles(plan) == {
        ("cold", 1200, 2400, 3000, 3600),
        ("hot", 1200, 0, 3000, 1200),
        ("hot", 1200, 4800, 3000, 6000),
    }
    assert not plan.overlapping
    assert not plan.outside


def test_a_front_that_looks_at_a_back_mixes_the_airs() -> None:
    plan = lay_out_floor(8, 12, TILE, [standing(1, 2, 3, "S"), standing(2, 2, 7, "S")])
    kinds = {a.kind: a.place for a in plan.aisles}
    assert kinds["mixed"] == Footprint(1200, 2400, 1800, 3600)
    # Control: turned about, the two fronts share a cold aisle.
    plan = lay_out_floor(8, 12, TILE, [standing(1, 2, 3, "S"), standing(2, 2, 6, "N")])
    assert "mixed" not in {a.kind for a in plan.aisles}


@pytest.mark.parametrize("facings", [("N", "S"), ("S", "N")])
def test_a_wide_one_that_looks_at_two_ways_is_mixed_whichever_comes_first(
    facings: tuple[str, str],
) -> None:
    """At the same distance neither of the two is the one that counts."""
    wide = standing(1, 2, 3, "S", width=1200)
    depth = {"N": 6, "S": 7}
    two = [standing(2 + n, 2 + n, depth[facing], facing) for n, facing in enumerate(facings)]
    assert len({one.place.top for one in two}) == 1
    plan = lay_out_floor(10, 14, TILE, [wide, *two])
    (before,) = [
        a for a in plan.aisles if a.place.top == 2400 and a.place.right - a.place.left > 600
    ]
    assert (before.kind, before.place.left, before.place.right) == ("mixed", 1200, 2400)


def test_a_gap_in_a_row_doesnt_cut_its_aisle_but_a_cabinet_in_it_does() -> None:
    pair = [standing(1, 2, 3, "S"), standing(2, 4, 3, "S")]
    assert ("cold", 1200, 2400, 3000, 3600) in aisles(lay_out_floor(10, 12, TILE, pair))
    in_the_way = Standing(9, "X", Footprint(1800, 2400, 2400, 3600), "E")
    cut = lay_out_floor(10, 12, TILE, [*pair, in_the_way])
    assert ("cold", 1200, 2400, 3000, 3600) not in aisles(cut)


def test_a_cage_is_one_outline_unless_a_stranger_stands_in_it() -> None:
    mine = [standing(1, 2, 3, "S", "C1"), standing(2, 4, 3, "S", "C1")]
    whole = lay_out_floor(10, 12, TILE, mine).cages
    assert [outline.places for outline in whole] == [(Footprint(1200, 1200, 3000, 2400),)]
    mixed = lay_out_floor(10, 12, TILE, [*mine, standing(3, 3, 3, "S")]).cages
    assert [len(outline.places) for outline in mixed] == [2]


def test_what_overlaps_or_sticks_out_is_named() -> None:
    plan = lay_out_floor(4, 4, TILE, [standing(1, 0, 1, "S"), standing(2, 0, 2, "S")])
    assert plan.overlapping == (("A-01", "A-02"),)
    assert lay_out_floor(4, 4, TILE, [standing(1, 0, 0, "S")]).outside == ("A-01",)


@st.composite
def floors(draw: st.DrawFn) -> tuple[int, int, list[Standing]]:
    """A room and cabinets that stand inside it without touching one another's floor."""
    columns, rows = draw(st.integers(4, 14)), draw(st.integers(4, 14))
    found: list[Standing] = []
    for number in range(draw(st.integers(0, 12))):
        one = standing(
            number,
            draw(st.integers(0, columns - 1)),
            draw(st.integers(0, rows - 1)),
            draw(st.sampled_from("NESW")),
            draw(st.sampled_from(("", "", "C1"))),
            draw(st.sampled_from((600, 800))),
        )
        inside = stands_inside(one.place, columns=columns, rows=rows, tile_mm=TILE)
        if inside and not any(one.place.overlaps(other.place) for other in found):
            found.append(one)
    return columns, rows, found


@given(floors())
def test_aisles_lie_in_the_room_and_on_no_cabinet(floor: tuple[int, int, list[Standing]]) -> None:
    columns, rows, cabinets = floor
    plan = lay_out_floor(columns, rows, TILE, cabinets)
    assert not plan.overlapping
    assert not plan.outside
    for aisle in plan.aisles:
        assert stands_inside(aisle.place, columns=columns, rows=rows, tile_mm=TILE)
        assert not any(aisle.place.overlaps(one.place) for one in cabinets)


@given(floors())
def test_turning_the_room_turns_everything(floor: tuple[int, int, list[Standing]]) -> None:
    columns, rows, cabinets = floor
    room = Footprint(0, 0, columns * TILE, rows * TILE)
    turned = [
        Standing(c.id, c.code, turn(c.place, room), QUARTER[c.facing], c.cage) for c in cabinets
    ]
    before = lay_out_floor(columns, rows, TILE, cabinets)
    after = lay_out_floor(rows, columns, TILE, turned)
    assert {Aisle(a.kind, turn(a.place, room)) for a in before.aisles} == set(after.aisles)
    edges = {c.id: turn(c.front_edge, room) for c in before.cabinets}
    assert edges == {c.id: c.front_edge for c in after.cabinets}


@given(st.lists(st.lists(st.sampled_from((600, 800)), max_size=9), max_size=7))
def test_a_proposed_layout_fits_its_room_without_overlap(widths: list[list[int]]) -> None:
    numbered = iter(range(1000))
    rows = [[(next(numbered), width, 1200) for width in row] for row in widths]
    places, columns, lines = propose_places(rows, TILE)
    size = {one: width for row in rows for one, width, _ in row}
    assert [p.id for p in places] == list(size)
    cabinets = [
        Standing(
            p.id,
            str(p.id),
            find_footprint(
                p.grid_x, p.grid_y, p.facing, width_mm=size[p.id], depth_mm=1200, tile_mm=TILE
            ),
            p.facing,
        )
        for p in places
    ]
    plan = lay_out_floor(max(columns, 1), max(lines, 1), TILE, cabinets)
    assert not plan.overlapping
    assert not plan.outside
    assert "mixed" not in {aisle.kind for aisle in plan.aisles}


@pytest.mark.parametrize("facing", ["N", "E", "S", "W"])
def test_the_front_edge_is_on_the_side_it_faces(facing: str) -> None:
    one = standing(1, 5, 5, facing)
    place, edge = one.place, one.front_edge
    side = {"N": place.top, "S": place.bottom, "E": place.right, "W": place.left}[facing]
    ends = (edge.top, edge.bottom) if facing in "NS" else (edge.left, edge.right)
    assert ends == (side, side)
