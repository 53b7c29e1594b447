"""Reading the links around some devices: by cables, through panels, and by what devices hear."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from dcim.columns import is_among
from dcim.network.cables import PortPlace, find_places, read_joints
from dcim.network.models import CableEnd, Port
from dcim.network.tracing import Joint, Line, Plug, trace_line
from dcim.snmp.agents.models import HeardNeighbour
from dcim.snmp.discovery.link_verdicts import Verdict, judge_links
from dcim.snmp.discovery.neighbours import Claim

# Devices are asked once a day; who wasn't heard through three rounds may be gone.
HEARD_HOLDS = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Link:
    """Two ports of devices, by device and port. `via` are the panel ports between them, from `a`;
    `heard_by` which of the two ids hear the other, since `heard_since` and last at `heard_at`."""

    a: PortPlace
    z: PortPlace
    verdict: Verdict
    is_recorded: bool
    heard_by: frozenset[int]
    heard_since: dt.datetime | None
    heard_at: dt.datetime | None
    via: tuple[PortPlace, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A row of what a port hears, its far device known; `other_port_id` None: its port isn't."""

    port_id: int
    other_device_id: int
    other_port_id: int | None
    first_heard_at: dt.datetime
    last_heard_at: dt.datetime

    @property
    def ends(self) -> tuple[int, ...]:
        known = self.other_port_id is not None
        return (self.port_id, self.other_port_id or 0) if known else (self.port_id,)


def is_linked(port: Any, *, with_machines: bool) -> ColumnElement[bool]:
    """Whether a port can be an end of a link: no panel's, and cabled or heard at.

    Without machines: a switch's only.
    """
    return and_(
        port.kind.in_(_kinds(with_machines=with_machines)),
        or_(
            exists().where(CableEnd.port_id == port.id),
            exists().where(HeardNeighbour.port_id == port.id),
            exists().where(HeardNeighbour.other_port_id == port.id),
        ),
    )


@dataclass(slots=True)
class LinkReader:
    """Reads links device by device; what it has read once it keeps."""

    session: Session
    now: dt.datetime
    with_machines: bool = False
    _joints: dict[Plug, Joint] = field(default_factory=dict)
    _panels: set[int] = field(default_factory=set)
    _heard: dict[int, Heard] = field(default_factory=dict)
    _read: set[int] = field(default_factory=set)

    def read_ports(self, port_ids: Iterable[int]) -> None:
        """What is cabled and heard at these ports; three statements, none for what is read."""
        wanted = set(port_ids) - self._read
        if not wanted:
            return
        joints, panels = read_joints(self.session, wanted)
        self._joints |= joints
        self._panels |= panels
        row = HeardNeighbour
        rows = self.session.execute(
            select(
                row.id, row.port_id, row.other_device_id, row.other_port_id,
                row.first_heard_at, row.last_heard_at,
            ).where(
                or_(is_among(row.port_id, wanted), is_among(row.other_port_id, wanted)),
                row.port_id.is_not(None),
                row.other_device_id.is_not(None),
                row.doubt.in_(("", "unknown_port")),
                row.last_heard_at > self.now - HEARD_HOLDS,
            )
        )  # fmt: skip
        for key, port_id, device_id, other_port_id, first, last in rows:
            if port_id is not None and device_id is not None:
                self._heard[key] = Heard(port_id, device_id, other_port_id, first, last)
        self._read |= wanted

    def read_devices(self, device_ids: Collection[int]) -> dict[int, int]:
        """Read these devices' links; how many lead to which other devices. Five statements."""
        rows = self.session.execute(
            select(Port.id, Port.device_id).where(
                is_among(Port.device_id, device_ids),
                is_linked(Port, with_machines=self.with_machines),
            )
        )
        own = dict(rows.all())
        self.read_ports(own)
        far = {end for port_id in own if (end := self._far(port_id)) is not None}
        for one in self._heard.values():
            if not own.keys().isdisjoint(one.ends):
                far.update(one.ends)
        counted = self.session.execute(
            select(Port.device_id, func.count())
            .where(
                is_among(Port.id, far - own.keys()),
                Port.kind.in_(_kinds(with_machines=self.with_machines)),
            )
            .group_by(Port.device_id)
        )
        return dict(counted.all())

    def links(self, device_ids: Collection[int]) -> list[Link]:
        """The links of which both ends are these devices', which have been read; seven statements.

        Judged by all that is recorded and heard at both ends.
        """
        kinds, wanted = _kinds(with_machines=self.with_machines), set(device_ids)
        return self._links(
            lambda ends: all(end.device_id in wanted and end.kind in kinds for end in ends)
        )

    def links_at(self, port_id: int) -> list[Link]:
        """Every link that this port is an end of, judged likewise; ten statements."""
        self.read_ports([port_id])
        return self._links(lambda ends: any(end.id == port_id for end in ends))

    def _links(self, keep: Callable[[list[PortPlace]], bool]) -> list[Link]:
        self.read_ports(end for one in self._heard.values() for end in one.ends)
        self.read_ports([far for port_id in self._read if (far := self._far(port_id)) is not None])
        lines = {}
        for port_id in self._read - self._panels:
            far = self._far(port_id)
            if far is not None and port_id < far:
                lines[port_id, far] = self._line(port_id)
        passed = {port_id for line in lines.values() for port_id in line.port_ids}
        passed.update(end for one in self._heard.values() for end in one.ends)
        places = find_places(self.session, self._read | passed)
        told: dict[tuple[int, int], list[Heard]] = {}
        claims, of_devices = [], []
        for one in self._heard.values():
            if one.other_port_id is None:
                of_devices.append((one.port_id, one.other_device_id))
                continue
            claim = Claim(places[one.port_id].device_id, one.port_id, one.other_port_id)
            claims.append(claim)
            told.setdefault(claim.ends, []).append(one)
        device_of = {port_id: place.device_id for port_id, place in places.items()}
        found = []
        for judged in judge_links(lines, claims, of_devices, device_of):
            ends = [places[port_id] for port_id in judged.ends]
            if not keep(ends):
                continue
            line, by = lines.get(judged.ends), told.get(judged.ends, [])
            via = [] if line is None else [places[port_id] for port_id in line.port_ids[1:-1]]
            if _order(ends[1]) < _order(ends[0]):
                ends.reverse()
                via.reverse()
            found.append(
                Link(
                    a=ends[0],
                    z=ends[1],
                    verdict=judged.verdict,
                    is_recorded=judged.is_recorded,
                    heard_by=judged.heard_by,
                    heard_since=min((one.first_heard_at for one in by), default=None),
                    heard_at=max((one.last_heard_at for one in by), default=None),
                    via=tuple(via),
                )
            )
        found.sort(key=lambda link: (_order(link.a), _order(link.z)))
        return found

    def _line(self, port_id: int) -> Line:
        return trace_line(port_id, self._joints, self._panels)

    def _far(self, port_id: int) -> int | None:
        """The device's port at the line's other end; none where it ends in a panel."""
        line = self._line(port_id)
        if port_id in self._panels or line.is_loop or len(line.hops) < 2:
            return None
        far = line.port_ids[-1]
        return None if far in self._panels else far


def _order(place: PortPlace) -> tuple[str, str, int]:
    return place.device_name, place.name, place.id


def _kinds(*, with_machines: bool) -> tuple[str, ...]:
    return ("switch", "server", "other") if with_machines else ("switch",)
