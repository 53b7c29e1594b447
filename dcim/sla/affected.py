"""Whom work on nodes, ports or rooms concerns at its time, found by the power and network model."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.customers.calendar import today_in
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.inventory.models import Allocation, Cabinet, Device, Rack, Room, Row
from dcim.metering.store import SampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.operations.maintenance import Targets
from dcim.power.models import PowerNode
from dcim.power.outage import Outage
from dcim.sla.outages import OutageReading, read_outage

# What an item loses, the worst first. "overloaded": the feed that is left would trip; "devices":
# the rack keeps its feeds, a machine in it doesn't; "room": work in the room, which may do more.
LOSSES = ("down", "overloaded", "port", "battery", "no_redundancy", "devices", "room")
# What plates or orders add up to doesn't alarm a customer: only a measured load does.
MEASURED = ("measured_max", "measured")
MONTH = dt.timedelta(days=30)
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Loss:
    """`where` is the cabinet, port or room; `lost` and `kept` are feeds or ports. `machines`: the
    customer's own that stop."""

    kind: str
    where: str
    lost: str = ""
    kept: str = ""
    machines: int = 0


@dataclass(slots=True)
class AffectedItem:
    """A contract's item with all that it loses, the worst first."""

    id: int
    code: str
    kind: str
    label: str
    label_en: str
    monthly_fee: Decimal
    contract_id: int
    contract_number: str
    losses: list[Loss] = field(default_factory=list)

    @property
    def worst(self) -> str:
        return min((loss.kind for loss in self.losses), key=LOSSES.index)


@dataclass(slots=True)
class AffectedCustomer:
    id: int
    code: str
    name: str
    name_en: str
    language: str
    timezone: str
    items: list[AffectedItem] = field(default_factory=list)

    def sort(self) -> None:
        """The worst first."""
        for item in self.items:
            item.losses.sort(key=lambda loss: (LOSSES.index(loss.kind), loss.where))
        self.items.sort(key=lambda item: (LOSSES.index(item.worst), item.code))

    @property
    def worst(self) -> str:
        return min((item.worst for item in self.items), key=LOSSES.index)


def find_affected(
    session: Session,
    scope: Scope,
    targets: Targets,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    *,
    now: dt.datetime,
    store: SampleStore | None = None,
) -> list[AffectedCustomer]:
    """The hardest hit first. Who has what is judged at the time of the window [starts_at, ends_at);
    the power chain is taken as it stands now. For staff.

    A fixed number of statements for each site that power is worked on.
    """
    work = _Finding(session, scope, starts_at, ends_at)
    losses: dict[int, list[tuple[Loss, Mapping[int, int]]]] = {}
    stopped: set[int] = set()
    for reading in _read_outages(session, scope, targets.power_nodes, now, store):
        outage = reading.outage
        stopped.update(_find_stopped(outage))
        racks = [one.rack for one in reading.cabinets]
        names = {one.id: _name(one.cabinet_code, one.layout, one.code) for one in racks}
        for rack_id, lost in _by_rack(outage, names).items():
            losses.setdefault(rack_id, []).append(lost)
    work.add_racks(losses)
    work.add_rooms(targets.rooms)
    work.add_ports(targets.ports, stopped)
    return work.sorted()


def find_affected_by(
    session: Session,
    scope: Scope,
    outage: Outage,
    ports: Collection[int],
    devices: Collection[int],
    now: dt.datetime,
) -> list[AffectedCustomer]:
    """Whom it concerns that this is so now, the hardest hit first: the racks and machines of an
    outage, these ports, and all ports of these devices. Three statements."""
    work = _Finding(session, scope, now, now + MINUTE)
    rows = session.execute(
        select(Rack.id, Cabinet.code, Cabinet.layout, Rack.code)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .where(is_among(Rack.id, [loss.rack_id for loss in outage.racks]))
    )
    names = {rack_id: _name(*words) for rack_id, *words in rows}
    work.add_racks({key: [lost] for key, lost in _by_rack(outage, names).items()})
    work.add_ports(ports, {*devices, *_find_stopped(outage)})
    return work.sorted()


