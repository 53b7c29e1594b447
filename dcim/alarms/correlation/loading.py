"""Reading what around some subjects hangs on what: only what is near, however large the house."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, case, literal, or_, select, true, union, union_all
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.dependencies import Dependencies, Link, PortAt
from dcim.alarms.correlation.subjects import Subject
from dcim.columns import is_among, utc_now
from dcim.errors import ForbiddenError
from dcim.inventory.models import Allocation, Device, Installation
from dcim.metering.models import Series
from dcim.network.cables import join_ends
from dcim.network.models import BandwidthService, CableEnd, Circuit, Port, ServiceMembership
from dcim.network.tracing import FRONT, REAR, Joints, Plug, trace_line
from dcim.power.chain import Surroundings, find_racks_below, load_tree
from dcim.power.models import Outlet, PowerNode
from dcim.power.outage import Machine
from dcim.snmp.agents.models import DiscoveryFinding, LagMember, SnmpAgent

# What is powered by the node that it measures. A panel's branch meter needn't be.
MEASURES_ITSELF = ("pdu", "bank", "ups", "ats")
# Racks are looked for below these only: above, there is the whole house.
LOOKED_BELOW = ("ats", "ups", "panel", "breaker", "pdu")


def load_dependencies(session: Session, scope: Scope, subjects: Iterable[Subject]) -> Dependencies:
    """What the subjects hang on: their power up to the utility with the other feeds of the racks
    they feed, and their links up to where the carriers' lines come in. For staff.

    Sixteen statements, however many the subjects are, and two more where items of contracts are
    among them. What isn't there (any more) is left out.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see what hangs on what.")
    return _Loading(session, subjects).load()


@dataclass(slots=True)
class _Network:
    ports: dict[int, PortAt] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    exits: frozenset[int] = frozenset()


