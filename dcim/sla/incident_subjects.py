"""What an incident by hand may be about: a node of the power chain, a port, a contract item."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.customers.models import Contract, ContractItem
from dcim.errors import InvalidError, NotFoundError
from dcim.inventory.models import Allocation
from dcim.network.cables import find_port_by_words
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.chain import Node, PowerTree, load_tree
from dcim.power.models import PowerNode
from dcim.probing.models import ProbeTarget
from dcim.sla.rules.intervals import clip
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.subjects import feed_name, port_name

# What may be wrong with which subject.
KINDS_OF = {"power_node": ("power_feed",), "port": ("network",), "item": ("power", "network")}
OPEN_END = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Use:
    """An item that uses the subject, from when to when."""

    item: ContractItem
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Subject:
    label: str
    resources: tuple[str, ...]
    uses: tuple[Use, ...]
    severity: str


def find_subject_id(session: Session, subject_kind: str, words: str) -> int:
    """By a node's or an item's code, or a port as "device port". Raises InvalidError, naming
    `subject`, for what isn't there or isn't one alone."""
    if subject_kind == "port":
        return find_port_by_words(session, words, "subject").id
    column = PowerNode if subject_kind == "power_node" else ContractItem
    found = session.scalars(select(column.id).where(column.code == words.strip())).all()
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidError(
            "Several are called %(name)s; use the API, which takes the id.",
            {"subject": ["not unique"]},
            name=words,
        )
    raise InvalidError("Nothing is called %(name)s.", {"subject": ["unknown"]}, name=words)


def find_subject(
    session: Session,
    subject_kind: str,
    subject_id: int,
    kind: str,
    started_at: dt.datetime,
    ended_at: dt.datetime | None,
) -> Subject:
    """With those who used it in that time. Raises NotFoundError, and InvalidError for what nobody
    has then or no service level can observe."""
    tree = load_tree(session) if kind in ("power", "power_feed") else PowerTree({})
    if subject_kind == "power_node":
        about = _about_node(session, tree, subject_id)
    elif subject_kind == "port":
        about = _about_port(session, subject_id)
    else:
        about = _about_item(session, tree, subject_id, kind)
    if not about.resources:
        raise InvalidError(
            "Nothing that a service level could observe hangs on %(label)s.",
            {"subject_id": ["nothing to observe"]},
            label=about.label,
        )
    end = ended_at or started_at + dt.timedelta(milliseconds=1)
    span = (to_ms(started_at), to_ms(end))
    uses = tuple(
        use for use in about.uses if clip([(to_ms(use.starts_at), to_ms(use.ends_at))], *span)
    )
    if not uses:
        raise _unused(about)
    first = min(use.starts_at for use in uses)
    if started_at < first:
        raise _before(about.label, first)
    last = max(use.ends_at for use in uses)
    if end > last:
        raise InvalidError(
            "No contract item has %(label)s after %(time)s; let it end there.",
            {"ended_at": ["after the contract item"]},
            label=about.label,
            time=f"{last:%Y-%m-%d %H:%M} UTC",
        )
    return Subject(about.label, about.resources, uses, about.severity)


def find_resources(session: Session, subject_kind: str, subject_id: int) -> tuple[str, set[str]]:
    """What a node ("power_node") or a port is called, and what service levels observe of it.
    Raises NotFoundError."""
    if subject_kind == "port":
        about = _about_port(session, subject_id)
    else:
        about = _about_node(session, load_tree(session), subject_id)
    return about.label, set(about.resources)


def _unused(about: Subject) -> InvalidError:
    if about.uses:
        return _before(about.label, min(use.starts_at for use in about.uses))
    return InvalidError(
        "No contract item has %(label)s.", {"subject_id": ["nobody has it"]}, label=about.label
    )


def _before(label: str, first: dt.datetime) -> InvalidError:
    return InvalidError(
        "It begins before a contract item has %(label)s: from %(time)s on.",
        {"started_at": ["before the contract item"]},
        label=label,
        time=f"{first:%Y-%m-%d %H:%M} UTC",
    )


def _about_node(session: Session, tree: PowerTree, node_id: int) -> Subject:
    node = tree.nodes.get(node_id)
    if node is None:
        raise NotFoundError("No such power node.")
    pdus = [
        each
        for each in tree.nodes.values()
        if each.kind == "pdu" and node_id in _fed_by(tree, each)
    ]
    racks = {pdu.rack_id for pdu in pdus if pdu.rack_id is not None}
    alone = all(len(tree.pdus_of(rack)) == 1 for rack in racks)
    return Subject(
        node.code,
        tuple(sorted(feed_name(pdu) for pdu in pdus)),
        _uses_of_racks(session, racks),
        "down" if alone else "information",
    )


def _fed_by(tree: PowerTree, pdu: Node) -> set[int]:
    """The PDU and what is above it, up to the first that has a source of its own."""
    found = set()
    for node in tree.path(pdu.id):
        found.add(node.id)
        if node.has_own_source:
            break
    return found


def _uses_of_racks(session: Session, racks: Collection[int]) -> tuple[Use, ...]:
    rows = session.execute(
        select(Allocation, ContractItem, Contract)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(Allocation.rack_id.in_(racks))
    )
    return tuple(
        _in_service(item, contract, allocation.starts_on, allocation.ends_on)
        for allocation, item, contract in rows
    )


def _about_port(session: Session, port_id: int) -> Subject:
    port = session.get(Port, port_id, options=[joinedload(Port.device)])
    if port is None:
        raise NotFoundError("No such port.")
    rows = session.execute(
        select(ServiceMembership, ContractItem, Contract)
        .join(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(ServiceMembership.port_id == port_id)
    )
    uses = []
    for member, item, contract in rows:
        whole = _in_service(item, contract)
        low = max(whole.starts_at, member.starts_at)
        high = min(whole.ends_at, member.ends_at or OPEN_END)
        if low < high:
            uses.append(Use(item, low, high))
    name = port_name(port.device.name, port.name)
    return Subject(f"{port.device.name} {port.name}", (name,), tuple(uses), "down")


def _about_item(session: Session, tree: PowerTree, item_id: int, kind: str) -> Subject:
    row = session.execute(
        select(ContractItem, Contract)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(ContractItem.id == item_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such contract item.")
    item, contract = row
    if kind == "power":
        racks = session.scalars(
            select(Allocation.rack_id).where(Allocation.contract_item_id == item.id).distinct()
        )
        names = [feed_name(pdu) for rack in racks for pdu in tree.pdus_of(rack)]
    else:
        names = [*_ports_of(session, item), *_probes_of(session, item)]
    uses = (_in_service(item, contract),)
    return Subject(item.code, tuple(sorted(set(names))), uses, "down")


def _ports_of(session: Session, item: ContractItem) -> Iterable[str]:
    ports = session.scalars(
        select(Port)
        .join(ServiceMembership, ServiceMembership.port_id == Port.id)
        .join(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .where(BandwidthService.contract_item_id == item.id)
        .options(joinedload(Port.device))
    )
    return [port_name(port.device.name, port.name) for port in ports]


def _probes_of(session: Session, item: ContractItem) -> Iterable[str]:
    codes = select(ProbeTarget.code).where(ProbeTarget.contract_item_id == item.id)
    return [f"reachability/{code}" for code in session.scalars(codes)]


def _in_service(
    item: ContractItem,
    contract: Contract,
    first: dt.date | None = None,
    after: dt.date | None = None,
) -> Use:
    """The item's days, narrowed to [first, after), as instants of the contract's zone."""
    starts = max(day for day in (item.starts_on, contract.starts_on, first) if day is not None)
    ends = [day for day in (item.ends_on, contract.ends_on, after) if day is not None]
    low = _instant(starts, contract.timezone)
    return Use(item, low, _instant(min(ends), contract.timezone) if ends else OPEN_END)


def _instant(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(day_start(day, zone) / 1000, ZoneInfo(zone)).astimezone(dt.UTC)
