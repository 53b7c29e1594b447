"""Footprints: where a cabinet stands, whichever way it looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.space.floor import (
    FACINGS,
    Footprint,
    cover_tiles,
    find_footprint,
    stands_inside,
)

TILE = 600


@pytest.mark.parametrize(
    ("facing", "tiles"),
    [
        # Two deep: the back is behind the front, away from where it looks.
        ("S", {(5, 5), (5, 4)}),
        ("N", {(5, 5), (5, 6)}),
        ("E", {(5, 5), (4, 5)}),
        ("W", {(5, 5), (6, 5)}),
    ],
)
def test_the_front_left_corner_is_on_its_tile(facing: str, tiles: set[tuple[int, int]]) -> None:
    place = find_footprint(5, 5, facing, width_mm=600, depth_mm=1200, tile_mm=TILE)
    assert cover_tiles(place, TILE) == tiles


@pytest.mark.parametrize(
    ("facing", "second"), [("S", (6, 5)), ("N", (4, 5)), ("E", (5, 4)), ("W", (5, 6))]
)
def test_width_goes_to_the_right_of_who_stands_before_it(
    facing: str, second: tuple[int, int]
) -> None:
    place = find_footprint(5, 5, facing, width_mm=1200, depth_mm=600, tile_mm=TILE)
    assert cover_tiles(place, TILE) == {(5, 5), second}


def test_edges_don_t_overlap_and_the_wall_is_a_wall() -> None:
    left = Footprint(0, 0, 600, 1200)
    assert not left.overlaps(Footprint(600, 0, 1200, 1200))
    assert left.overlaps(Footprint(599, 0, 1200, 1200))
    assert stands_inside(left, columns=1, rows=2, tile_mm=TILE)
    assert not stands_inside(left, columns=1, rows=1, tile_mm=TILE)
    assert not stands_inside(Footprint(-1, 0, 5, 5), columns=9, rows=9, tile_mm=TILE)


places = st.builds(
    lambda x, y, facing, width, depth: find_footprint(
        x, y, facing, width_mm=width, depth_mm=depth, tile_mm=TILE
    ),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(FACINGS),
    st.sampled_from([600, 700, 800]),
    st.sampled_from([600, 1000, 1200]),
)


@given(places, places)
def test_what_shares_no_tile_shares_no_floor(one: Footprint, other: Footprint) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    if not cover_tiles(one, TILE) & cover_tiles(other, TILE):
        assert not one.overlaps(other)
