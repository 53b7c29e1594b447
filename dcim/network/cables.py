"""Plugging cables in and out, and reading the line a port hangs on."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, and_, any_, bindparam, delete, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import is_among, utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row
from dcim.inventory.numbering import first_unit
from dcim.network.models import Cable, CableEnd, Port
from dcim.network.order_models import CrossConnect, CrossConnectEnd
from dcim.network.tracing import FRONT, REAR, Joint, Joints, Line, Plug, trace_line

MEDIA = ("smf", "mmf", "utp", "dac", "aoc", "coax")


@dataclass(frozen=True, slots=True)
class CableNotes:
    """What is written on a cable; `length_m` in metres."""

    media: str
    code: str | None = None
    colour: str = ""
    length_m: Decimal | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PortPlace:
    """A port with its device and where that stands (site, room, row, cabinet, rack)."""

    id: int
    name: str
    kind: str
    device_id: int
    device_name: str
    device_role: str
    place: str
    room_id: int | None

    @property
    def label(self) -> str:
        return f"{self.device_name} {self.name}"


@dataclass(frozen=True, slots=True)
class TraceCable:
    id: int
    code: str | None
    media: str
    colour: str
    length_m: Decimal | None
    state: str
    cross_connect_id: int | None


@dataclass(frozen=True, slots=True)
class TraceHop:
    """`cable` is the one to the next hop; None on the last of an open line."""

    port: PortPlace
    left: str | None
    right: str | None
    cable: TraceCable | None


@dataclass(frozen=True, slots=True)
class Trace:
    hops: list[TraceHop]
    is_loop: bool


def connect_ports(
    session: Session,
    scope: Scope,
    a: Plug,
    z: Plug,
    notes: CableNotes,
    *,
    at: dt.datetime | None = None,
    order: CrossConnect | None = None,
) -> Cable:
    """Lay a cable between two plugs; `order` is the cross-connect it is laid for.

    Raises NotFoundError for a port there isn't, InvalidError for a rear that no panel has,
    ConflictError naming the cable or the order that has the plug.
    """
    _require_staff(scope)
    if notes.media not in MEDIA:
        raise InvalidError("There is no such kind of cable.", {"media": ["unknown"]})
    if a == z:
        raise InvalidError("A cable has two different ends.", {"z_port_id": ["same"]})
    ports = lock_ports(session, (a.port_id, z.port_id))
    for plug in (a, z):
        if plug.face not in (FRONT, REAR) or (
            plug.face == REAR and ports[plug.port_id].kind != "panel"
        ):
            raise InvalidError("Only a patch panel's port has a rear.", {"face": ["unknown"]})
    _refuse_taken(session, ports, (a, z))
    _refuse_promised(session, ports, order)
    if notes.code and (
        session.scalar(select(Cable.id).where(Cable.code == notes.code)) is not None
    ):
        raise ConflictError("A cable is called %(code)s already.", code=notes.code)
    cable = Cable(
        code=notes.code or None,
        media=notes.media,
        colour=notes.colour,
        length_m=notes.length_m,
        note=notes.note,
        state="connected",
        installed_at=at or utc_now(),
        cross_connect_id=None if order is None else order.id,
        ends=[
            CableEnd(side=side, port_id=plug.port_id, face=plug.face)
            for side, plug in (("a", a), ("z", z))
        ],
    )
    session.add(cable)
    session.flush()
    record(
        session,
        scope,
        "cable.connect",
        f"cable/{cable.id}",
        customer_id=None if order is None else order.customer_id,
        a=_name(ports[a.port_id], a.face),
        z=_name(ports[z.port_id], z.face),
        media=cable.media,
    )
    return cable


def disconnect_cable(session: Session, scope: Scope, cable_id: int) -> None:
    """Take a cable out; both its plugs are free at once. The audit log keeps where it was.

    Raises ConflictError for the cable of a running order: that is ended, not unplugged.
    """
    _require_staff(scope)
    cable = session.get(Cable, cable_id, with_for_update=True)
    if cable is None:
        raise NotFoundError("No such cable.")
    number = session.scalar(
        select(CrossConnect.number).where(
            CrossConnect.id == cable.cross_connect_id, CrossConnect.state != "disconnected"
        )
    )
    if number is not None:
        raise ConflictError(
            "This cable was laid for %(number)s; disconnect that order instead.", number=number
        )
    remove_cables(session, scope, [cable])


def remove_cables(
    session: Session, scope: Scope, cables: Sequence[Cable], customer_id: int | None = None
) -> list[str]:
    """Delete these cables, with an entry in the audit log for each; what they joined, in words."""
    told = []
    for cable in cables:
        ends = session.execute(
            select(Device.name, Port.name, CableEnd.face)
            .join(Port, Port.id == CableEnd.port_id)
            .join(Device, Device.id == Port.device_id)
            .where(CableEnd.cable_id == cable.id)
            .order_by(CableEnd.side)
        ).all()
        names = [f"{device} {port} ({face})" for device, port, face in ends]
        told.append(" – ".join(names))
        session.execute(delete(CableEnd).where(CableEnd.cable_id == cable.id))
        session.execute(delete(Cable).where(Cable.id == cable.id))
        record(
            session,
            scope,
            "cable.disconnect",
            f"cable/{cable.id}",
            customer_id=customer_id,
            code=cable.code,
            ends=names,
        )
    session.expire_all()
    return told


def lock_ports(session: Session, port_ids: Iterable[int]) -> dict[int, Port]:
    """These ports, locked lowest id first so that nobody waits in a ring."""
    wanted = sorted(set(port_ids))
    found = session.scalars(
        select(Port).where(Port.id.in_(wanted)).order_by(Port.id).with_for_update(of=Port)
    ).all()
    if len(found) != len(wanted):
        raise NotFoundError("No such port.")
    return {port.id: port for port in found}


def _refuse_taken(session: Session, ports: dict[int, Port], plugs: Sequence[Plug]) -> None:
    mine, other = aliased(CableEnd), aliased(CableEnd)
    rows = session.execute(
        select(mine.port_id, mine.face, Cable.code, Cable.id, Device.name, Port.name)
        .join(Cable, Cable.id == mine.cable_id)
        .outerjoin(other, and_(other.cable_id == mine.cable_id, other.side != mine.side))
        .outerjoin(Port, Port.id == other.port_id)
        .outerjoin(Device, Device.id == Port.device_id)
        .where(mine.port_id.in_([plug.port_id for plug in plugs]))
    )
    for port_id, face, code, cable_id, device, port in rows:
        if Plug(port_id, face) in plugs:
            raise ConflictError(
                "%(port)s is taken by cable %(cable)s from %(other)s.",
                port=_name(ports[port_id], face),
                cable=code or f"#{cable_id}",
                other=f"{device} {port}",
            )


def _refuse_promised(session: Session, ports: dict[int, Port], order: CrossConnect | None) -> None:
    """A port an order waits for isn't given to another cable before that order is patched."""
    row = session.execute(
        select(CrossConnectEnd.port_id, CrossConnect.number, CrossConnect.state)
        .join(CrossConnect, CrossConnect.id == CrossConnectEnd.cross_connect_id)
        .where(
            CrossConnectEnd.port_id.in_(ports),
            CrossConnect.state.in_(("requested", "approved")),
            CrossConnect.id != (0 if order is None else order.id),
        )
        .limit(1)
    ).one_or_none()
    if row is not None:
        port_id, number, _state = row
        raise ConflictError(
            "%(port)s is kept for cross-connect %(number)s until that is patched or ended.",
            port=_name(ports[port_id], FRONT),
            number=number,
        )