def _read_outages(
    session: Session,
    scope: Scope,
    node_ids: Collection[int],
    now: dt.datetime,
    store: SampleStore | None,
) -> Iterable[OutageReading]:
    rows = session.execute(
        select(PowerNode.site_id, PowerNode.id).where(PowerNode.id.in_(node_ids))
    )
    sites: dict[int, list[int]] = {}
    for site_id, node_id in rows:
        sites.setdefault(site_id, []).append(node_id)
    for nodes in sites.values():
        yield read_outage(session, scope, nodes, now=now, month_start=now - MONTH, store=store)


def _name(cabinet: str, layout: str, rack: str) -> str:
    return cabinet if layout == "full" else f"{cabinet} {rack}"


def _find_stopped(outage: Outage) -> set[int]:
    return {loss.machine.id for loss in outage.machines if loss.outcome == "down"}


def _by_rack(outage: Outage, names: Mapping[int, str]) -> dict[int, tuple[Loss, Mapping[int, int]]]:
    """The loss of each rack, and how many machines of whom stop in it."""
    machines: dict[int, dict[int, int]] = {}
    for hit in outage.machines:
        machine = hit.machine
        if hit.outcome == "down" and machine.customer_id is not None:
            own = machines.setdefault(machine.rack_id, {})
            own[machine.customer_id] = own.get(machine.customer_id, 0) + 1
    found: dict[int, tuple[Loss, Mapping[int, int]]] = {}
    for loss in outage.racks:
        lost = "".join(feed for feed in loss.before if feed not in loss.after)
        kind = loss.outcome
        if kind == "overloaded" and loss.basis not in MEASURED:
            kind = "no_redundancy"
        where = Loss(kind, names[loss.rack_id], lost, loss.after)
        found[loss.rack_id] = (where, machines.get(loss.rack_id, {}))
    return found


