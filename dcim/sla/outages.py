"""An outage of the power chain with names: customers, cabinets and devices it hits. Reads only."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation, Device, DeviceType, Installation
from dcim.inventory.space.reach import today_of_contract
from dcim.inventory.space.summaries import RackSummary, summarize_racks
from dcim.metering.store import SampleStore
from dcim.power.models import Outlet, PowerNode
from dcim.power.outage import (
    OUTCOMES,
    Machine,
    MachineLoss,
    Outage,
    RackDraw,
    RackLoss,
    Strain,
    add_machines,
    simulate,
)
from dcim.power.tree import Node, PowerTree
from dcim.sla.feeds import Feed, Peak, Supply, load_supply, measure, read_peaks

# What a rack is taken to draw: its month's maximum, what it draws now, or what is sold there.
LOADS = ("max", "now", "contracted")
# Beyond so many racks their month isn't read: what they draw now stands for it.
MONTH_READ = 600
MOST_NODES = 200


@dataclass(frozen=True, slots=True)
class DeviceHit:
    """`cords` as "PDU-A-07-A 4"; empty when none is recorded and the rack's feeds stand for it."""

    device_id: int
    name: str
    role: str
    rack_id: int
    customer_id: int | None
    outcome: str
    assumed: bool
    cords: tuple[str, ...]

    @property
    def has_one_cord(self) -> bool:
        return len(self.cords) == 1


@dataclass(frozen=True, slots=True)
class CabinetHit:
    """A rack with its loss; `devices` are all that draw power in it, `off` those that stop."""

    rack: RackSummary
    loss: RackLoss
    customers: tuple[str, ...]
    devices: int
    off: int
    cause: Node | None


@dataclass(frozen=True, slots=True)
class CustomerHit:
    """`fullest` is the worst of its racks' surviving circuits, in `fullest_rack`. `devices` are
    the customer's own in the racks hit, `off` those that stop at once, `next` when something
    trips; `one_cord` of those off have a single recorded cord, `assumed` none recorded."""

    id: int
    code: str
    name: str
    name_en: str
    outcome: str
    racks: tuple[str, ...]
    down: tuple[str, ...]
    devices: int
    off: int
    next: int
    one_cord: int
    assumed: int
    fullest: Strain | None
    fullest_rack: str
    cause: Node | None


@dataclass(frozen=True, slots=True)
class OutageReading:
    """`load` is what was asked for, `bases` how many of the racks hit were known from where."""

    outage: Outage
    tree: PowerTree
    off: tuple[Node, ...]
    load: str
    bases: Mapping[str, int]
    since: dt.datetime
    until: dt.datetime
    month_read: bool
    cabinets: tuple[CabinetHit, ...]
    customers: tuple[CustomerHit, ...]
    devices: tuple[DeviceHit, ...]
    racks: Mapping[int, RackSummary]
    recorded: int
    machines: int

    def count(self, outcome: str) -> tuple[int, int, int]:
        """(customers, racks, devices that stop) of an outcome."""
        racks = {hit.rack.id for hit in self.cabinets if hit.loss.outcome == outcome}
        return (
            sum(hit.outcome == outcome for hit in self.customers),
            len(racks),
            sum(hit.outcome == "down" and hit.rack_id in racks for hit in self.devices),
        )

    @property
    def carriers(self) -> list[Node]:
        """What stands above the racks and carries more than before, the fullest first."""
        return [
            node
            for strain in self.outage.strains
            for node in [self.tree.nodes[strain.node_id]]
            if node.rack_id is None
        ]


