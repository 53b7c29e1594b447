"""What a contract's items are about: racks and their feeds, ports, rooms; each with its name."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.customers.versions import Agreed, find_agreed
from dcim.inventory.models import Allocation, Cabinet, Device, Installation, Rack, Room, Row
from dcim.metering.bindings import OPEN_END
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.chain import Node, PowerTree
from dcim.sla.rules.intervals import Interval, intersect
from dcim.sla.rules.periods import to_ms

Words = dict[str, str]


SPACE_WORDS = {
    "cabinet": ("机柜", "Cabinet"),
    "rack": ("机柜", "Rack"),
    "space": ("机位", "Space in"),
}


def _few(names: list[str], comma: str, more: str) -> str:
    shown = comma.join(names[:3])
    return shown if len(names) <= 3 else f"{shown}{more}"


def feed_name(pdu: Node) -> str:
    return f"feed/{pdu.code}"


def port_name(device: str, port: str) -> str:
    return f"port/{device}/{port}"


def climate_name(meter: str) -> str:
    return f"climate/{meter}"


@dataclass(frozen=True, slots=True)
class RackSubject:
    """A rack that an item holds; `place` reads site / room / cabinet.

    `whole`: the item holds all of it. What the PDUs of a shared rack carry is others' load too.
    """

    rack_id: int
    place: str
    room: Room
    pdus: tuple[Node, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class PortSubject:
    """A port in its time as a member, UTC epoch ms, half-open."""

    port_id: int
    name: str
    label: str
    place: str
    spans: tuple[Interval, ...]
    speed_bps: int = 0  # 0: not known


@dataclass(frozen=True, slots=True)
class Lane:
    """Ports that carried one service one after the other: a service moved to another port."""

    ports: tuple[PortSubject, ...]

    @property
    def name(self) -> str:
        return " > ".join([self.ports[0].name, *(port.label for port in self.ports[1:])])

    @property
    def label(self) -> str:
        return " > ".join(port.label for port in self.ports)

    @property
    def place(self) -> str:
        return ", ".join(dict.fromkeys(port.place for port in self.ports))


@dataclass(slots=True)
class ItemSubjects:
    """`agreed` is what the item costs and grants in the stretch looked at, not what it does now."""

    item: ContractItem
    agreed: Agreed
    racks: list[RackSubject] = field(default_factory=list)
    ports: list[PortSubject] = field(default_factory=list)
    service: BandwidthService | None = None

    @property
    def name(self) -> Words:
        """What a buyer points at: the cabinet or the port; the label of what has neither."""
        if self.racks:
            zh, en = SPACE_WORDS.get(self.item.kind, SPACE_WORDS["cabinet"])
            codes = [rack.place.rpartition(" / ")[2] for rack in self.racks]
            return both(f"{_few(codes, '、', '等')} {zh}", f"{en} {_few(codes, ', ', ' …')}")
        if self.ports:
            labels = [lane.label for lane in self.lanes]
            return both(f"{_few(labels, '、', '等')} 端口", f"Port {_few(labels, ', ', ' …')}")
        return both(self.item.label, self.item.label_en)

    @property
    def place(self) -> str:
        places = [rack.place for rack in self.racks] or [port.place for port in self.ports]
        return ", ".join(dict.fromkeys(places))

    @property
    def lanes(self) -> list[Lane]:
        """Ports in use at once stand in lanes of their own; those in turn share one."""
        lanes: list[list[PortSubject]] = []
        for port in sorted(self.ports, key=lambda each: (each.spans, each.name)):
            for lane in lanes:
                taken = [span for other in lane for span in other.spans]
                if not intersect(taken, port.spans):
                    lane.append(port)
                    break
            else:
                lanes.append([port])
        return [Lane(tuple(lane)) for lane in lanes]

    @property
    def dual_fed(self) -> bool:
        """Every rack of the item has both an A and a B feed."""
        return bool(self.racks) and all(
            {"A", "B"} <= {pdu.feed for pdu in rack.pdus} for rack in self.racks
        )


def find_subjects(
    session: Session,
    scope: Scope,
    contract: Contract,
    tree: PowerTree,
    first: dt.date,
    after: dt.date,
) -> list[ItemSubjects]:
    """The contract's items in service within the month [first, after), with what they are about."""
    items = session.scalars(
        scope.apply(
            select(ContractItem)
            .where(
                ContractItem.contract_id == contract.id,
                ContractItem.starts_on < after,
                or_(ContractItem.ends_on.is_(None), ContractItem.ends_on > first),
            )
            .order_by(ContractItem.code),
            ContractItem.customer_id,
        )
    ).all()
    agreed = find_agreed(session, scope, items, first)
    found = {item.id: ItemSubjects(item, agreed[item.id]) for item in items}
    _add_racks(session, scope, found, tree, first, after)
    _add_ports(session, scope, found)
    return list(found.values())


