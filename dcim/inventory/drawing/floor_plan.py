"""A room seen from above: cabinets with their fronts, aisles between them, cages. Pure geometry.

All lengths in mm from the room's north-west corner, x east, y south, as in `floor`. A cabinet's
front is its cold side: between two fronts lies a cold aisle, between two backs a hot one, and where
a front looks at a back the two airs mix.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dcim.inventory.space.floor import Footprint

AisleKind = Literal["cold", "hot", "mixed"]
# How far the air before or behind a cabinet counts as its aisle when nothing stands there.
REACH_MM = 1200
# What still counts as facing each other; beyond it there are two aisles.
WIDEST_MM = 3000
OPPOSITE = {"N": "S", "S": "N", "E": "W", "W": "E"}
QUARTER = {"N": "E", "E": "S", "S": "W", "W": "N"}
# Rows of a proposed layout: tiles between two rows of cabinets.
AISLE_TILES = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """A cabinet on the floor; `facing` is where its front looks."""

    id: int
    code: str
    place: Footprint
    facing: str
    cage: str = ""

    @property
    def front_edge(self) -> Footprint:
        """The line of its doors, as a rectangle without depth."""
        return edge_of(self.place, self.facing)


@dataclass(frozen=True, slots=True)
class Aisle:
    kind: AisleKind
    place: Footprint


@dataclass(frozen=True, slots=True)
class CageOutline:
    code: str
    places: tuple[Footprint, ...]


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """`overlapping` names pairs that stand in one another, by code; `outside` those past a wall."""

    width: int
    depth: int
    tile: int
    cabinets: tuple[Standing, ...]
    aisles: tuple[Aisle, ...]
    cages: tuple[CageOutline, ...]
    overlapping: tuple[tuple[str, str], ...] = ()
    outside: tuple[str, ...] = ()


def lay_out_floor(columns: int, rows: int, tile_mm: int, cabinets: Iterable[Standing]) -> FloorPlan:
    width, depth = columns * tile_mm, rows * tile_mm
    room = Footprint(0, 0, width, depth)
    ordered = tuple(sorted(cabinets, key=lambda one: (one.place.top, one.place.left, one.code)))
    return FloorPlan(
        width=width,
        depth=depth,
        tile=tile_mm,
        cabinets=ordered,
        aisles=tuple(find_aisles(room, ordered)),
        cages=tuple(_outline_cages(room, ordered)),
        overlapping=tuple(
            (one.code, other.code)
            for place, one in enumerate(ordered)
            for other in ordered[place + 1 :]
            if one.place.overlaps(other.place)
        ),
        outside=tuple(one.code for one in ordered if not _within(room, one.place)),
    )


def edge_of(place: Footprint, side: str) -> Footprint:
    if side == "N":
        return Footprint(place.left, place.top, place.right, place.top)
    if side == "S":
        return Footprint(place.left, place.bottom, place.right, place.bottom)
    if side == "E":
        return Footprint(place.right, place.top, place.right, place.bottom)
    return Footprint(place.left, place.top, place.left, place.bottom)


def turn(place: Footprint, room: Footprint) -> Footprint:
    """The place after the whole room was turned a quarter clockwise."""
    return Footprint(room.bottom - place.bottom, place.left, room.bottom - place.top, place.right)


def find_aisles(room: Footprint, cabinets: Sequence[Standing]) -> list[Aisle]:
    """The air before and behind each cabinet up to what stands there, put together along the rows.

    No aisle lies on a cabinet.
    """
    strips: set[tuple[AisleKind, str, Footprint]] = set()
    for one in cabinets:
        for side in (one.facing, OPPOSITE[one.facing]):
            found = _look(room, cabinets, one, side)
            if found is not None:
                axis = "x" if side in ("N", "S") else "y"
                strips.add((found[0], axis, found[1]))
    return _join(strips, cabinets)


def _look(
    room: Footprint, cabinets: Sequence[Standing], one: Standing, side: str
) -> tuple[AisleKind, Footprint] | None:
    """What lies on this side of a cabinet; none where it stands against something."""
    nearest: list[Standing] = []
    gap = WIDEST_MM
    for other in cabinets:
        if other is one or not _is_before(one.place, other.place, side):
            continue
        distance = _distance(one.place, other.place, side)
        if 0 <= distance < gap:
            nearest, gap = [other], distance
        elif distance == gap:
            nearest.append(other)
    own: AisleKind = "cold" if side == one.facing else "hot"
    # What several see that stand at the same distance is mixed, unless they agree.
    kinds = {_kind_between(own, side, other) for other in nearest} or {own}
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    strip = _clip(room, _extend(one.place, side, gap if nearest else REACH_MM))
    return None if strip is None else (kind, strip)


def _kind_between(own: AisleKind, side: str, other: Standing) -> AisleKind:
    if other.facing == OPPOSITE[side]:
        return "cold" if own == "cold" else "mixed"
    if other.facing == side:
        return "hot" if own == "hot" else "mixed"
    return own


def _is_before(place: Footprint, other: Footprint, side: str) -> bool:
    """Whether the other overlaps the band that this side looks along."""
    if side in ("N", "S"):
        return other.left < place.right and place.left < other.right
    return other.top < place.bottom and place.top < other.bottom


def _distance(place: Footprint, other: Footprint, side: str) -> int:
    return {
        "N": place.top - other.bottom,
        "S": other.top - place.bottom,
        "E": other.left - place.right,
        "W": place.left - other.right,
    }[side]


def _extend(place: Footprint, side: str, length: int) -> Footprint:
    return {
        "N": Footprint(place.left, place.top - length, place.right, place.top),
        "S": Footprint(place.left, place.bottom, place.right, place.bottom + length),
        "E": Footprint(place.right, place.top, place.right + length, place.bottom),
        "W": Footprint(place.left - length, place.top, place.left, place.bottom),
    }[side]


def _clip(room: Footprint, place: Footprint) -> Footprint | None:
    cut = Footprint(
        max(room.left, place.left),
        max(room.top, place.top),
        min(room.right, place.right),
        min(room.bottom, place.bottom),
    )
    return cut if cut.left < cut.right and cut.top < cut.bottom else None


def _join(
    strips: Iterable[tuple[AisleKind, str, Footprint]], cabinets: Sequence[Standing]
) -> list[Aisle]:
    """Strips of one kind, depth and direction that touch, or have nothing but floor between them,
    become one."""
    groups: dict[tuple[AisleKind, str, int, int], list[Footprint]] = {}
    for kind, axis, place in strips:
        across = (place.top, place.bottom) if axis == "x" else (place.left, place.right)
        groups.setdefault((kind, axis, *across), []).append(place)
    joined: list[Aisle] = []
    for (kind, axis, low, high), places in sorted(groups.items()):
        spans = sorted((p.left, p.right) if axis == "x" else (p.top, p.bottom) for p in places)
        start, end = spans[0]
        for next_start, next_end in [*spans[1:], (None, None)]:
            if next_start is not None and next_end is not None:
                between = _span(axis, end, next_start, low, high)
                near = next_start - end <= REACH_MM
                if next_start <= end or (near and _is_empty(between, cabinets)):
                    end = max(end, next_end)
                    continue
            joined.append(Aisle(kind, _span(axis, start, end, low, high)))
            if next_start is not None and next_end is not None:
                start, end = next_start, next_end
    return joined


def _span(axis: str, start: int, end: int, low: int, high: int) -> Footprint:
    if axis == "x":
        return Footprint(start, low, end, high)
    return Footprint(low, start, high, end)


def _is_empty(place: Footprint, cabinets: Sequence[Standing]) -> bool:
    return not any(place.overlaps(one.place) for one in cabinets)


def _outline_cages(room: Footprint, cabinets: Sequence[Standing]) -> Iterable[CageOutline]:
    """One rectangle around a cage's cabinets; around each when a stranger stands between."""
    by_cage: dict[str, list[Footprint]] = {}
    for one in cabinets:
        if one.cage:
            by_cage.setdefault(one.cage, []).append(one.place)
    for code, places in sorted(by_cage.items()):
        around = Footprint(
            min(p.left for p in places),
            min(p.top for p in places),
            max(p.right for p in places),
            max(p.bottom for p in places),
        )
        strangers = any(one.cage != code and one.place.overlaps(around) for one in cabinets)
        yield CageOutline(code, tuple(places) if strangers else (around,))