class _Finding:
    """Gathers items by customer; each query once, whatever the number of targets."""

    def __init__(
        self, session: Session, scope: Scope, starts_at: dt.datetime, ends_at: dt.datetime
    ) -> None:
        self.session, self.scope = session, scope
        self.starts_at, self.ends_at = starts_at, ends_at
        self.customers: dict[int, AffectedCustomer] = {}
        self.items: dict[int, AffectedItem] = {}

    def sorted(self) -> list[AffectedCustomer]:
        """With the worst first, of customers, items and losses."""
        found = [one for one in self.customers.values() if one.items]
        for customer in found:
            customer.sort()
        return sorted(found, key=lambda one: (LOSSES.index(one.worst), one.code))

    def add_racks(self, losses: Mapping[int, list[tuple[Loss, Mapping[int, int]]]]) -> None:
        for row, rack_id, _ in self._allocated(Allocation.rack_id.in_(losses)):
            customer = row[0]
            for loss, machines in losses[rack_id]:
                own = machines.get(customer.id, 0)
                # In a rack that keeps its feeds only whose machine stops is hit.
                if loss.kind != "devices" or own:
                    self._add(row, Loss(loss.kind, loss.where, loss.lost, loss.kept, own))

    def add_rooms(self, room_ids: Collection[int]) -> None:
        for row, _, room in self._allocated(Row.room_id.in_(room_ids)):
            self._add(row, Loss("room", room))

    def add_ports(self, port_ids: Collection[int], device_ids: Collection[int]) -> None:
        """Services with a member among the ports or on the devices, which stop, and what else
        carries them at that time."""
        touched = (
            select(ServiceMembership.service_id)
            .join(Port, Port.id == ServiceMembership.port_id)
            .where(
                or_(is_among(Port.id, port_ids), is_among(Port.device_id, device_ids)),
                self._during(),
            )
        )
        rows = self.session.execute(
            select(
                Customer, Contract, ContractItem, BandwidthService.id, Port.id, Port.name,
                Device.name, Device.id,
            )
            .join(Contract, Contract.customer_id == Customer.id)
            .join(ContractItem, ContractItem.contract_id == Contract.id)
            .join(BandwidthService, BandwidthService.contract_item_id == ContractItem.id)
            .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
            .join(Port, Port.id == ServiceMembership.port_id)
            .join(Device, Device.id == Port.device_id)
            .where(
                BandwidthService.id.in_(touched),
                self._during(),
                self.scope.filter(BandwidthService.customer_id),
            )
            .order_by(ContractItem.code, Device.name, Port.name)
        )  # fmt: skip
        members: dict[int, list[tuple[Any, bool, str]]] = {}
        for customer, contract, item, service_id, port_id, port, device, device_id in rows:
            if self._in_force(contract, item):
                goes = port_id in port_ids or device_id in device_ids
                named = ((customer, contract, item), goes, f"{device} {port}")
                members.setdefault(service_id, []).append(named)
        for ports in members.values():
            kept = ", ".join(dict.fromkeys(name for _, goes, name in ports if not goes))
            lost = dict.fromkeys((row, name) for row, goes, name in ports if goes)
            for row, name in lost:
                self._add(row, Loss("port", name, name, kept))

    def _during(self) -> Any:
        return (ServiceMembership.starts_at < self.ends_at) & or_(
            ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > self.starts_at
        )

    def _allocated(self, where: Any) -> Iterable[tuple[Any, int, str]]:
        """((customer, contract, item), rack, room) of what is allocated at that time."""
        rows = self.session.execute(
            select(Customer, Contract, ContractItem, Allocation, Room.name)
            .join(Contract, Contract.customer_id == Customer.id)
            .join(ContractItem, ContractItem.contract_id == Contract.id)
            .join(Allocation, Allocation.contract_item_id == ContractItem.id)
            .join(Rack, Rack.id == Allocation.rack_id)
            .join(Cabinet, Cabinet.id == Rack.cabinet_id)
            .join(Row, Row.id == Cabinet.row_id)
            .join(Room, Room.id == Row.room_id)
            .where(
                where,
                Allocation.starts_on <= (self.ends_at + DAY).date(),
                or_(
                    Allocation.ends_on.is_(None),
                    Allocation.ends_on > (self.starts_at - DAY).date(),
                ),
                self.scope.filter(Allocation.customer_id),
            )
            .order_by(ContractItem.code, Allocation.id)
        )
        seen: set[tuple[int, int]] = set()
        for customer, contract, item, allocation, room in rows:
            key = (item.id, allocation.rack_id)
            if key in seen or not self._in_force(contract, item, allocation):
                continue
            seen.add(key)
            yield (customer, contract, item), allocation.rack_id, room

    def _in_force(self, contract: Contract, *dated: Any) -> bool:
        """Whether all of it runs on some local day of the window; a draft binds nobody."""
        if contract.state == "draft":
            return False
        first = today_in(contract.timezone, self.starts_at)
        last = today_in(contract.timezone, self.ends_at - dt.timedelta(milliseconds=1))
        return all(
            one.starts_on <= last and (one.ends_on is None or one.ends_on > first)
            for one in (contract, *dated)
        )

    def _add(self, row: tuple[Customer, Contract, ContractItem], loss: Loss) -> None:
        customer, contract, item = row
        if item.id not in self.items:
            self.items[item.id] = AffectedItem(
                item.id, item.code, item.kind, item.label, item.label_en, item.monthly_fee,
                contract.id, contract.number,
            )  # fmt: skip
            owner = self.customers.setdefault(
                customer.id,
                AffectedCustomer(
                    customer.id, customer.code, customer.name, customer.name_en,
                    customer.language, customer.timezone,
                ),
            )  # fmt: skip
            owner.items.append(self.items[item.id])
        if loss not in self.items[item.id].losses:
            self.items[item.id].losses.append(loss)