def read_joints(session: Session, port_ids: Iterable[int]) -> tuple[Joints, set[int]]:
    """Everything that hangs together with these ports, and which of the ports are panels'.

    Two statements, however long the lines are.
    """
    wanted = set(port_ids)
    rows = session.execute(_select_ends(), {"port_ids": list(wanted)}).all()
    joints = join_ends((cable_id, Plug(port_id, face)) for cable_id, port_id, face in rows)
    known = wanted | {port_id for _cable, port_id, _face in rows}
    panels = set(
        session.scalars(select(Port.id).where(is_among(Port.id, known), Port.kind == "panel"))
    )
    return joints, panels


@cache
def _select_ends() -> Any:
    """The plugs of all that hangs together with `port_ids`, a parameter: to make this statement
    takes longer than to run it."""
    wanted = bindparam("port_ids", type_=ARRAY(BigInteger))
    start = (
        select(Port.id.label("port_id")).where(Port.id == any_(wanted)).cte("reach", recursive=True)
    )
    mine, other = aliased(CableEnd), aliased(CableEnd)
    reach = start.union(
        select(other.port_id)
        .join(mine, and_(mine.cable_id == other.cable_id, mine.side != other.side))
        .join(start, start.c.port_id == mine.port_id)
    )
    return select(CableEnd.cable_id, CableEnd.port_id, CableEnd.face).where(
        CableEnd.port_id.in_(select(reach.c.port_id))
    )


