"""The geometry of a cabinet: bounds, overlaps, mirrors, ghosts, and what a tenant may see."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.drawing.elevation import ElevationError, hide_others, lay_out, unit_range
from dcim.inventory.drawing.elevation_parts import (
    Allocation,
    Blocked,
    Box,
    Contents,
    Elevation,
    Hold,
    Item,
    MountFace,
    Outlet,
    Rack,
    RailItem,
    Section,
    Side,
    Strip,
)

RACK = Rack("r1", "A-07", 42)


def u(number: int) -> int:
    """Lower edge of a whole U, in half-U."""
    return (number - 1) * 2


def test_u1_is_at_the_bottom_or_at_the_top() -> None:
    item = Item("i", "srv", u(10), 4)
    bottom = lay_out(RACK, Contents(items=(item,)))
    top = lay_out(dataclasses.replace(RACK, u1_at="top"), Contents(items=(item,)))
    assert of(bottom.front, "item")[0].top == 84 - 18 - 4
    assert of(top.front, "item")[0].top == 18
    assert of(bottom.front, "item")[0].units == "U10–11" == of(top.front, "item")[0].units
    assert bottom.units[0].number == 1
    assert bottom.units[0].top == 82
    assert top.units[0].top == 0


def test_halves_are_named() -> None:
    assert unit_range(RACK, 18, 2) == "U10"
    assert unit_range(RACK, 18, 1) == "U10"
    assert unit_range(RACK, 19, 1) == "U10.5"
    assert unit_range(RACK, 18, 3) == "U10–11"
    assert unit_range(RACK, 19, 4) == "U10.5–12"


def test_a_section_may_count_for_itself() -> None:
    rack = Rack("r", "half", 40, sections=(Section("upper", 40, 40, 1), Section("lower", 0, 40, 1)))
    assert unit_range(rack, 40, 2) == "U1"
    assert unit_range(rack, 0, 2) == "U1"
    assert [m.number for m in lay_out(rack, Contents()).units].count(1) == 2


def test_the_rear_mirrors_the_sides() -> None:
    pair = (Item("l", "left", 0, 2, side="left"), Item("r", "right", 0, 2, side="right"))
    drawn = lay_out(RACK, Contents(items=pair))
    assert [b.label for b in of(drawn.front, "item")] == ["left", "right"]
    assert [b.label for b in of(drawn.rear, "item")] == ["right", "left"]


def test_a_shallow_device_is_a_ghost_behind_what_is_free_only() -> None:
    front = Item("f", "odf", u(40), 4, face="front")
    rear = Item("b", "pdu", u(40), 2, face="rear")
    drawn = lay_out(RACK, Contents(items=(front, rear)))
    ghosts = of(drawn.rear, "ghost")
    assert [(b.label, b.height, b.units) for b in ghosts] == [("odf", 2, "U41")]
    assert not of(drawn.front, "ghost")


def test_layers_in_front_win() -> None:
    drawn = lay_out(
        dataclasses.replace(RACK, blocked=(Blocked(0, 2, "cable entry"),)),
        Contents(
            items=(Item("i", "srv", u(5), 2, customer="c1"),),
            allocations=(Allocation("a", "c1", "Alpha", 0, 20),),
            holds=(Hold("h", "lead", u(20), 10),),
        ),
    )
    kinds = [(b.kind, b.units) for b in reversed(drawn.front)]
    assert kinds == [
        ("blocked", "U1"),
        ("unused", "U2–4"),
        ("item", "U5"),
        ("unused", "U6–10"),
        ("free", "U11–19"),
        ("hold", "U20–24"),
        ("free", "U25–42"),
    ]
    assert [(b.kind, b.units) for b in reversed(drawn.gutter)] == [
        ("unused", "U1–10"),
        ("free", "U11–19"),
        ("hold", "U20–24"),
        ("free", "U25–42"),
    ]
    assert of(drawn.front, "item")[0].tint == 1


def test_boxes_stop_at_the_divider_between_two_doors() -> None:
    rack = dataclasses.replace(RACK, sections=(Section("lower", 0, 42), Section("upper", 42, 42)))
    assert [b.units for b in lay_out(rack, Contents()).front] == ["U22–42", "U1–21"]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((Item("x", "x", 83, 2),), "x: half-U 83"),
        ((Item("x", "x", -1, 2),), "x: half-U -1"),
        ((Item("x", "x", 4, 0),), "x: half-U 4"),
        ((Item("x", "x", 4, 2), Item("y", "y", 5, 2)), "y and x share half-U 5"),
        ((Item("x", "x", 4, 2, face="rear"), Item("y", "y", 5, 2)), "in the rear"),
        ((Item("x", "x", 4, 2, side="left"), Item("y", "y", 5, 2)), "y and x"),
    ],
)
def test_what_cannot_stand_there_is_refused_by_name(items: tuple[Item, ...], words: str) -> None:
    with pytest.raises(ElevationError, match=words):
        lay_out(RACK, Contents(items=items))


# Any valid cabinet -----------------------------------------------------------------------------

SIDES: tuple[Side, ...] = ("left", "right", "full")
FACES: tuple[MountFace, ...] = ("front", "rear", "full")
CUSTOMERS = ("own", "foreign-a", "foreign-b")
MARK = "SECRET"


@st.composite
def cabinets(draw: st.DrawFn) -> tuple[Rack, Contents]:
    """A rack cut into bands; each band gets what fits it, so that the input is valid."""
    u_count = draw(st.integers(2, 52))
    total = u_count * 2
    edges = sorted(draw(st.sets(st.integers(0, total), min_size=2, max_size=14)))
    items: list[Item] = []
    allocations: list[Allocation] = []
    holds: list[Hold] = []
    blocked: list[Blocked] = []
    for index, (low, high) in enumerate(pairwise(edges)):
        size = high - low
        what = draw(st.sampled_from(("nothing", "items", "hold", "blocked", "items", "split")))
        who = draw(st.sampled_from(CUSTOMERS))
        name = who if who == "own" else f"{MARK}-{who}"
        if what == "blocked":
            blocked.append(Blocked(low, size, f"{MARK}-why"))
        if what == "hold":
            holds.append(Hold(f"{name}-h{index}", name, low, size, customer=who))
        if what in ("items", "split"):
            side = draw(st.sampled_from(SIDES))
            other = draw(st.sampled_from(CUSTOMERS))
            allocations.append(
                Allocation(f"{name}-a{index}", who, name, low, size, side, (f"{name} note",))
            )
            sides: tuple[Side, ...] = ("left", "right") if what == "split" else (side,)
            for part in sides:
                face = draw(st.sampled_from(FACES))
                label = other if other == "own" else f"{MARK}-{other}"
                items.append(
                    Item(
                        f"{label}-{index}-{part}",
                        label,
                        low,
                        draw(st.integers(1, size)),
                        role=label,
                        face=face,
                        side=part,
                        customer=other,
                        customer_name=label,
                        outlets_a=(label,),
                        href=f"/devices/{label}",
                    )
                )
    half = u_count // 2 * 2
    sections = (Section("lower", 0, half), Section("upper", half, total - half))
    strip = Strip("A1", "A", 0, total, tuple(Outlet(str(n), i.id) for n, i in enumerate(items)))
    rack = Rack(
        "r",
        "A-01",
        u_count,
        draw(st.sampled_from(("bottom", "top"))),
        tuple(blocked),
        draw(st.sampled_from(((), sections))),
    )
    return rack, Contents(tuple(items), tuple(allocations), tuple(holds), (strip,))


def of(boxes: tuple[Box, ...], kind: str) -> list[Box]:
    return [box for box in boxes if box.kind == kind]


def area(boxes: tuple[Box, ...]) -> set[tuple[int, int]]:
    return {
        (box.top + row, box.left + column)
        for box in boxes
        for row in range(box.height)
        for column in range(box.width)
    }


def parts(drawn: Elevation) -> list[tuple[Box, ...]]:
    return [drawn.front, drawn.rear, drawn.gutter]


@given(cabinets(), st.sampled_from((None, "own")))
def test_boxes_tile_each_face_exactly(cabinet: tuple[Rack, Contents], viewer: str | None) -> None:
    rack, contents = cabinet
    drawn = lay_out(rack, contents, viewer=viewer)
    for boxes in parts(drawn):
        whole = {(row, column) for row in range(rack.u_count * 2) for column in (0, 1)}
        assert area(boxes) == whole  # within bounds, and nothing left out
        assert sum(box.height * box.width for box in boxes) == len(whole)  # and no overlap


@given(cabinets())
def test_every_item_is_drawn_where_it_stands(cabinet: tuple[Rack, Contents]) -> None:
    rack, contents = cabinet
    drawn = lay_out(rack, contents)
    for item in contents.items:
        for boxes, face in ((drawn.front, "front"), (drawn.rear, "rear")):
            mine = [b for b in boxes if b.item == item and b.kind == "item"]
            if item.face in (face, "full"):
                width = 2 if item.side == "full" else 1
                assert sum(b.height * b.width for b in mine) == item.height * width
            else:
                assert not mine


@given(cabinets())
def test_a_tenant_sees_nothing_of_another(cabinet: tuple[Rack, Contents]) -> None:
    rack, contents = cabinet
    drawn = lay_out(rack, contents, viewer="own")
    assert MARK not in repr(drawn)
    # Nor is what is free for sale told apart from what is somebody else's.
    assert not [box for boxes in parts(drawn) for box in boxes if box.kind == "free"]


@given(cabinets())
def test_without_the_filter_the_foreign_names_are_there(cabinet: tuple[Rack, Contents]) -> None:
    """The control of the test above: the same drawing without `viewer` does carry them."""
    rack, contents = cabinet
    drawn = repr(lay_out(rack, contents))
    names = [
        *(item.id for item in contents.items),
        *(allocation.id for allocation in contents.allocations),
        *(hold.id for hold in contents.holds),
    ]
    assert all(name in drawn for name in names)


@given(cabinets())
def test_what_is_blank_depends_on_the_viewers_own_things_alone(
    cabinet: tuple[Rack, Contents],
) -> None:
    """Nobody can read a neighbour's occupancy from the shape of the hatching."""
    rack, contents = cabinet
    alone = Contents(
        items=tuple(i for i in contents.items if i.customer == "own"),
        allocations=tuple(a for a in contents.allocations if a.customer == "own"),
        holds=tuple(h for h in contents.holds if h.customer == "own"),
        strips=contents.strips,
    )
    spaces: list[Allocation | Hold] = [*alone.allocations, *alone.holds]
    inside = {
        (row, side)
        for a in spaces
        for row in range(a.u_low, a.u_low + a.height)
        for side in ((0, 1) if a.side == "full" else (0,) if a.side == "left" else (1,))
    }
    _, _, with_others = hide_others(rack, contents, "own")
    _, _, without = hide_others(rack, alone, "own")
    assert with_others["front"] - inside == without["front"] - inside
    assert with_others["rear"] - inside == without["rear"] - inside


