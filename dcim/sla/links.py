"""The map of links: which devices and links of a place or around a device, with their loads now."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.errors import ForbiddenError, NotFoundError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row
from dcim.network.cables import PortPlace
from dcim.network.models import Carrier, Circuit, Port
from dcim.sla.ports import PortNow, read_ports
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.discovery.link_verdicts import Verdict
from dcim.snmp.discovery.links import Link, LinkReader, is_linked

# More devices than this are no picture any more; then it is what is near one of them.
MOST_DEVICES = 80
HOPS = (1, 2, 3)
USUAL_HOPS = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """Of a site or room, or within `hops` links of a device; nothing: of the whole house."""

    site_id: int | None = None
    room_id: int | None = None
    device_id: int | None = None
    hops: int = USUAL_HOPS
    with_machines: bool = False


@dataclass(frozen=True, slots=True)
class MapDevice:
    """`carriers` are those whose lines come in here; `links` are those of the map. Outside: it
    stands elsewhere than was asked for."""

    id: int
    name: str
    place: str
    carriers: tuple[str, ...]
    links: int
    is_outside: bool


@dataclass(frozen=True, slots=True)
class MapLink:
    """A link with its two ports as they are now; None where a port can't be read."""

    link: Link
    a_now: PortNow | None
    z_now: PortNow | None

    @property
    def state(self) -> str:
        """Down as soon as one end says so."""
        states = {one.state for one in (self.a_now, self.z_now) if one is not None}
        return "down" if "down" in states else "up" if "up" in states else "unknown"

    @property
    def share(self) -> float | None:
        """Of the speed, by the busier direction at the end that says more."""
        known = [
            one.share
            for one in (self.a_now, self.z_now)
            if one is not None and one.share is not None
        ]
        return max(known) if known else None

    @property
    def load(self) -> str:
        """A class: down, unknown, low, half, high (from 75 %) or full (from 90 %)."""
        if self.state == "down":
            return "down"
        if self.share is None:
            return "unknown"
        for name, least in (("full", 0.9), ("high", 0.75), ("half", 0.5)):
            if self.share >= least:
                return name
        return "low"

    @property
    def lag_names(self) -> tuple[str, ...]:
        """Of the LAGs that its ends are members of, a's first; one name where both say the same."""
        told = [one.lag_name for one in (self.a_now, self.z_now) if one and one.lag_name]
        return tuple(dict.fromkeys(told))

    @property
    def bundle(self) -> tuple[int, int, str, str] | None:
        """The same for all links of one LAG between two devices; what contradicts is in none."""
        lags = [(one.lag_name or "") if one else "" for one in (self.a_now, self.z_now)]
        if not any(lags) or self.link.verdict == Verdict.CONTRADICTS:
            return None
        return self.link.a.device_id, self.link.z.device_id, lags[0], lags[1]


@dataclass(frozen=True, slots=True)
class MapBundle:
    """Links that are one line of the picture: those of a LAG, or a link alone."""

    links: tuple[MapLink, ...]

    @property
    def first(self) -> MapLink:
        return self.links[0]

    @property
    def up(self) -> int:
        return sum(one.state == "up" for one in self.links)

    @property
    def fullest(self) -> MapLink:
        """Of those that aren't down, unless all are."""
        return max(self.links, key=lambda one: (one.state != "down", one.share or 0.0))


def bundle_links(links: Iterable[MapLink]) -> list[MapBundle]:
    """In the order of their first links."""
    found: dict[object, list[MapLink]] = {}
    for one in links:
        found.setdefault(one.bundle or (one.link.a.id, one.link.z.id), []).append(one)
    return [MapBundle(tuple(several)) for several in found.values()]


@dataclass(frozen=True, slots=True)
class LinkMap:
    """`linked` devices of the place have cables or neighbours; nobody counts them where a device
    was asked for. Where they are too many, or one was, `center` is what the map is about;
    `left_out` devices were near it, too.

    LLDP was last read of the devices that are polled between `oldest_check` and `newest_check`.
    """

    devices: list[MapDevice]
    links: list[MapLink]
    linked: int
    center: MapDevice | None
    left_out: int
    oldest_check: dt.datetime | None
    newest_check: dt.datetime | None

    @property
    def is_cut(self) -> bool:
        return self.linked > MOST_DEVICES