class _Loading:
    def __init__(self, session: Session, subjects: Iterable[Subject]) -> None:
        self.session = session
        self.wanted: dict[str, set[int]] = {}
        for subject in subjects:
            self.wanted.setdefault(subject.kind, set()).add(subject.id)

    def load(self) -> Dependencies:
        agents = self._pairs(SnmpAgent.id, SnmpAgent.device_id, "agent")
        sensors = self._pairs(Series.id, Series.device_id, "sensor")
        circuits = self._pairs(Circuit.id, Circuit.port_id, "circuit")
        meters = self._pairs(PowerNode.id, PowerNode.meter_device_id, "power_node")
        services = self._services()
        items = self._items()
        places = [place for several in items.values() for place in several]
        devices = {
            *self._of("device"), *agents.values(), *sensors.values(), *meters.values(),
        }  # fmt: skip
        ports = {*self._of("port"), *circuits.values()}.union(*services.values())
        ports |= {place.id for place in places if place.kind == "port"}
        lags = self._lags(ports)
        ports |= lags.keys() | {each for members in lags.values() for each in members}
        network = self._network(devices, ports)
        devices.update(port.device_id for port in network.ports.values())
        machines, racks, nodes = self._machines(devices)
        racks |= {place.id for place in places if place.kind == "rack"}
        racks |= self._of("rack") | find_racks_below(
            self.session, self._of("power_node"), LOOKED_BELOW
        )
        nodes |= self._of("power_node")
        tree = load_tree(self.session, around=Surroundings(racks, nodes))
        return Dependencies(
            nodes=tree.nodes,
            machines=machines,
            ports=network.ports,
            links=network.links,
            exits=network.exits,
            agents=agents,
            sensors=sensors,
            meters=meters,
            circuits=circuits,
            services=services,
            items=items,
            lags=lags,
        )

    def _of(self, kind: str) -> set[int]:
        return self.wanted.get(kind, set())

    def _pairs(self, own: Any, other: Any, kind: str) -> dict[int, int]:
        rows = self.session.execute(
            select(own, other).where(is_among(own, self._of(kind)), other.is_not(None))
        )
        return {int(first): int(second) for first, second in rows}

    def _services(self) -> dict[int, tuple[int, ...]]:
        now = utc_now()
        rows = self.session.execute(
            select(ServiceMembership.service_id, ServiceMembership.port_id)
            .where(
                is_among(ServiceMembership.service_id, self._of("service")),
                ServiceMembership.starts_at <= now,
                or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
            )
            .order_by(ServiceMembership.port_id)
        )
        found: dict[int, tuple[int, ...]] = {}
        for service_id, port_id in rows:
            found[service_id] = (*found.get(service_id, ()), port_id)
        return found

    def _items(self) -> dict[int, tuple[Subject, ...]]:
        wanted = self._of("item")
        if not wanted:
            return {}
        now = utc_now()
        racks = self.session.execute(
            select(Allocation.contract_item_id, Allocation.rack_id)
            .where(
                is_among(Allocation.contract_item_id, wanted),
                Allocation.starts_on <= now.date(),
                or_(Allocation.ends_on.is_(None), Allocation.ends_on > now.date()),
            )
            .distinct()
            .order_by(Allocation.rack_id)
        )
        ports = self.session.execute(
            select(BandwidthService.contract_item_id, ServiceMembership.port_id)
            .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
            .where(
                is_among(BandwidthService.contract_item_id, wanted),
                ServiceMembership.starts_at <= now,
                or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
            )
            .order_by(ServiceMembership.port_id)
        )
        found: dict[int, tuple[Subject, ...]] = {}
        for kind, rows in (("rack", racks), ("port", ports)):
            for item_id, place_id in rows:
                found[item_id] = (*found.get(item_id, ()), Subject(kind, place_id))
        return found

    # The network

    def _lags(self, ports: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Those among the ports and those that they are in, with all of their members."""
        near = _select_lags().where(or_(is_among(_LAG.id, ports), is_among(_MEMBER.id, ports)))
        # Its own tables, though they are called the same.
        wanted = near.with_only_columns(_LAG.id).correlate(None)
        rows = self.session.execute(
            _select_lags().where(_LAG.id.in_(wanted)).order_by(_MEMBER.id).distinct()
        )
        found: dict[int, tuple[int, ...]] = {}
        for lag_id, port_id in rows:
            found[lag_id] = (*found.get(lag_id, ()), port_id)
        return found

    def _network(self, devices: Collection[int], ports: Collection[int]) -> _Network:
        near = set(self.session.scalars(_walk_up(devices, ports)))
        ends = self.session.execute(
            select(CableEnd.cable_id, CableEnd.port_id, CableEnd.face).where(
                is_among(CableEnd.port_id, near)
            )
        )
        joints = join_ends((cable_id, Plug(port_id, face)) for cable_id, port_id, face in ends)
        rows = self.session.execute(
            select(Port.id, Port.device_id, Port.kind, _leads_up(Port)).where(
                is_among(Port.id, near)
            )
        )
        found: dict[int, PortAt] = {}
        panels = set()
        for port_id, device_id, kind, up in rows:
            if kind == "panel":
                panels.add(port_id)
            else:
                found[port_id] = PortAt(device_id, up)
        seen = self.session.execute(
            select(DiscoveryFinding.port_id, DiscoveryFinding.other_port_id)
            .where(_is_seen_link(), is_among(DiscoveryFinding.port_id, near))
            .order_by(DiscoveryFinding.port_id, DiscoveryFinding.other_port_id)
        )
        # Where a cable is recorded, that says where the port leads.
        sightings = [
            Link(one, other)
            for one, other in seen
            if one is not None and other is not None
            if Plug(one) not in joints and Plug(other) not in joints
        ]
        exits = self.session.scalars(
            select(Port.device_id)
            .join(Circuit, Circuit.port_id == Port.id)
            .where(
                is_among(Port.device_id, {port.device_id for port in found.values()}),
                Circuit.state != "ended",
            )
        )
        return _Network(found, _trace_links(found, joints, panels) + sightings, frozenset(exits))

    # Power

    def _machines(self, devices: Collection[int]) -> tuple[dict[int, Machine], set[int], set[int]]:
        """Those that draw power, the racks whose feeds stand for their cords, and the nodes their
        cords hang on."""
        cords: dict[int, list[int]] = {}
        plugged = self.session.execute(
            select(Outlet.device_id, Outlet.bank_id, Outlet.pdu_id)
            .where(is_among(Outlet.device_id, devices))
            .order_by(Outlet.id)
        )
        for device_id, bank_id, pdu_id in plugged:
            if device_id is not None:
                cords.setdefault(device_id, []).append(bank_id or pdu_id)
        measured = self.session.execute(
            select(PowerNode.meter_device_id, PowerNode.id)
            .where(
                is_among(PowerNode.meter_device_id, devices),
                PowerNode.kind.in_(MEASURES_ITSELF),
            )
            .order_by(PowerNode.id)
        )
        itself: dict[int, list[int]] = {}
        for device_id, node_id in measured:
            if device_id is not None:
                itself.setdefault(device_id, []).append(node_id)
        rows = self.session.execute(
            select(Device.id, Device.customer_id, Installation.rack_id)
            .outerjoin(Installation, Installation.device_id == Device.id)
            .where(is_among(Device.id, devices))
        )
        machines: dict[int, Machine] = {}
        racks = set()
        for device_id, customer_id, rack_id in rows:
            own = cords.get(device_id) or itself.get(device_id, [])
            if own or rack_id is not None:
                machines[device_id] = Machine(device_id, rack_id or 0, customer_id, tuple(own))
            if not own and rack_id is not None:
                racks.add(rack_id)
        nodes = {each for machine in machines.values() for each in machine.cords}
        return machines, racks, nodes


_LAG, _MEMBER = aliased(Port), aliased(Port)


def _select_lags() -> Select[int, int]:
    """(LAG, member) of those that are now, where the inventory has both."""
    row = LagMember
    return (
        select(_LAG.id, _MEMBER.id)
        .join(row, and_(_LAG.device_id == row.device_id, _LAG.name == row.lag_name))
        .join(_MEMBER, and_(_MEMBER.device_id == row.device_id, _MEMBER.name == row.port_name))
        .where(row.ends_at.is_(None))
    )


def _leads_up(port: Any) -> Any:
    """A switch's uplink, or a machine's own port."""
    return or_(port.role == "uplink", port.kind.in_(("server", "other")))


def _is_seen_link() -> Any:
    """Seen by LLDP, and not called wrong by a person."""
    return and_(
        DiscoveryFinding.subject == "link",
        DiscoveryFinding.kind != "gone",
        DiscoveryFinding.decision != "dismissed",
    )


def _walk_up(devices: Collection[int], ports: Collection[int]) -> Any:
    """Ids of the ports on the ways up from these devices and ports: along each line of cables to
    the next device, from there by its uplinks, and so on. One statement.

    A row is a plug that is left by (`face`), or the port that is arrived at (""): from there it
    goes on by its device's other ports. A ring comes back to rows that are there already.
    """
    start = union(
        select(Port.id.label("port_id"), literal(FRONT).label("face")).where(
            or_(and_(is_among(Port.device_id, devices), _leads_up(Port)), is_among(Port.id, ports))
        ),
        select(Port.id, literal("")).where(is_among(Port.id, ports)),
    )
    walk = select(*start.subquery("start").c).cte("walk", recursive=True)
    here, there, far = aliased(CableEnd), aliased(CableEnd), aliased(Port)
    along = (
        select(
            there.port_id,
            case((far.kind != "panel", ""), (there.face == FRONT, REAR), else_=FRONT).label("face"),
        )
        .select_from(here)
        .join(there, and_(there.cable_id == here.cable_id, there.side != here.side))
        .join(far, far.id == there.port_id)
        .where(here.port_id == walk.c.port_id, here.face == walk.c.face)
    )
    own, onward = aliased(Port), aliased(Port)
    on = (
        select(onward.id, literal(FRONT))
        .select_from(own)
        .join(onward, onward.device_id == own.device_id)
        .where(own.id == walk.c.port_id, walk.c.face == "", _leads_up(onward))
    )
    seen = [
        select(other, literal("")).where(
            one == walk.c.port_id, walk.c.face == FRONT, _is_seen_link()
        )
        for one, other in (
            (DiscoveryFinding.port_id, DiscoveryFinding.other_port_id),
            (DiscoveryFinding.other_port_id, DiscoveryFinding.port_id),
        )
    ]
    step = union_all(along, on, *seen).lateral("step")
    walk = walk.union(select(step).select_from(walk.join(step, true())))
    return select(walk.c.port_id).distinct()


def _trace_links(ports: Collection[int], joints: Joints, panels: set[int]) -> list[Link]:
    """The two ends of each line that ends at a device on both sides, each line once."""
    links = []
    for port_id in sorted(ports):
        if port_id in panels or Plug(port_id) not in joints:
            continue
        line = trace_line(port_id, joints, panels)
        end = line.hops[-1].port_id
        if not line.is_loop and end not in panels and port_id < end:
            links.append(Link(port_id, end))
    return links