def test_a_tenant_sees_only_strips_they_are_plugged_into() -> None:
    items = (Item("mine", "mine", 0, 2, customer="c1"), Item("x", "x", 4, 2, customer="c2"))
    strips = (
        Strip("A1", "A", 0, 40, (Outlet("1", "mine"), Outlet("2", "x"), Outlet("3"))),
        Strip("A2", "A", 44, 40, (Outlet("1", "x"), Outlet("2"))),
    )
    drawn = lay_out(RACK, Contents(items=items, strips=strips), viewer="c1")
    shown = [span.strip for span in drawn.strips]
    assert [strip.name for strip in shown if strip] == ["A1"]
    assert shown[0] is not None
    # An outlet somebody else uses looks like one nobody uses.
    assert shown[0].outlets == (
        Outlet("1", "mine"),
        Outlet("2", anonymous=True),
        Outlet("3", anonymous=True),
    )


@given(cabinets())
def test_neighbouring_customers_differ_in_tint(cabinet: tuple[Rack, Contents]) -> None:
    drawn = lay_out(*cabinet)
    tints = {b.item.customer: b.tint for b in drawn.front if b.item}
    assert len(set(tints.values())) == len(tints)


# Barred units, rails, numbering from the top ---------------------------------------------------


def test_units_may_be_printed_from_the_top_while_places_count_from_the_bottom() -> None:
    down = dataclasses.replace(RACK, counts_down=True)
    assert unit_range(down, 0, 2) == "U42"
    assert unit_range(down, 80, 4) == "U1–2"
    # From the lower half of U1 to the upper half of U3: ".5" is the half next to the next number.
    assert unit_range(down, 79, 4) == "U1.5–3"
    assert unit_range(down, 83, 1) == "U1"
    assert unit_range(down, 82, 1) == "U1.5"
    drawn = lay_out(down, Contents(items=(Item("i", "srv", 80, 4),)))
    assert of(drawn.front, "item")[0].top == 0
    assert [mark.number for mark in drawn.units][:2] == [42, 41]
    halves = Rack(
        "r",
        "half",
        40,
        sections=(Section("u", 40, 40, 1, counts_down=True), Section("l", 0, 40, 1)),
    )
    assert unit_range(halves, 78, 2) == "U1"
    assert unit_range(halves, 0, 2) == "U1"