def read_outage(
    session: Session,
    scope: Scope,
    off: Collection[int],
    *,
    load: str = "max",
    now: dt.datetime,
    month_start: dt.datetime,
    store: SampleStore | None = None,
) -> OutageReading:
    """Simulate that the nodes `off` lose power. A fixed number of statements; changes nothing.

    Raises NotFoundError for a node that isn't there, InvalidError for an unknown `load`, for none
    and for too many nodes, and for nodes of several sites.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff simulate outages.")
    if load not in LOADS:
        raise InvalidError("No such load: %(load)s.", {"load": ["unknown"]}, load=load)
    wanted = sorted(set(off))
    if not wanted or len(wanted) > MOST_NODES:
        raise InvalidError(
            "Choose from one to %(count)s nodes to switch off.", {"off": ["count"]},
            count=MOST_NODES,
        )  # fmt: skip
    rows = session.execute(select(PowerNode.id, PowerNode.site_id).where(PowerNode.id.in_(wanted)))
    sites = {row.id: row.site_id for row in rows}
    if len(sites) < len(wanted):
        raise NotFoundError("No such power node.")
    if len(set(sites.values())) > 1:
        raise InvalidError("Choose nodes of one site.", {"off": ["sites"]})
    supply = load_supply(session, now, site_id=next(iter(sites.values())), store=store)
    racks = {one.id: one for one in summarize_racks(session, scope, now)}
    fed = {rack_id: supply.feeds_of(rack_id) for rack_id in racks}
    fed = {rack_id: feeds for rack_id, feeds in fed.items() if feeds}
    hit = {rack_id for node_id in wanted for rack_id in supply.tree.racks_on(node_id)}
    month_read = load == "max" and len(hit) <= MONTH_READ
    peaks: dict[int, Peak] = {}
    if month_read:
        chosen = {rack_id: fed[rack_id] for rack_id in hit if rack_id in fed}
        start, end = (round(at.timestamp() * 1000) for at in (month_start, now))
        peaks = read_peaks(session, chosen, start, end, store)
    draws = {
        rack_id: draw_rack(racks[rack_id], feeds, peaks.get(rack_id), load)
        for rack_id, feeds in fed.items()
    }
    outage = simulate(supply.tree.nodes, wanted, draws)
    machines, names = load_machines(session, outage.stages.racks)
    cords = load_cords(session, list(machines))
    outage = add_machines(outage, plug_in(machines, cords), draws)
    devices = tuple(_name_device(loss, names, cords) for loss in outage.machines)
    owners = load_owners(session, scope, [loss.rack_id for loss in outage.racks])
    reading = _Names(outage, supply, racks, devices, machines, owners)
    cabinets = reading.cabinets()
    bases: dict[str, int] = {}
    for loss in outage.racks:
        bases[loss.basis] = bases.get(loss.basis, 0) + 1
    return OutageReading(
        outage=outage,
        tree=supply.tree,
        off=tuple(supply.tree.nodes[each] for each in wanted),
        load=load,
        bases=bases,
        since=month_start,
        until=now,
        month_read=month_read,
        cabinets=cabinets,
        customers=reading.customers(cabinets),
        devices=devices,
        racks=racks,
        recorded=sum(each in cords for each in machines),
        machines=len(machines),
    )


def draw_rack(
    rack: RackSummary, feeds: Sequence[Feed], peak: Peak | None, load: str = "max"
) -> RackDraw:
    """What a rack draws, mVA: as asked for, or what is known instead: the month's maximum, else
    now, else the nameplates of what is installed, else what is sold there."""
    node = feeds[0].pdu.node
    now = {feed.pdu.node.id: measure(feed.meter, dead=feed.pdu.state == "down") for feed in feeds}
    shares = {node_id: mva for node_id, mva in now.items() if mva is not None}
    total, basis = None, "unknown"
    if load == "max" and peak is not None and peak.amps is not None:
        total, basis = round(peak.amps * 1000) * node.phase_v * node.phases, "measured_max"
    elif load != "contracted" and len(shares) == len(feeds):
        total, basis = sum(shares.values()), "measured"
    elif load != "contracted" and rack.nameplate_w:
        total, basis = apparent(rack.nameplate_w, node), "allocated"
    elif rack.contracted_w:
        total, basis = apparent(rack.contracted_w, node), "contracted"
    elif rack.nameplate_w:
        total, basis = apparent(rack.nameplate_w, node), "allocated"
    if basis == "measured" or (basis == "measured_max" and len(shares) == len(feeds)):
        return RackDraw(rack.id, total, shares, basis)
    if total is None:
        return RackDraw(rack.id)
    part = -(-total // len(feeds))
    return RackDraw(rack.id, total, {feed.pdu.node.id: part for feed in feeds}, basis)


def apparent(watts: int, node: Node) -> int:
    """mVA of so many W at the node's power factor, rounded up."""
    return -(-watts * 1000 * 100 // node.power_factor_pct)


def load_machines(
    session: Session, rack_ids: Collection[int]
) -> tuple[dict[int, Machine], dict[int, tuple[str, str]]]:
    """What draws power in these racks; panels and cable managers don't."""
    rows = session.execute(
        select(Device.id, Device.name, Device.role, Device.customer_id, Installation.rack_id)
        .join(Installation, Installation.device_id == Device.id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .where(
            is_among(Installation.rack_id, rack_ids),
            or_(
                DeviceType.rated_w > 0,
                select(Outlet.id).where(Outlet.device_id == Device.id).exists(),
            ),
        )
        .order_by(Device.name)
    )
    machines: dict[int, Machine] = {}
    names: dict[int, tuple[str, str]] = {}
    for device_id, name, role, customer_id, rack_id in rows:
        machines[device_id] = Machine(device_id, rack_id, customer_id)
        names[device_id] = (name, role)
    return machines, names


def load_cords(session: Session, device_ids: list[int]) -> dict[int, list[tuple[int, str]]]:
    """(node that a cord hangs on, its name) by device: its bank where there is one, or the PDU."""
    rows = session.execute(
        select(Outlet.device_id, Outlet.bank_id, Outlet.pdu_id, PowerNode.code, Outlet.number)
        .join(PowerNode, PowerNode.id == Outlet.pdu_id)
        .where(is_among(Outlet.device_id, device_ids))
        .order_by(PowerNode.code, Outlet.number)
    )
    found: dict[int, list[tuple[int, str]]] = {}
    for device_id, bank_id, pdu_id, code, number in rows:
        if device_id is not None:
            found.setdefault(device_id, []).append((bank_id or pdu_id, f"{code} {number}"))
    return found


def plug_in(
    machines: Mapping[int, Machine], cords: Mapping[int, list[tuple[int, str]]]
) -> list[Machine]:
    """The machines with their cords."""
    return [
        replace(one, cords=tuple(at for at, _ in cords[one.id])) if one.id in cords else one
        for one in machines.values()
    ]


@dataclass(frozen=True, slots=True)
class Owner:
    id: int
    code: str
    name: str
    name_en: str


def load_owners(
    session: Session, scope: Scope, rack_ids: Collection[int]
) -> dict[int, list[Owner]]:
    """Who has space in each rack today."""
    rows = session.execute(
        scope.apply(
            select(Allocation.rack_id, Customer.id, Customer.code, Customer.name, Customer.name_en)
            .distinct()
            .join(Customer, Customer.id == Allocation.customer_id)
            .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
            .join(Contract, Contract.id == ContractItem.contract_id)
            .where(
                is_among(Allocation.rack_id, rack_ids),
                and_(
                    Allocation.starts_on <= today_of_contract(),
                    or_(Allocation.ends_on.is_(None), Allocation.ends_on > today_of_contract()),
                ),
            )
            .order_by(Customer.code),
            Allocation.customer_id,
        )
    )
    found: dict[int, list[Owner]] = {}
    for rack_id, customer_id, code, name, name_en in rows:
        found.setdefault(rack_id, []).append(Owner(customer_id, code, name, name_en))
    return found


def _name_device(
    loss: MachineLoss,
    names: Mapping[int, tuple[str, str]],
    cords: Mapping[int, list[tuple[int, str]]],
) -> DeviceHit:
    machine = loss.machine
    name, role = names[machine.id]
    return DeviceHit(
        machine.id, name, role, machine.rack_id, machine.customer_id, loss.outcome, loss.assumed,
        tuple(cord for _, cord in cords.get(machine.id, ())),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Names:
    outage: Outage
    supply: Supply
    racks: Mapping[int, RackSummary]
    devices: Sequence[DeviceHit]
    machines: Mapping[int, Machine]
    owners: Mapping[int, list[Owner]]

    def cabinets(self) -> tuple[CabinetHit, ...]:
        here = Counter(one.rack_id for one in self.machines.values())
        off = Counter(hit.rack_id for hit in self.devices if hit.outcome == "down")
        return tuple(
            CabinetHit(
                rack=self.racks[loss.rack_id],
                loss=loss,
                customers=tuple(owner.code for owner in self.owners.get(loss.rack_id, ())),
                devices=here[loss.rack_id],
                off=off[loss.rack_id],
                cause=self._cause(loss),
            )
            for loss in self.outage.racks
        )

    def _cause(self, loss: RackLoss) -> Node | None:
        return None if loss.cause is None else self.supply.tree.nodes[loss.cause.node_id]

    def customers(self, cabinets: Sequence[CabinetHit]) -> tuple[CustomerHit, ...]:
        by_customer: dict[Owner, list[CabinetHit]] = {}
        for cabinet in cabinets:
            for owner in self.owners.get(cabinet.rack.id, ()):
                by_customer.setdefault(owner, []).append(cabinet)
        by_owner: dict[int | None, list[DeviceHit]] = {}
        for device in self.devices:
            by_owner.setdefault(device.customer_id, []).append(device)
        standing = Counter((one.customer_id, one.rack_id) for one in self.machines.values())
        hits = []
        for owner, own in by_customer.items():
            devices = by_owner.get(owner.id, [])
            # In a rack that keeps its feeds, only whose machine stops is hit.
            racks = [
                one
                for one in own
                if one.loss.outcome != "devices"
                or any(device.rack_id == one.rack.id for device in devices)
            ]
            if racks:
                count = sum(standing[owner.id, one.rack.id] for one in racks)
                hits.append(self._hit(owner, racks, devices, count))
        hits.sort(
            key=lambda hit: (
                OUTCOMES.index(hit.outcome),
                -(hit.fullest.share if hit.fullest else 0),
                -hit.off,
                hit.code,
            )
        )
        return tuple(hits)

    def _hit(
        self,
        owner: Owner,
        racks: Sequence[CabinetHit],
        devices: Sequence[DeviceHit],
        standing: int,
    ) -> CustomerHit:
        worst = min(racks, key=lambda one: OUTCOMES.index(one.loss.outcome))
        strained = [one for one in racks if one.loss.fullest is not None]
        fullest = max(
            strained, key=lambda one: one.loss.fullest.share if one.loss.fullest else 0,
            default=None,
        )  # fmt: skip
        off = [one for one in devices if one.outcome == "down"]
        return CustomerHit(
            id=owner.id,
            code=owner.code,
            name=owner.name,
            name_en=owner.name_en,
            outcome=worst.loss.outcome,
            racks=tuple(one.rack.code for one in racks),
            down=tuple(one.rack.code for one in racks if one.loss.outcome == "down"),
            devices=standing,
            off=len(off),
            next=sum(one.outcome == "next" for one in devices),
            one_cord=sum(one.has_one_cord for one in off),
            assumed=sum(one.assumed for one in off),
            fullest=fullest.loss.fullest if fullest else None,
            fullest_rack=fullest.rack.code if fullest else "",
            cause=worst.cause,
        )