def _within(room: Footprint, place: Footprint) -> bool:
    return (
        room.left <= place.left
        and room.top <= place.top
        and place.right <= room.right
        and place.bottom <= room.bottom
    )


@dataclass(frozen=True, slots=True)
class Proposed:
    """A tile and a facing for a cabinet, as `find_footprint` reads them."""

    id: int
    grid_x: int
    grid_y: int
    facing: str


def propose_places(
    rows: Sequence[Sequence[tuple[int, int, int]]], tile_mm: int
) -> tuple[list[Proposed], int, int]:
    """Rows of cabinets front to front and back to back, with the columns and rows of tiles needed.

    Each cabinet is (id, width, depth) in mm. The first row looks south at the second; behind and
    beside the rows an aisle is left free.
    """
    places: list[Proposed] = []
    y, widest = AISLE_TILES, 0
    for number, cabinets in enumerate(row for row in rows if row):
        facing = "S" if number % 2 == 0 else "N"
        deep = max(-(-depth // tile_mm) for _id, _width, depth in cabinets)
        x = AISLE_TILES
        for one, width, _depth in cabinets:
            tiles = -(-width // tile_mm)
            # The front left corner: the western tile of a front that looks south, else the eastern.
            places.append(
                Proposed(one, x, y + deep - 1, "S")
                if facing == "S"
                else Proposed(one, x + tiles - 1, y, "N")
            )
            x += tiles
        widest = max(widest, x)
        y += deep + AISLE_TILES
    return places, widest + AISLE_TILES, y
