"""Incidents that a person records because no meter saw them; facts like those derived."""

import datetime as dt
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.audit import record
from dcim.accounts.people import require_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.chain import Node, PowerTree, load_tree
from dcim.probing.models import ProbeTarget
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.queries import KIND_WORDS
from dcim.sla.rules.intervals import clip
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.subjects import feed_name, port_name

# What may be wrong with which subject.
KINDS_OF = {"power_node": ("power_feed",), "port": ("network",), "item": ("power", "network")}
OPEN_END = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)

Impact = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class ManualIncident:
    """`ended_at` is none while it lasts. `reason`: why it is recorded, and how it is known."""

    started_at: dt.datetime
    ended_at: dt.datetime | None
    cause: str
    cause_en: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Use:
    """An item that uses the subject, from when to when."""

    item: ContractItem
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Subject:
    label: str
    resources: tuple[str, ...]
    uses: tuple[_Use, ...]
    severity: str


def record_incident(
    session: Session,
    scope: Scope,
    subject_kind: str,
    subject_id: int,
    kind: str,
    wanted: ManualIncident,
    now: dt.datetime | None = None,
) -> Incident:
    """`subject_kind` is "power_node", "port" or "item"; `kind` as KINDS_OF allows.

    Raises ForbiddenError for who isn't a person of staff, NotFoundError for a subject that isn't
    there, InvalidError for times that can't be and a subject that no service level hangs on,
    ConflictError where one is recorded for it already.
    """
    require_person(session, scope)
    if kind not in KINDS_OF.get(subject_kind, ()):
        raise InvalidError(
            "A feed can lose power, a port its network, an item either.",
            {"kind": ["does not fit what it is about"]},
        )
    now = now or utc_now()
    _check_words(wanted, now)
    subject = f"{subject_kind}/{subject_id}"
    _wait_for_turn(session, subject)
    about = _find_subject(session, subject_kind, subject_id, kind, wanted)
    _refuse_overlap(session, subject, kind, about.label, wanted)
    what, what_en = KIND_WORDS[kind]
    row = Incident(
        key=f"manual:{subject}:{kind}:{to_ms(wanted.started_at)}:{time.time_ns()}",
        kind=kind,
        what=f"{what}：{about.label}"[:255],
        what_en=f"{what_en}: {about.label}"[:255],
        place=about.label[:255],
        detector=scope.actor[:64],
        manual=True,
        subject=subject,
        created_at=now,
    )
    _write(session, row, about, wanted)
    session.add(row)
    session.flush()
    _note(session, scope, "incident.record", row)
    return row


def rewrite_incident(
    session: Session,
    scope: Scope,
    row: Incident,
    wanted: ManualIncident,
    now: dt.datetime | None = None,
) -> None:
    """Correct what a person recorded; whoever issues statements sees to it that none has it yet.

    Raises as `record_incident`, and ConflictError for one that was derived or is ruled about.
    """
    require_person(session, scope)
    if not row.manual:
        raise ConflictError(
            "What was measured is never edited; propose to overrule it: a second person decides."
        )
    _check_words(wanted, now or utc_now())
    _wait_for_turn(session, row.subject)
    subject_kind, _, subject_id = row.subject.partition("/")
    about = _find_subject(session, subject_kind, int(subject_id), row.kind, wanted)
    _refuse_overlap(session, row.subject, row.kind, about.label, wanted, but=row.id)
    before = f"{row.started_at.isoformat()} – {_iso(row.ended_at)}"
    _write(session, row, about, wanted)
    session.flush()
    _note(session, scope, "incident.edit", row, before)


def _note(session: Session, scope: Scope, action: str, row: Incident, before: str = "") -> None:
    record(
        session, scope, action, f"incident/{row.id}", subject_of=row.subject, kind=row.kind,
        start=row.started_at.isoformat(), end=_iso(row.ended_at), cause=row.cause,
        reason=row.reason, before=before,
    )  # fmt: skip


