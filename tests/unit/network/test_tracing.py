"""Lines through panels: whatever is plugged where, tracing ends and tells the same line."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dcim.network.tracing import (
    Hop,
    Joint,
    Line,
    NoPathError,
    Plug,
    plan_cables,
    trace_line,
)

PORTS = st.integers(1, 9)


def plug_in(cables: list[tuple[Plug, Plug]]) -> dict[Plug, Joint]:
    joints: dict[Plug, Joint] = {}
    for number, (a, z) in enumerate(cables, start=1):
        joints[a], joints[z] = Joint(number, z), Joint(number, a)
    return joints


@st.composite
def plants(draw: st.DrawFn) -> tuple[dict[Plug, Joint], set[int]]:
    """Any cabling there can be: loops and cables from a port's front to its own rear included."""
    panels = draw(st.sets(PORTS))
    plugs = [Plug(n) for n in range(1, 10)] + [Plug(n, "rear") for n in sorted(panels)]
    mixed = draw(st.permutations(plugs))
    count = draw(st.integers(0, len(mixed) // 2))
    return plug_in([(mixed[2 * n], mixed[2 * n + 1]) for n in range(count)]), panels


@given(plants(), PORTS)
def test_tracing_ends_and_every_port_of_a_line_tells_the_same(
    plant: tuple[dict[Plug, Joint], set[int]], start: int
) -> None:
    joints, panels = plant
    line = trace_line(start, joints, panels)
    assert start in line.port_ids
    assert len(set(line.port_ids)) == len(line.hops)
    assert len(line.cables) == len(line.hops) - (not line.is_loop)
    for left, right in zip(line.hops, line.hops[1:], strict=False):
        assert left.right is not None
        assert right.left is not None
        other = joints[Plug(left.port_id, left.right)].other
        assert other == Plug(right.port_id, right.left)
    assert line.turned.turned == line
    for port_id in line.port_ids:
        again = trace_line(port_id, joints, panels)
        assert set(again.port_ids) == set(line.port_ids)
        assert set(again.cables) == set(line.cables)
        assert again.is_loop == line.is_loop
    for end in (line.open_left, line.open_right):
        assert end is None or end not in joints


@given(plants(), PORTS, PORTS, st.lists(PORTS, max_size=3))
def test_planned_cables_join_a_and_z_and_take_nobodys_plug(
    plant: tuple[dict[Plug, Joint], set[int]], a: int, z: int, via: list[int]
) -> None:
    joints, panels = plant
    assume(a != z)
    try:
        planned = plan_cables(a, z, via, joints, panels)
    except NoPathError:
        return
    ends = [end for cable in planned for end in cable]
    assert len(set(ends)) == len(ends)
    assert not set(ends) & set(joints)
    assert all(end.face == "front" or end.port_id in panels for end in ends)
    line = trace_line(a, joints | plug_in(planned), panels)
    assert z in line.port_ids


def test_a_patch_is_made_at_the_far_ends_of_the_trunks() -> None:
    # 1: customer's panel, trunk to 2 in the meet-me room; 3 there, trunk to 4 at the carrier's.
    joints = plug_in([(Plug(1, "rear"), Plug(2, "rear")), (Plug(4, "rear"), Plug(3, "rear"))])
    assert plan_cables(1, 4, [], joints, {1, 2, 3, 4}) == [(Plug(2), Plug(3))]


def test_a_patch_goes_by_the_panels_it_is_told() -> None:
    joints = plug_in([(Plug(1, "rear"), Plug(2, "rear")), (Plug(5), Plug(6))])
    assert plan_cables(1, 9, [5], joints, {1, 2, 5, 6}) == [
        (Plug(2), Plug(5, "rear")),
        (Plug(6, "rear"), Plug(9)),
    ]


def test_what_is_joined_needs_no_cable_and_what_is_taken_gets_none() -> None:
    joints = plug_in([(Plug(1), Plug(2)), (Plug(3), Plug(4))])
    assert plan_cables(1, 2, [], joints, set()) == []
    with pytest.raises(NoPathError) as told:
        plan_cables(1, 5, [], joints, set())
    assert told.value.port_id == 2


def test_a_loop_is_told_as_one() -> None:
    joints = plug_in([(Plug(1), Plug(2, "rear")), (Plug(2), Plug(1, "rear"))])
    line = trace_line(1, joints, {1, 2})
    assert line == Line((Hop(1, "rear", "front"), Hop(2, "rear", "front")), (1, 2), is_loop=True)
    with pytest.raises(NoPathError):
        plan_cables(1, 3, [], joints, {1, 2})
