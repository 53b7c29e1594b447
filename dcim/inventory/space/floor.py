"""Which part of a room's floor a cabinet stands on. Pure: tiles in, rectangles out.

The floor is a grid of square tiles; x runs east, y runs south, tile (0, 0) is the north-west one.
Lengths are in mm, so that cabinets of 600 and 800 mm can share a tile.
"""

from dataclasses import dataclass

FACINGS = ("N", "E", "S", "W")


@dataclass(frozen=True, slots=True)
class Footprint:
    """`[left, right) × [top, bottom)` on the floor, in mm from the room's north-west corner."""

    left: int
    top: int
    right: int
    bottom: int

    def overlaps(self, other: "Footprint") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def find_footprint(
    grid_x: int, grid_y: int, facing: str, *, width_mm: int, depth_mm: int, tile_mm: int
) -> Footprint:
    """The floor under a cabinet whose front left corner is the outer corner of a tile.

    Left as one sees it before the front: a cabinet that looks south has its front left corner in
    the south-west. Its outer corner there is that tile's own.
    """
    west, north = grid_x * tile_mm, grid_y * tile_mm
    east, south = west + tile_mm, north + tile_mm
    if facing == "S":
        return Footprint(west, south - depth_mm, west + width_mm, south)
    if facing == "N":
        return Footprint(east - width_mm, north, east, north + depth_mm)
    if facing == "E":
        return Footprint(east - depth_mm, south - width_mm, east, south)
    return Footprint(west, north, west + depth_mm, north + width_mm)


def cover_tiles(place: Footprint, tile_mm: int) -> frozenset[tuple[int, int]]:
    """The tiles a footprint touches, as (x, y); they may lie outside the room."""
    return frozenset(
        (x, y)
        for x in range(place.left // tile_mm, -(-place.right // tile_mm))
        for y in range(place.top // tile_mm, -(-place.bottom // tile_mm))
    )


def stands_inside(place: Footprint, *, columns: int, rows: int, tile_mm: int) -> bool:
    return (
        place.left >= 0
        and place.top >= 0
        and place.right <= columns * tile_mm
        and place.bottom <= rows * tile_mm
    )