def _iso(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _write(session: Session, row: Incident, about: _Subject, wanted: ManualIncident) -> None:
    row.started_at, row.ended_at = wanted.started_at, wanted.ended_at
    row.cause, row.cause_en = wanted.cause.strip(), wanted.cause_en.strip()
    row.reason = wanted.reason.strip()
    row.evidence = [{"resource": name} for name in about.resources]
    hit = {(use.item.customer_id, use.item.id) for use in about.uses}
    for gone in [one for one in row.impacts if (one.customer_id, one.contract_item_id) not in hit]:
        row.impacts.remove(gone)
    present = {(one.customer_id, one.contract_item_id) for one in row.impacts}
    for customer_id, item_id in sorted(hit - present):
        row.impacts.append(
            IncidentImpact(
                customer_id=customer_id, contract_item_id=item_id, severity=about.severity
            )
        )


def _check_words(wanted: ManualIncident, now: dt.datetime) -> None:
    if not wanted.reason.strip():
        raise InvalidError("Say how it is known.", {"reason": ["missing"]})
    if wanted.ended_at is not None and wanted.ended_at <= wanted.started_at:
        raise InvalidError("It ends before it begins.", {"ended_at": ["before the start"]})
    late = [
        name
        for name, at in (("started_at", wanted.started_at), ("ended_at", wanted.ended_at))
        if at is not None and at > now
    ]
    if late:
        raise InvalidError(
            "That is in the future; leave the end open while it lasts.",
            {name: ["in the future"] for name in late},
        )


def _wait_for_turn(session: Session, subject: str) -> None:
    """One writer for each subject until commit: two can't record the same outage."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"incident/{subject}"},
    )


def _refuse_overlap(
    session: Session,
    subject: str,
    kind: str,
    label: str,
    wanted: ManualIncident,
    but: int | None = None,
) -> None:
    other = session.scalars(
        select(Incident)
        .where(
            Incident.manual,
            Incident.subject == subject,
            Incident.kind == kind,
            Incident.id != (but or 0),
            Incident.started_at < (wanted.ended_at or OPEN_END),
            or_(Incident.ended_at.is_(None), Incident.ended_at > wanted.started_at),
        )
        .order_by(Incident.started_at)
    ).first()
    if other is not None:
        raise ConflictError(
            "%(who)s recorded INC-%(number)s for %(label)s in that time already; edit that one.",
            who=other.detector,
            number=other.id,
            label=label,
        )


def _find_subject(
    session: Session, subject_kind: str, subject_id: int, kind: str, wanted: ManualIncident
) -> _Subject:
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
    end = wanted.ended_at or wanted.started_at + dt.timedelta(milliseconds=1)
    span = (to_ms(wanted.started_at), to_ms(end))
    uses = tuple(
        use for use in about.uses if clip([(to_ms(use.starts_at), to_ms(use.ends_at))], *span)
    )
    if not uses:
        raise _unused(about)
    first = min(use.starts_at for use in uses)
    if wanted.started_at < first:
        raise _before(about.label, first)
    last = max(use.ends_at for use in uses)
    if end > last:
        raise InvalidError(
            "No contract item has %(label)s after %(time)s; let it end there.",
            {"ended_at": ["after the contract item"]},
            label=about.label,
            time=f"{last:%Y-%m-%d %H:%M} UTC",
        )
    return _Subject(about.label, about.resources, uses, about.severity)


def _unused(about: _Subject) -> InvalidError:
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


def _about_node(session: Session, tree: PowerTree, node_id: int) -> _Subject:
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
    return _Subject(
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


def _uses_of_racks(session: Session, racks: Collection[int]) -> tuple[_Use, ...]:
    rows = session.execute(
        select(Allocation, ContractItem, Contract)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(Allocation.rack_id.in_(racks))
        .options(joinedload(Allocation.rack))
    )
    return tuple(
        _in_service(item, contract, allocation.starts_on, allocation.ends_on)
        for allocation, item, contract in rows
    )


def _about_port(session: Session, port_id: int) -> _Subject:
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
            uses.append(_Use(item, low, high))
    name = port_name(port.device.name, port.name)
    return _Subject(f"{port.device.name} {port.name}", (name,), tuple(uses), "down")


def _about_item(session: Session, tree: PowerTree, item_id: int, kind: str) -> _Subject:
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
    return _Subject(item.code, tuple(sorted(set(names))), uses, "down")


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
) -> _Use:
    """The item's days, narrowed to [first, after), as instants of the contract's zone."""
    starts = max(day for day in (item.starts_on, contract.starts_on, first) if day is not None)
    ends = [day for day in (item.ends_on, contract.ends_on, after) if day is not None]
    low = _instant(starts, contract.timezone)
    return _Use(item, low, _instant(min(ends), contract.timezone) if ends else OPEN_END)


def _instant(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(day_start(day, zone) / 1000, ZoneInfo(zone)).astimezone(dt.UTC)
