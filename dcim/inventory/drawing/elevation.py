"""Where everything in a cabinet is drawn: pure geometry of front, rear, ownership and power strips.

Rows are half-U counted from the edge where U1 sits; what comes out counts from the top of the
drawing, whichever end U1 is at. A face is two half-widths wide; the rear mirrors the front.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Literal

from dcim.inventory.drawing.elevation_parts import (
    Allocation,
    Blocked,
    Box,
    BoxKind,
    Contents,
    Elevation,
    FaceName,
    Hold,
    Item,
    Outlet,
    Rack,
    RailItem,
    RailSpan,
    Section,
    Side,
    Span,
    Strip,
    UnitMark,
)
from dcim.inventory.numbering import name_stretch, name_units, turn_place, unit_of

TINTS = 3
"""Muted customer colours there are; neighbours in the order from the top never share one."""


class ElevationError(ValueError):
    """The things handed in cannot stand in this rack; the message names them."""


Cell = tuple[int, int]
"""(half-U from the U1 edge, side: 0 left, 1 right, as seen from the front)."""

Part = Literal["front", "rear", "gutter"]
Placed = Item | Allocation | Hold
Key = tuple[BoxKind, Hashable]


def lay_out(rack: Rack, contents: Contents, *, viewer: str | None = None) -> Elevation:
    """Position everything; with a `viewer` (customer id) all that is not theirs becomes one blank.

    Raises ElevationError when something sticks out of the rack or two things share a place.
    """
    check(rack, contents)
    anonymous: dict[Part, set[Cell]] = {"front": set(), "rear": set(), "gutter": set()}
    if viewer is not None:
        rack, contents, anonymous = hide_others(rack, contents, viewer)
    tints = assign_tints(rack, contents)
    return Elevation(
        rack=rack,
        half_units=rack.u_count * 2,
        front=_draw_face("front", rack, contents, tints, anonymous["front"]),
        rear=_draw_face("rear", rack, contents, tints, anonymous["rear"]),
        gutter=_draw_gutter(rack, contents, tints, anonymous["gutter"]),
        sections=tuple(
            Span(_top(rack, part.u_low, part.height), part.height, section=part)
            for part in rack.sections
        ),
        strips=tuple(
            Span(_top(rack, strip.u_low, strip.height), strip.height, strip=strip)
            for strip in contents.strips
        ),
        units=tuple(_unit_marks(rack)),
        rails=tuple(_draw_rails(rack, contents)),
    )


def check(rack: Rack, contents: Contents) -> None:
    """Raise ElevationError unless everything is inside and nothing overlaps within its layer."""
    total = rack.u_count * 2
    parts: list[tuple[str, int, int]] = [
        *((thing.id, thing.u_low, thing.height) for thing in contents.items),
        *((thing.id, thing.u_low, thing.height) for thing in contents.allocations),
        *((thing.id, thing.u_low, thing.height) for thing in contents.holds),
        *((strip.name, strip.u_low, strip.height) for strip in contents.strips),
        *((rail.id, rail.u_low, rail.height) for rail in contents.rails),
        *((section.name, section.u_low, section.height) for section in rack.sections),
        *((f"blocked {b.reason}", b.u_low, b.height) for b in rack.blocked),
    ]
    for name, u_low, height in parts:
        if height < 1 or u_low < 0 or u_low + height > total:
            raise ElevationError(f"{name}: half-U {u_low}+{height} is outside 0..{total}")
    for face in ("front", "rear"):
        _refuse_overlap(f"the {face}", [i for i in contents.items if i.face in (face, "full")])
    _refuse_overlap("the allocations", contents.allocations)
    _refuse_overlap("the holds", contents.holds)


def hide_others(
    rack: Rack, contents: Contents, viewer: str
) -> tuple[Rack, Contents, dict[Part, set[Cell]]]:
    """Keep what is the viewer's; name the cells that are to be blank.

    What is blank depends on the viewer's own space alone, so it tells nothing about the others:
    neither who they are nor whether anything stands there. Inside the viewer's own allocation
    somebody else's device is blank too.
    """
    items = tuple(item for item in contents.items if item.customer == viewer)
    allocations = tuple(a for a in contents.allocations if a.customer == viewer)
    holds = tuple(hold for hold in contents.holds if hold.customer == viewer)
    space: tuple[Placed, ...] = (*allocations, *holds)
    owned = {cell for thing in space for cell in _cells(thing)}
    everything = {(row, side) for row in range(rack.u_count * 2) for side in (0, 1)}
    blank: dict[Part, set[Cell]] = {"gutter": everything - owned}
    faces: tuple[FaceName, FaceName] = ("front", "rear")
    for face in faces:
        mine = {cell for item in items if item.face in (face, "full") for cell in _cells(item)}
        foreign = {
            cell
            for item in contents.items
            if item.customer != viewer and item.face in (face, "full")
            for cell in _cells(item)
        }
        blank[face] = everything - (owned - foreign) - mine
    ids = {item.id for item in items}
    rows = {row for row, _ in owned} | {row for item in items for row, _ in _cells(item)}
    return (
        replace(
            rack,
            blocked=tuple(replace(b, reason="") for b in rack.blocked),
            sections=tuple(
                s for s in rack.sections if rows & set(range(s.u_low, s.u_low + s.height))
            ),
        ),
        Contents(
            items=items,
            allocations=allocations,
            holds=holds,
            strips=tuple(
                _hide_outlets(strip, ids)
                for strip in contents.strips
                if any(outlet.item_id in ids for outlet in strip.outlets)
            ),
            rails=tuple(rail for rail in contents.rails if rail.customer == viewer),
        ),
        blank,
    )


def assign_tints(rack: Rack, contents: Contents) -> dict[str, int]:
    """Customer id -> 1..TINTS, in the order of their space from the top of the drawing."""
    things: tuple[Allocation | Item, ...] = (*contents.allocations, *contents.items)
    placed = [
        (_top(rack, thing.u_low, thing.height), thing.customer)
        for thing in things
        if thing.customer is not None
    ]
    order = dict.fromkeys(customer for _, customer in sorted(placed))
    return {customer: index % TINTS + 1 for index, customer in enumerate(order)}


def unit_range(rack: Rack, u_low: int, height: int) -> str:
    """'U10', 'U10–15' as printed there, within a section that counts anew; see `numbering`."""
    section = next((s for s in rack.sections if _restarts(s, u_low)), None)
    if section is None or section.first_u is None:
        return name_units(rack, u_low, height)
    return name_stretch(
        turn_place(section, u_low - section.u_low, height) + 2 * (section.first_u - 1), height
    )


def unit_number(rack: Rack, row: int) -> int:
    """The printed number of the U that half-U `row` belongs to."""
    for section in rack.sections:
        if _restarts(section, row) and section.first_u is not None:
            return section.first_u - 1 + unit_of(section, row - section.u_low)
    return unit_of(rack, row)


def _restarts(section: Section, row: int) -> bool:
    inside = section.u_low <= row < section.u_low + section.height
    return section.first_u is not None and inside


def _unit_marks(rack: Rack) -> Iterator[UnitMark]:
    """A number for every U that is there."""
    absent = {
        row
        for part in rack.blocked
        if part.absent and part.face == "full"
        for row in range(part.u_low, part.u_low + part.height)
    }
    for row in range(0, rack.u_count * 2, 2):
        if row in absent and row + 1 in absent:
            continue
        number = unit_number(rack, row)
        edge = number in (1, rack.u_count)
        yield UnitMark(number, _top(rack, row, 2), strong=edge or number % 5 == 0)


def _top(rack: Rack, u_low: int, height: int) -> int:
    return rack.u_count * 2 - u_low - height if rack.u1_at == "bottom" else u_low


def _sides(side: Side) -> tuple[int, ...]:
    return {"left": (0,), "right": (1,), "full": (0, 1)}[side]


def _cells(thing: Placed) -> Iterator[Cell]:
    for row in range(thing.u_low, thing.u_low + thing.height):
        for side in _sides(thing.side):
            yield row, side


def _refuse_overlap(where: str, things: Iterable[Placed]) -> None:
    taken: dict[Cell, Placed] = {}
    for thing in things:
        for cell in _cells(thing):
            other = taken.setdefault(cell, thing)
            if other is not thing:
                raise ElevationError(f"{thing.id} and {other.id} share half-U {cell[0]} in {where}")


def _hide_outlets(strip: Strip, ids: set[str]) -> Strip:
    return replace(
        strip,
        outlets=tuple(
            outlet if outlet.item_id in ids else Outlet(outlet.number, anonymous=True)
            for outlet in strip.outlets
        ),
    )


class _Canvas:
    """A grid of cells, claimed from the nearest to the eye to the farthest; first come stays."""

    def __init__(self, rack: Rack, face: FaceName, tints: dict[str, int], blank: set[Cell]) -> None:
        self.rack = rack
        self.face = face
        self.tints = tints
        self.keys: dict[Cell, Key] = dict.fromkeys(blank, ("anonymous", None))
        self.things: dict[Key, Placed | Blocked] = {}

    def claim(self, kind: BoxKind, thing: Placed) -> None:
        self._claim((kind, thing.id), thing, _cells(thing))

    def block(self) -> None:
        for index, blocked in enumerate(self.rack.blocked):
            if blocked.face not in (self.face, "full"):
                continue
            rows = range(blocked.u_low, blocked.u_low + blocked.height)
            cells = ((row, side) for row in rows for side in (0, 1))
            kind: BoxKind = "absent" if blocked.absent else "blocked"
            self._claim((kind, index), blocked, cells)

    def _claim(self, key: Key, thing: Placed | Blocked, cells: Iterable[Cell]) -> None:
        self.things[key] = thing
        for cell in cells:
            self.keys.setdefault(cell, key)

    def boxes(self) -> tuple[Box, ...]:
        """Cover everything with boxes that do not overlap."""
        free: Key = ("free", None)
        found = _rectangles(self.rack, lambda cell: self.keys.get(cell, free))
        boxes = [self._box(key, rows, sides) for key, rows, sides in found]
        return tuple(sorted(boxes, key=lambda box: (box.top, box.left)))

    def _box(self, key: Key, rows: range, sides: tuple[int, ...]) -> Box:
        box = Box(
            kind=key[0],
            top=_top(self.rack, rows.start, len(rows)),
            height=len(rows),
            left=min(sides) if self.face == "front" else 1 - max(sides),
            width=len(sides),
        )
        if key[0] == "anonymous":
            return box
        box = replace(box, units=unit_range(self.rack, rows.start, len(rows)))
        thing = self.things.get(key)
        if isinstance(thing, Item):
            tint = self.tints.get(thing.customer or "")
            return replace(box, item=thing, label=thing.name, tint=tint)
        if isinstance(thing, Allocation):
            tint = self.tints.get(thing.customer)
            return replace(box, allocation=thing, label=thing.customer_name, tint=tint)
        if isinstance(thing, Hold):
            return replace(box, hold=thing, label=thing.name)
        return replace(box, label=thing.reason) if thing else box


def _draw_face(
    face: FaceName, rack: Rack, contents: Contents, tints: dict[str, int], blank: set[Cell]
) -> tuple[Box, ...]:
    canvas = _Canvas(rack, face, tints, blank)
    for item in contents.items:
        if item.face in (face, "full"):
            canvas.claim("item", item)
    canvas.block()
    for item in contents.items:
        canvas.claim("ghost", item)
    for hold in contents.holds:
        canvas.claim("hold", hold)
    for allocation in contents.allocations:
        canvas.claim("unused", allocation)
    return canvas.boxes()


def _draw_gutter(
    rack: Rack, contents: Contents, tints: dict[str, int], blank: set[Cell]
) -> tuple[Box, ...]:
    """Who owns or holds which space, drawn beside the front; free space is named too."""
    canvas = _Canvas(rack, "front", tints, blank)
    for allocation in contents.allocations:
        canvas.claim("unused", allocation)
    for hold in contents.holds:
        canvas.claim("hold", hold)
    canvas.block()
    return canvas.boxes()


def _draw_rails(rack: Rack, contents: Contents) -> Iterator[RailSpan]:
    """The devices of one rail share its length, in their order from the bottom."""
    rails: dict[tuple[str, int, int], list[RailItem]] = {}
    for item in contents.rails:
        rails.setdefault((item.rail, item.u_low, item.height), []).append(item)
    for (_, u_low, height), items in sorted(rails.items()):
        items.sort(key=lambda item: (item.position, item.id), reverse=rack.u1_at == "bottom")
        share = height / len(items)
        for place, item in enumerate(items):
            yield RailSpan(item, _top(rack, u_low, height) + place * share, share)


def _rectangles(
    rack: Rack, key_of: Callable[[Cell], Key]
) -> Iterator[tuple[Key, range, tuple[int, ...]]]:
    """Cut the grid into rectangles of one key: full width where both halves agree, else by half.

    Bounds of sections cut too, so that no box reaches through a divider between two doors.
    """
    total = rack.u_count * 2
    cuts = {0, total}
    for section in rack.sections:
        cuts |= {section.u_low, section.u_low + section.height}

    def column(row: int, side: int) -> tuple[Key, bool]:
        """The key at a cell, and whether the row is of one piece there."""
        key = key_of((row, side))
        return key, key == key_of((row, 1 - side))

    for side in (0, 1):
        start = 0
        for row in range(1, total + 1):
            if row < total and row not in cuts and column(row, side) == column(start, side):
                continue
            key, whole = column(start, side)
            if not whole:
                yield key, range(start, row), (side,)
            elif side == 0:
                yield key, range(start, row), (0, 1)
            start = row