def read_link_map(session: Session, scope: Scope, wish: Wish, now: dt.datetime) -> LinkMap:
    """For staff. At most 16 statements and 5 a hop, however many links there are, and 5 for each
    device that has the most cables and none of them a link.

    Raises NotFoundError for a device there isn't.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all links.")
    if wish.device_id is not None and session.get(Device, wish.device_id) is None:
        raise NotFoundError("No such device.")
    reader = LinkReader(session, now, wish.with_machines)
    center_id, linked, own = wish.device_id, 0, set[int]()
    if center_id is None:
        rows = session.execute(_select_linked(wish)).all()
        linked = rows[0].linked if rows else 0
        own = {row.id for row in rows}
        if linked > MOST_DEVICES:
            # Most cables may lead to machines and panels alone, which are no links here.
            center_id = next((row.id for row in rows if reader.read_devices([row.id])), rows[0].id)
    if center_id is None:
        near = reader.read_devices(own)
        chosen, others = _choose(own, near)
        reader.read_devices(chosen - own)
    else:
        chosen, others = _go_out(reader, center_id, wish.hops)
    links = reader.links(chosen)
    ports = {end.id for link in links for end in (link.a, link.z)}
    states = {one.id: one for one in read_ports(session, scope, now, port_ids=ports)}
    found = [MapLink(link, states.get(link.a.id), states.get(link.z.id)) for link in links]
    devices = _describe(session, links, own if center_id is None else None)
    oldest, newest = session.execute(
        select(func.min(SnmpAgent.last_check_at), func.max(SnmpAgent.last_check_at)).where(
            SnmpAgent.enabled, is_among(SnmpAgent.device_id, [one.id for one in devices])
        )
    ).one()
    center = next((one for one in devices if one.id == center_id), None)
    return LinkMap(devices, found, linked, center, len(others), oldest, newest)


def find_linked_device(session: Session, scope: Scope, name: str) -> int:
    """The device that is called so, else the first whose name begins so, among those with links.

    Raises NotFoundError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all links.")
    pattern = name.strip().lower()
    statement = (
        select(Device.id)
        .where(
            func.lower(Device.name).startswith(pattern, autoescape=True),
            Device.id.in_(select(Port.device_id).where(is_linked(Port, with_machines=True))),
        )
        .order_by(func.lower(Device.name) != pattern, Device.name, Device.id)
        .limit(1)
    )
    found = session.scalar(statement) if pattern else None
    if found is None:
        raise NotFoundError("No device with links is called %(name)s.", name=name.strip()[:100])
    return found


def _select_linked(wish: Wish) -> Select[int, int, int]:
    """Devices with links in the place, best connected first: no more than a map shows, and in
    `linked` how many there are."""
    return (
        select(
            Device.id,
            func.count().label("links"),
            func.count().over().label("linked"),
        )
        .join(Port, Port.device_id == Device.id)
        .where(is_linked(Port, with_machines=wish.with_machines), *_stands_in(wish))
        .group_by(Device.id)
        .order_by(func.count().desc(), Device.name, Device.id)
        .limit(MOST_DEVICES)
    )


def _stands_in(wish: Wish) -> list[ColumnElement[bool]]:
    if wish.site_id is None and wish.room_id is None:
        return []
    inside = (
        select(Installation.device_id)
        .join(Rack, Rack.id == Installation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
    )
    if wish.site_id is not None:
        inside = inside.where(Room.site_id == wish.site_id)
    if wish.room_id is not None:
        inside = inside.where(Room.id == wish.room_id)
    return [Device.id.in_(inside)]


def _go_out(reader: LinkReader, center_id: int, hops: int) -> tuple[set[int], set[int]]:
    """The devices within so many links, those with more links first where they are too many, and
    those left out then."""
    chosen, frontier, left_out = {center_id}, {center_id}, set[int]()
    for _hop in range(hops):
        near = reader.read_devices(frontier)
        grown, others = _choose(chosen, near)
        frontier, chosen, left_out = grown - chosen, grown, left_out | others
    # What the outermost are linked with among themselves.
    reader.read_devices(frontier)
    return chosen, left_out


def _choose(chosen: set[int], near: dict[int, int]) -> tuple[set[int], set[int]]:
    others = sorted(near.keys() - chosen, key=lambda one: (-near[one], one))
    room = max(0, MOST_DEVICES - len(chosen))
    return chosen | set(others[:room]), set(others[room:])


def _describe(session: Session, links: list[Link], own: set[int] | None) -> list[MapDevice]:
    places: dict[int, PortPlace] = {}
    counts: dict[int, int] = {}
    for link in links:
        for end in {link.a.device_id: link.a, link.z.device_id: link.z}.values():
            places[end.device_id] = end
            counts[end.device_id] = counts.get(end.device_id, 0) + 1
    carriers: dict[int, list[str]] = {}
    rows = session.execute(
        select(Port.device_id, Carrier.name)
        .join(Circuit, Circuit.port_id == Port.id)
        .join(Carrier, Carrier.id == Circuit.carrier_id)
        .where(is_among(Port.device_id, places), Circuit.state.in_(("active", "suspended")))
        .distinct()
        .order_by(Port.device_id, Carrier.name)
    )
    for device_id, name in rows:
        carriers.setdefault(device_id, []).append(name)
    found = [
        MapDevice(
            id=key,
            name=one.device_name,
            place=one.place,
            carriers=tuple(carriers.get(key, ())),
            links=counts[key],
            is_outside=own is not None and key not in own,
        )
        for key, one in places.items()
    ]
    return sorted(found, key=lambda one: (one.name, one.id))