def test_absent_units_are_no_space_and_have_no_number() -> None:
    rack = dataclasses.replace(RACK, blocked=(Blocked(0, 4, "plinth", absent=True),))
    drawn = lay_out(rack, Contents(allocations=(Allocation("a", "c1", "Alpha", 0, 20),)))
    assert [(b.kind, b.height) for b in drawn.front if b.kind == "absent"] == [("absent", 4)]
    assert [b.units for b in of(drawn.front, "unused")] == ["U3–10"]
    assert min(mark.number for mark in drawn.units) == 3


def test_what_bars_one_face_leaves_the_other() -> None:
    rack = dataclasses.replace(RACK, blocked=(Blocked(0, 2, "cables", face="rear"),))
    drawn = lay_out(rack, Contents())
    assert not of(drawn.front, "blocked")
    assert [b.label for b in of(drawn.rear, "blocked")] == ["cables"]


def rail(number: int, side: Literal["left", "right"], customer: str | None = None) -> RailItem:
    return RailItem(str(number), f"pdu-{number}", side, number, 0, 84, customer=customer)


def test_the_devices_of_a_rail_share_it_from_the_bottom_up() -> None:
    drawn = lay_out(RACK, Contents(rails=(rail(1, "left"), rail(2, "left"), rail(3, "right"))))
    spans = {span.item.id: (span.top, span.height) for span in drawn.rails}
    assert spans == {"1": (42, 42), "2": (0, 42), "3": (0, 84)}


def test_a_viewers_rails_tell_nothing_of_the_others() -> None:
    mine = rail(1, "left", "own")
    alone = lay_out(RACK, Contents(rails=(mine,)), viewer="own").rails
    among = Contents(rails=(mine, rail(2, "left", "foreign"), rail(3, "right")))
    assert lay_out(RACK, among, viewer="own").rails == alone
    # The control: without a viewer all three are drawn.
    assert len(lay_out(RACK, among).rails) == 3