def join_ends(ends: Iterable[tuple[int, Plug]]) -> Joints:
    """Of (cable, plug): those cables whose two ends are among them."""
    by_cable: dict[int, list[Plug]] = {}
    for cable_id, plug in ends:
        by_cable.setdefault(cable_id, []).append(plug)
    joints: dict[Plug, Joint] = {}
    for cable_id, plugs in by_cable.items():
        if len(plugs) == 2:
            joints[plugs[0]] = Joint(cable_id, plugs[1])
            joints[plugs[1]] = Joint(cable_id, plugs[0])
    return joints


def read_line(session: Session, port_id: int) -> Line:
    joints, panels = read_joints(session, [port_id])
    return trace_line(port_id, joints, panels)


def trace_port(session: Session, scope: Scope, port_id: int) -> Trace:
    """The line through a port with devices and places; five statements however long it is.

    Raises NotFoundError for an absent port, and to everyone who isn't staff.
    """
    if not scope.is_staff or session.get(Port, port_id) is None:
        raise NotFoundError("No such port.")
    line = read_line(session, port_id)
    if 2 * line.port_ids.index(port_id) > len(line.hops) - 1:
        # Read from the end that is nearer to the port that was asked for.
        line = line.turned
    places = find_places(session, line.port_ids)
    cables = {
        one.id: TraceCable(
            one.id, one.code, one.media, one.colour, one.length_m, one.state, one.cross_connect_id
        )
        for one in session.scalars(select(Cable).where(Cable.id.in_(line.cables)))
    }
    hops = [
        TraceHop(
            places[hop.port_id],
            hop.left,
            hop.right,
            cables.get(line.cables[number]) if number < len(line.cables) else None,
        )
        for number, hop in enumerate(line.hops)
    ]
    return Trace(hops, line.is_loop)


def find_places(session: Session, port_ids: Iterable[int]) -> dict[int, PortPlace]:
    """Ports by id with their devices' places; one statement."""
    rows = session.execute(
        select(
            Port.id, Port.name, Port.kind, Device.id, Device.name, Device.role,
            Room.code, Room.id, Cabinet.code, Rack, Installation.u_low, Installation.height,
        )
        .join(Device, Device.id == Port.device_id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
        .where(is_among(Port.id, list(port_ids)))
    )  # fmt: skip
    places = {}
    for row in rows:
        port_id, name, kind, device_id, device, role, room, room_id, cabinet, rack, low, high = row
        unit = None if low is None else f"U{first_unit(rack, low, high)}"
        parts = [room, cabinet, unit]
        places[port_id] = PortPlace(
            id=port_id,
            name=name,
            kind=kind,
            device_id=device_id,
            device_name=device,
            device_role=role,
            place=" · ".join(part for part in parts if part),
            room_id=room_id,
        )
    return places


def find_port_by_words(session: Session, words: str, field: str = "port") -> Port:
    """A port as people write it: "core-1 xle1/1/1"; the device's name, a space, the port's.

    Raises InvalidError, marked on `field`, for what is no port.
    """
    text = words.strip()
    parts = [(text[:at], text[at + 1 :].strip()) for at, mark in enumerate(text) if mark in " :"]
    for device, name in parts:
        found = session.scalar(
            select(Port)
            .join(Device, Device.id == Port.device_id)
            .where(Device.name == device, Port.name == name)
        )
        if found is not None:
            return found
    raise InvalidError(
        "No port is called %(port)s; write the device, a space and its port.",
        {field: ["unknown"]},
        port=text,
    )


def suggest_ports(session: Session, scope: Scope, text: str, limit: int = 20) -> list[PortPlace]:
    """Ports whose device or own name holds these words, free ones first; for pickers."""
    if not scope.is_staff:
        return []
    statement = select(Port.id).join(Device, Device.id == Port.device_id)
    for word in text.split()[:6]:
        pattern = f"%{word.replace('%', '').replace('_', '')}%"
        statement = statement.where(
            Device.name.ilike(pattern) | Port.name.ilike(pattern) | Port.description.ilike(pattern)
        )
    taken = select(CrossConnectEnd.port_id)
    ids = session.scalars(
        statement.order_by(Port.id.in_(taken), Device.name, Port.name).limit(limit)
    ).all()
    places = find_places(session, ids)
    return [places[port_id] for port_id in ids]


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff lay cables.")


def _name(port: Port, face: str) -> str:
    return f"{port.device.name} {port.name}" + (" (rear)" if face == REAR else "")
