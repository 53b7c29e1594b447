"""What a cabinet drawing is made of: the things that go in, and the boxes that come out.

Lengths are whole half-U (22.225 mm): `u_low` counts from the edge where U1 sits to the near edge of
a thing, so a 1U device at U10 has u_low=18, height=2. `top` counts downwards from the top of the
drawing. Sides are named as seen from the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaceName = Literal["front", "rear"]
MountFace = Literal["front", "rear", "full"]
Side = Literal["left", "right", "full"]
BoxKind = Literal["item", "ghost", "blocked", "absent", "hold", "unused", "free", "anonymous"]
State = Literal["ok", "warning", "down", "unknown", "maintenance"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a door of its own. `first_u` restarts the count; None counts through.

    `counts_down`: its units are printed from the top; places still count from the bottom.
    """

    name: str
    u_low: int
    height: int
    first_u: int | None = None
    counts_down: bool = False

    @property
    def u_count(self) -> int:
        return (self.height + 1) // 2

    @property
    def numbering(self) -> str:
        return "down" if self.counts_down else "up"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Space nobody can use: a divider, a cable entry, a damaged rail; `absent` isn't even there."""

    u_low: int
    height: int
    reason: str = ""
    face: MountFace = "full"
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Rack:
    id: str
    name: str
    u_count: int
    u1_at: Literal["bottom", "top"] = "bottom"
    blocked: tuple[Blocked, ...] = ()
    sections: tuple[Section, ...] = ()
    # Printed from the top, as `Section.counts_down`; for a rack without sections.
    counts_down: bool = False

    @property
    def numbering(self) -> str:
        return "down" if self.counts_down else "up"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that stands in the rack. `watts` is measured, None when nobody measures it.

    `shade` and `remark` are how the chosen overlay classes it, as a class and in words.
    """

    id: str
    name: str
    u_low: int
    height: int
    role: str = ""
    face: MountFace = "full"
    side: Side = "full"
    customer: str | None = None
    customer_name: str = ""
    state: State = "ok"
    watts: int | None = None
    outlets_a: tuple[str, ...] = ()
    outlets_b: tuple[str, ...] = ()
    href: str | None = None
    shade: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class RailItem:
    """A 0U device on a side rail of the part that begins at `u_low`; `position` counts from the
    bottom. Left and right are as seen from the front."""

    id: str
    name: str
    rail: Literal["left", "right"]
    position: int
    u_low: int
    height: int
    role: str = ""
    customer: str | None = None
    customer_name: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who owns the space, by which contract item; `notes` are lines to print below the name."""

    id: str
    customer: str
    customer_name: str
    u_low: int
    height: int
    side: Side = "full"
    notes: tuple[str, ...] = ()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Space kept for somebody until a date; `customer` is None for a lead without an account."""

    id: str
    name: str
    u_low: int
    height: int
    side: Side = "full"
    customer: str | None = None
    notes: tuple[str, ...] = ()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Outlet:
    number: str
    item_id: str | None = None
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """A PDU beside the rails, seen from the rear: A on the left, B on the right."""

    name: str
    feed: Literal["A", "B"]
    u_low: int
    height: int
    outlets: tuple[Outlet, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a face or of the gutter: `left` and `width` in half-widths (0..2)."""

    kind: BoxKind
    top: int
    height: int
    left: int
    width: int
    units: str = ""
    item: Item | None = None
    allocation: Allocation | None = None
    hold: Hold | None = None
    label: str = ""
    tint: int | None = None


@dataclass(frozen=True, slots=True)
class UnitMark:
    number: int
    top: int
    strong: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A strip or section with its place in the drawing."""

    top: int
    height: int
    strip: Strip | None = None
    section: Section | None = None


@dataclass(frozen=True, slots=True)
class RailSpan:
    """Where a 0U device is drawn along its rail, in half units from the top of the drawing."""

    item: RailItem
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Elevation:
    rack: Rack
    half_units: int
    front: tuple[Box, ...]
    rear: tuple[Box, ...]
    gutter: tuple[Box, ...]
    sections: tuple[Span, ...]
    strips: tuple[Span, ...]
    units: tuple[UnitMark, ...]
    rails: tuple[RailSpan, ...] = ()

    def boxes(self, face: FaceName) -> tuple[Box, ...]:
        return self.front if face == "front" else self.rear

    @property
    def has_halves(self) -> bool:
        return any(box.width == 1 for box in self.gutter)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of a rack, before anybody looks at it."""

    items: tuple[Item, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    holds: tuple[Hold, ...] = ()
    strips: tuple[Strip, ...] = ()
    rails: tuple[RailItem, ...] = ()
