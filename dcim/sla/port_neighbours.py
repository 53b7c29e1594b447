"""What a port is linked with: by its cable, by what it hears, and by who hears it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device
from dcim.network.cables import PortPlace
from dcim.network.models import Port
from dcim.snmp.agents.models import HeardNeighbour, SnmpAgent
from dcim.snmp.discovery.link_verdicts import Verdict
from dcim.snmp.discovery.links import HEARD_HOLDS, Link, LinkReader


@dataclass(frozen=True, slots=True)
class HeardHere:
    """A neighbour as it says of itself, believed by nobody; `device` and `port` of the inventory
    as far as they are known, else `doubt` (`discovery.neighbours.Doubt`). Old: it counts no more.
    """

    sys_name: str
    sys_descr: str
    chassis: str
    remote_port: str
    remote_descr: str
    addresses: tuple[str, ...]
    doubt: str
    device_id: int | None
    device_name: str | None
    port_id: int | None
    port_name: str | None
    first_heard_at: dt.datetime
    last_heard_at: dt.datetime
    is_old: bool


@dataclass(frozen=True, slots=True)
class PortLinks:
    """`asked_at` is when the port's device was last asked whom it hears, `problem` why it didn't
    say; neither for a device that isn't polled."""

    port_id: int
    links: list[Link]
    heard: list[HeardHere]
    asked_at: dt.datetime | None
    problem: str

    def far_of(self, link: Link) -> PortPlace:
        return link.z if link.a.id == self.port_id else link.a

    def way_of(self, link: Link) -> tuple[PortPlace, ...]:
        """The panels' ports between, from this port on."""
        return link.via if link.a.id == self.port_id else link.via[::-1]

    @property
    def contradicting(self) -> tuple[list[PortPlace], list[str]]:
        """Where the record says it leads and where LLDP does; both empty unless they differ."""
        disputed = [one for one in self.links if one.verdict == Verdict.CONTRADICTS]
        if not disputed:
            return [], []
        cabled = [self.far_of(one) for one in disputed if one.is_recorded]
        heard = [self.far_of(one).label for one in disputed if one.heard_by]
        if not heard:
            # It hears a device of which the port isn't known, or the far end hears another.
            heard = [one.device_name for one in self.heard if one.device_name and not one.is_old]
        return cabled, heard


def read_port_links(session: Session, scope: Scope, port_id: int, now: dt.datetime) -> PortLinks:
    """For staff. Thirteen statements, however much is heard."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all links.")
    row, other, device = HeardNeighbour, aliased(Port), aliased(Device)
    rows = session.execute(
        select(row, device.id, device.name, other.id, other.name)
        .outerjoin(device, device.id == row.other_device_id)
        .outerjoin(other, other.id == row.other_port_id)
        .where(row.port_id == port_id)
        .order_by(row.first_heard_at, row.id)
    )
    heard = [
        HeardHere(
            sys_name=one.sys_name,
            sys_descr=one.sys_descr,
            chassis=one.chassis,
            remote_port=one.remote_port,
            remote_descr=one.remote_descr,
            addresses=tuple(one.addresses),
            doubt=one.doubt,
            device_id=device_id,
            device_name=device_name,
            port_id=other_id,
            port_name=other_name,
            first_heard_at=one.first_heard_at,
            last_heard_at=one.last_heard_at,
            is_old=one.last_heard_at <= now - HEARD_HOLDS,
        )
        for one, device_id, device_name, other_id, other_name in rows
    ]
    asked = session.execute(
        select(SnmpAgent.last_check_at, SnmpAgent.last_check_error)
        .join(Port, Port.device_id == SnmpAgent.device_id)
        .where(Port.id == port_id)
    ).one_or_none()
    links = LinkReader(session, now, with_machines=True).links_at(port_id)
    return PortLinks(port_id, links, heard, *(asked or (None, "")))
