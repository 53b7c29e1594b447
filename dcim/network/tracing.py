"""Following cables from port to port through patch panels. Pure: plugs in, a line out.

A plug is a port's front or rear. A cable joins two plugs; a panel port joins its own front and
rear. So what hangs together is a line of ports, or a loop; nothing branches.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

FRONT, REAR = "front", "rear"


@dataclass(frozen=True, slots=True)
class Plug:
    port_id: int
    face: str = FRONT

    @property
    def behind(self) -> "Plug":
        """The other face of the same panel port."""
        return replace(self, face=REAR if self.face == FRONT else FRONT)


@dataclass(frozen=True, slots=True)
class Joint:
    """A plug's cable and the plug at that cable's other end."""

    cable_id: int
    other: Plug


Joints = Mapping[Plug, Joint]


@dataclass(frozen=True, slots=True)
class Hop:
    """A port of a line; the faces towards its two neighbours. None: the port ends there."""

    port_id: int
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """`cables[n]` joins `hops[n]` and the next one, in a loop the last and the first as well."""

    hops: tuple[Hop, ...]
    cables: tuple[int, ...]
    is_loop: bool = False

    @property
    def port_ids(self) -> tuple[int, ...]:
        return tuple(hop.port_id for hop in self.hops)

    @property
    def turned(self) -> "Line":
        """The same line read from its other end."""
        hops = tuple(Hop(hop.port_id, hop.right, hop.left) for hop in reversed(self.hops))
        if self.is_loop:
            return Line(hops, (*reversed(self.cables[:-1]), self.cables[-1]), is_loop=True)
        return Line(hops, tuple(reversed(self.cables)))

    @property
    def open_left(self) -> Plug | None:
        """The free plug at the line's left end, if it has one."""
        hop = self.hops[0]
        return None if self.is_loop or hop.left is None else Plug(hop.port_id, hop.left)

    @property
    def open_right(self) -> Plug | None:
        hop = self.hops[-1]
        return None if self.is_loop or hop.right is None else Plug(hop.port_id, hop.right)


class NoPathError(ValueError):
    """The two ports can't be joined: `port_id` is where the way ends. None: it goes in a loop."""

    def __init__(self, port_id: int | None) -> None:
        super().__init__(f"no free plug beyond port {port_id}")
        self.port_id = port_id


def trace_line(port_id: int, joints: Joints, panels: Set[int]) -> Line:
    """The whole line through a port, which need not be an end of it."""
    start = Plug(port_id)
    rightward, cables, closed = _walk(start, joints, panels)
    own = Hop(port_id, REAR if port_id in panels else None, FRONT)
    hops = (own, *rightward)
    if closed:
        return Line(hops, tuple(cables), is_loop=True)
    if port_id not in panels:
        return Line(hops, tuple(cables))
    leftward, before, _closed = _walk(start.behind, joints, panels)
    turned = [Hop(hop.port_id, hop.right, hop.left) for hop in reversed(leftward)]
    return Line((*turned, *hops), (*reversed(before), *cables))


def _walk(leave: Plug, joints: Joints, panels: Set[int]) -> tuple[list[Hop], list[int], bool]:
    """Hops and cables after leaving by this plug; True when the way comes back to its start."""
    hops: list[Hop] = []
    cables: list[int] = []
    seen = {leave.port_id}
    at = leave
    while (joint := joints.get(at)) is not None:
        cables.append(joint.cable_id)
        reached = joint.other
        if reached.port_id in seen:
            return hops, cables, True
        seen.add(reached.port_id)
        passes = reached.port_id in panels
        hops.append(Hop(reached.port_id, reached.face, reached.behind.face if passes else None))
        if not passes:
            break
        at = reached.behind
    return hops, cables, False


def find_way_out(port_id: int, joints: Joints, panels: Set[int]) -> Plug:
    """Where a patch cable for this port is plugged in.

    A panel port with a trunk in its rear is reached at the trunk's far end; else it takes the
    cable itself, in front, or where that is taken at the far end of what is plugged in there.
    Raises NoPathError when every way from the port is taken to its end.
    """
    line = trace_line(port_id, joints, panels)
    if line.is_loop:
        raise NoPathError(None)
    front, rear = Plug(port_id), Plug(port_id, REAR)
    if port_id in panels and rear in joints:
        # Turned so that the rear's side is on the right.
        found = line.open_left
    elif front not in joints:
        return front
    else:
        found = line.open_right
    if found is None:
        raise NoPathError(line.port_ids[0 if rear in joints else -1])
    return found


def plan_cables(
    a_port_id: int, z_port_id: int, via: Sequence[int], joints: Joints, panels: Set[int]
) -> list[tuple[Plug, Plug]]:
    """The cables still missing between A and Z, through these panel ports in this order.

    Empty when A and Z hang on one line already. Raises NoPathError.
    """
    planned: dict[Plug, Joint] = dict(joints)
    missing: list[tuple[Plug, Plug]] = []
    at = a_port_id
    for target in (*via, z_port_id):
        if target in trace_line(at, planned, panels).port_ids:
            continue
        here = _leave(at, a_port_id, planned, panels)
        there = (
            find_way_out(target, planned, panels)
            if target == z_port_id
            else _enter(target, planned, panels)
        )
        missing.append((here, there))
        planned[here], planned[there] = Joint(0, there), Joint(0, here)
        at = target
    if z_port_id not in trace_line(a_port_id, planned, panels).port_ids:
        raise NoPathError(z_port_id)
    return missing


def _leave(at: int, a_port_id: int, joints: Joints, panels: Set[int]) -> Plug:
    """On from A by its own way out; on from a panel between by the end that isn't A's."""
    if at == a_port_id:
        return find_way_out(at, joints, panels)
    line = trace_line(at, joints, panels)
    rightward = line.port_ids.index(a_port_id) <= line.port_ids.index(at)
    found = line.open_right if rightward else line.open_left
    if found is None:
        raise NoPathError(line.port_ids[-1 if rightward else 0])
    return found


def _enter(port_id: int, joints: Joints, panels: Set[int]) -> Plug:
    """The free face of a port between, or the far end of what is plugged in there."""
    for plug in (Plug(port_id), Plug(port_id, REAR)):
        if plug not in joints and (plug.face == FRONT or port_id in panels):
            return plug
    return find_way_out(port_id, joints, panels)