def _add_racks(
    session: Session,
    scope: Scope,
    found: dict[int, ItemSubjects],
    tree: PowerTree,
    first: dt.date,
    after: dt.date,
) -> None:
    allocations = session.scalars(
        scope.apply(
            select(Allocation)
            .where(
                Allocation.contract_item_id.in_(found),
                Allocation.starts_on < after,
                or_(Allocation.ends_on.is_(None), Allocation.ends_on > first),
            )
            .options(
                joinedload(Allocation.rack)
                .joinedload(Rack.cabinet)
                .joinedload(Cabinet.row)
                .joinedload(Row.room)
                .joinedload(Room.site)
            )
            .order_by(Allocation.id),
            Allocation.customer_id,
        )
    )
    for allocation in allocations:
        subjects = found[allocation.contract_item_id]
        if any(rack.rack_id == allocation.rack_id for rack in subjects.racks):
            continue  # two U ranges of one rack are fed by the same PDUs
        whole = allocation.height >= 2 * allocation.rack.u_count
        subjects.racks.append(replace(describe_rack(allocation.rack, tree), whole=whole))


def describe_rack(rack: Rack, tree: PowerTree) -> RackSubject:
    room = rack.cabinet.row.room
    parts = [room.site.code, room.code, rack.cabinet.code]
    if rack.cabinet.layout != "full":
        parts.append(rack.code)
    return RackSubject(rack.id, " / ".join(parts), room, tuple(tree.pdus_of(rack.id)))


def _add_ports(session: Session, scope: Scope, found: dict[int, ItemSubjects]) -> None:
    services = session.scalars(
        scope.apply(
            select(BandwidthService)
            .where(BandwidthService.contract_item_id.in_(found))
            .options(
                joinedload(BandwidthService.memberships)
                .joinedload(ServiceMembership.port)
                .joinedload(Port.device)
                .joinedload(Device.installation)
                .joinedload(Installation.rack)
                .joinedload(Rack.cabinet)
                .joinedload(Cabinet.row)
                .joinedload(Row.room)
                .joinedload(Room.site)
            ),
            BandwidthService.customer_id,
        )
    ).unique()
    for service in services:
        subjects = found[service.contract_item_id]
        subjects.service = service
        members: dict[int, list[ServiceMembership]] = {}
        for membership in service.memberships:
            members.setdefault(membership.port_id, []).append(membership)
        for port_id, memberships in sorted(members.items()):
            port = memberships[0].port
            subjects.ports.append(
                PortSubject(
                    port_id,
                    port_name(port.device.name, port.name),
                    f"{port.device.name} {port.name}",
                    _place_device(port.device),
                    tuple(sorted(_span(membership) for membership in memberships)),
                    port.speed_bps,
                )
            )


def _place_device(device: Device) -> str:
    """Site and name; which of the operator's cabinets a switch stands in is told to nobody else."""
    stands = device.installation
    if stands is None:
        return device.name
    return f"{stands.rack.cabinet.row.room.site.code} / {device.name}"


def _span(membership: ServiceMembership) -> Interval:
    end = OPEN_END if membership.ends_at is None else to_ms(membership.ends_at)
    return to_ms(membership.starts_at), end


def both(zh: str, en: str | None = None) -> Words:
    return {"zh": zh, "en": zh if en is None else en}


def room_label(room: Room) -> Words:
    return both(room.name, room.name_en)


def rooms_of(subjects: Iterable[ItemSubjects]) -> dict[int, tuple[Room, list[str]]]:
    """Each room the items' racks stand in, with the items' codes."""
    found: dict[int, tuple[Room, list[str]]] = {}
    for each in subjects:
        for rack in each.racks:
            codes = found.setdefault(rack.room.id, (rack.room, []))[1]
            if each.item.code not in codes:
                codes.append(each.item.code)
    return found
