"""Incidents out of what was measured; deriving again brings the same rows up to date."""

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session, joinedload, selectinload

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.network.models import Port, ServiceMembership
from dcim.power.chain import Node
from dcim.sla.circumstances import moment
from dcim.sla.evidence import port_states, temperature_values
from dcim.sla.findings import (
    JOIN_MS,
    FeedHistory,
    find_excursions,
    find_losses,
    find_outages,
    find_silences,
    join,
)
from dcim.sla.incident_telling import tell_incidents
from dcim.sla.meters import Meter, Meters
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.rules.intervals import Interval, Intervals, clip
from dcim.sla.rules.periods import to_ms
from dcim.sla.subjects import climate_name, describe_rack, feed_name, port_name

# The job looks back so far; a longer incident grows from run to run.
RECENT_MS = 3 * 3_600_000
# A stretch that ended at most so long ago is seen as running on.
CURRENT_MS = 600_000

Impact = tuple[int, int | None, str]
# What they are called, Chinese and English.
OUTAGE = ("机柜供电全部中断", "All feeds of the cabinets lost")


def say_loss(feed: str, code: str) -> tuple[str, str]:
    return f"{feed} 路断电：{code}", f"Feed {feed} lost at {code}"


def say_port(label: str) -> tuple[str, str]:
    return f"端口中断：{label}", f"Port down: {label}"


def name_prefix(kind: str, subject: str) -> str:
    """What the keys of all incidents of a kind on a subject begin with."""
    return f"{kind}:{subject}"[:230] + ":"


@dataclass(slots=True)
class Finding:
    """An incident as derived; `subject` with `kind` says which one it is when seen again."""

    kind: str
    subject: str
    start: int
    end: int
    what: tuple[str, str]
    cause: tuple[str, str] = ("", "")
    place: str = ""
    resources: tuple[str, ...] = ()
    meters: tuple[Meter, ...] = ()
    impacts: set[Impact] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class DerivationReport:
    new: int
    known: int


def derive_recent(sessions: SessionFactory, now_ms: int) -> DerivationReport:
    """The periodic job: the last hours, in a transaction of its own."""
    with transaction(sessions, Scope.system("derive-incidents")) as session:
        return derive_incidents(session, PostgresSampleStore(), now_ms - RECENT_MS, now_ms)


def derive_incidents(
    session: Session,
    store: SampleStore,
    start: int,
    end: int,
    *,
    now_ms: int | None = None,
    meters: Meters | None = None,
) -> DerivationReport:
    """Find and keep the incidents of [start, end), UTC epoch ms, by `meters` of that stretch.

    Needs a session with staff scope. What still lasts at `end` has no end yet, if `end` is now;
    looking back at an older stretch, it has the end that is known already, or that of the stretch.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    work = _Derivation(session, meters or Meters(session, store, start, end))
    findings = [*work.power(), *work.ports(), *work.rooms()]
    stretch = _Stretch(start, end, open_ended=now - end < CURRENT_MS)
    wait_for_turn(session)
    kept = [_keep(session, found, stretch) for found in findings]
    new = sum(is_new for _, is_new in kept)
    if stretch.open_ended:  # what is long over is no news
        tell_incidents(session, [row for row, _ in kept], moment(now))
    return DerivationReport(new, len(findings) - new)


def wait_for_turn(session: Session) -> None:
    """One keeps incidents at a time, until commit: another run then finds the rows of this one."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('incidents', 0))"))


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    open_ended: bool


@dataclass(frozen=True, slots=True)
class _Tenancy:
    customer_id: int
    item_id: int
    span: Interval


class _Derivation:
    def __init__(self, session: Session, meters: Meters) -> None:
        self.session, self.meters = session, meters
        self.tenants: dict[int, list[_Tenancy]] = {}
        self.places: dict[int, str] = {}
        self.rooms_of_racks: dict[int, int] = {}
        self.by_code = {node.code: node for node in meters.tree.nodes.values()}
        self._load_tenancies()

    def _load_tenancies(self) -> None:
        rows = self.session.scalars(
            select(Allocation)
            .where(
                Allocation.starts_on <= moment(self.meters.end).date() + dt.timedelta(days=1),
                or_(
                    Allocation.ends_on.is_(None),
                    Allocation.ends_on >= moment(self.meters.start).date(),
                ),
            )
            .options(
                joinedload(Allocation.rack)
                .joinedload(Rack.cabinet)
                .joinedload(Cabinet.row)
                .joinedload(Row.room)
                .joinedload(Room.site)
            )
        )
        for row in rows:
            subject = describe_rack(row.rack, self.meters.tree)
            zone = ZoneInfo(subject.room.site.timezone)
            low = _midnight(row.starts_on, zone)
            high = self.meters.end if row.ends_on is None else _midnight(row.ends_on, zone)
            self.tenants.setdefault(row.rack_id, []).append(
                _Tenancy(row.customer_id, row.contract_item_id, (low, high))
            )
            self.places[row.rack_id] = subject.place
            self.rooms_of_racks[row.rack_id] = subject.room.id

    def _impacts(self, racks: Iterable[int | None], span: Interval, severity: str) -> set[Impact]:
        return {
            (tenant.customer_id, tenant.item_id, severity)
            for rack_id in racks
            if rack_id is not None
            for tenant in self.tenants.get(rack_id, [])
            if clip([tenant.span], *span)
        }

    def power(self) -> list[Finding]:
        pdus = [node for node in self.meters.tree.nodes.values() if node.kind == "pdu"]
        histories = [
            FeedHistory(
                pdu.code,
                pdu.feed,
                pdu.rack_id,
                self.meters.feed(pdu),
                self._path(pdu),
            )
            for pdu in sorted(pdus, key=lambda each: each.code)
        ]
        found = [
            self._loss(loss.node, (loss.start, loss.end), [self.by_code[p] for p in loss.pdus])
            for loss in find_losses(histories)
        ]
        found += [
            self._outage(outage.nodes, (outage.start, outage.end), outage.racks)
            for outage in find_outages(histories)
        ]
        unknown: dict[str, Intervals] = {}
        by_device: dict[str, set[str]] = {}
        for history in histories:
            for meter in self.meters.by_node.get(self.by_code[history.pdu].id, []):
                device = meter.name.partition("/")[0]
                unknown.setdefault(device, []).extend(history.states.of("unknown"))
                by_device.setdefault(device, set()).add(history.pdu)
        for device, start, end in find_silences(unknown):
            nodes = [self.by_code[code] for code in sorted(by_device[device])]
            found.append(self._silence(device, (start, end), nodes))
        return found

    def _path(self, pdu: Node) -> tuple[tuple[str, Intervals], ...]:
        found = []
        for node in self.meters.tree.path(pdu.id):
            found.append((node.code, self.meters.observed(node).dead))
            if node.has_own_source:
                break
        return tuple(found)

    def _meters_of(self, nodes: Iterable[Node]) -> tuple[Meter, ...]:
        return tuple(meter for node in nodes for meter in self.meters.by_node.get(node.id, []))

    def _places_of(self, racks: Iterable[int | None]) -> str:
        return ", ".join(
            sorted(
                {self.places[rack] for rack in racks if rack is not None and rack in self.places}
            )
        )

    def _loss(self, code: str, span: Interval, pdus: Sequence[Node]) -> Finding:
        node = self.by_code[code]
        # Where a rack has no other feed, the outage says it all.
        racks = [pdu.rack_id for pdu in pdus if self._has_other_feed(pdu)]
        return Finding(
            "power_feed",
            code,
            *span,
            what=say_loss(node.feed, code),
            cause=(f"{code} 实测失电", f"{code} was measured without voltage"),
            place=self._places_of(pdu.rack_id for pdu in pdus) or code,
            resources=tuple(feed_name(pdu) for pdu in pdus),
            meters=self._meters_of(dict.fromkeys((node, *pdus))),
            impacts=self._impacts(racks, span, "information"),
        )

    def _has_other_feed(self, pdu: Node) -> bool:
        return pdu.rack_id is not None and len(self.meters.tree.pdus_of(pdu.rack_id)) > 1

    def _outage(self, codes: Sequence[str], span: Interval, racks: Sequence[int]) -> Finding:
        nodes = [self.by_code[code] for code in codes]
        pdus = [pdu for rack in racks for pdu in self.meters.tree.pdus_of(rack)]
        together = " + ".join(codes)
        return Finding(
            "power",
            together,
            *span,
            what=OUTAGE,
            cause=(f"{together} 实测失电", f"{together} measured without voltage"),
            place=self._places_of(racks),
            resources=tuple(feed_name(pdu) for pdu in pdus),
            meters=self._meters_of(dict.fromkeys((*nodes, *pdus))),
            impacts=self._impacts(racks, span, "down"),
        )

    def _silence(self, device: str, span: Interval, pdus: Sequence[Node]) -> Finding:
        racks = [pdu.rack_id for pdu in pdus]
        return Finding(
            "telemetry",
            device,
            *span,
            what=(f"{device} 无监测数据", f"No readings from {device}"),
            cause=("设备未应答，供电状态未知", "The agent didn't answer; the feed is unknown"),
            place=self._places_of(racks),
            resources=tuple(feed_name(pdu) for pdu in pdus),
            meters=self._meters_of(pdus),
            impacts=self._impacts(racks, span, "information"),
        )

    def ports(self) -> list[Finding]:
        members = self.session.scalars(
            select(ServiceMembership).options(
                joinedload(ServiceMembership.port).joinedload(Port.device),
                joinedload(ServiceMembership.service),
            )
        ).all()
        found = []
        for port_id in sorted({member.port_id for member in members}):
            mine = [member for member in members if member.port_id == port_id]
            bound = self.meters.of_port(port_id, "state")
            if not bound:
                continue
            port = mine[0].port
            states = [
                state
                for each in bound
                for low, high in each.within([(self.meters.start, self.meters.end)])
                for state in port_states(self.meters.columns(each.meter), low, high)
            ]
            for start, end in join((a, b) for a, b, state in states if state == "down"):
                label = f"{port.device.name} {port.name}"
                found.append(
                    Finding(
                        "network",
                        label,
                        start,
                        end,
                        what=say_port(label),
                        cause=("ifOperStatus 为 down", "ifOperStatus was down"),
                        place=port.device.name,
                        resources=(port_name(port.device.name, port.name),),
                        meters=tuple(each.meter for each in bound if each.within([(start, end)])),
                        impacts={
                            (member.customer_id, member.service.contract_item_id, "down")
                            for member in mine
                            if clip([self._membership(member)], start, end)
                        },
                    )
                )
        return found

    def _membership(self, member: ServiceMembership) -> Interval:
        end = self.meters.end if member.ends_at is None else to_ms(member.ends_at)
        return to_ms(member.starts_at), end

    def rooms(self) -> list[Finding]:
        found = []
        for room_id, meters in sorted(self.meters.by_room.items()):
            racks = [rack for rack, room in self.rooms_of_racks.items() if room == room_id]
            room = self.session.get_one(Room, room_id)
            for meter in meters:
                if meter.family != "climate":
                    continue
                columns = self.meters.columns(meter)
                values = temperature_values(columns, self.meters.start, self.meters.end)
                for start, end, worst in find_excursions(values):
                    degrees = f"{worst / 1000:.1f} °C"
                    found.append(
                        Finding(
                            "temperature",
                            meter.name,
                            start,
                            end,
                            what=(f"温度越限：{degrees}", f"Temperature out of range: {degrees}"),
                            cause=(f"传感器 {meter.name}", f"Sensor {meter.name}"),
                            place=f"{room.name} ({room.code})",
                            resources=(climate_name(meter.name),),
                            meters=(meter,),
                            impacts=self._impacts(racks, (start, end), "information"),
                        )
                    )
        return found


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    return to_ms(dt.datetime.combine(day, dt.time(), zone))


def _keep(session: Session, found: Finding, stretch: _Stretch) -> tuple[Incident, bool]:
    """Write a finding, or bring the row of the same event up to date: the row, and whether it is
    new."""
    prefix = name_prefix(found.kind, found.subject)
    known = session.scalars(
        select(Incident)
        .where(
            Incident.kind == found.kind,
            Incident.key.startswith(prefix, autoescape=True),
            Incident.started_at <= moment(found.end + JOIN_MS),
            or_(Incident.ended_at.is_(None), Incident.ended_at >= moment(found.start - JOIN_MS)),
        )
        .order_by(Incident.started_at)
        .options(selectinload(Incident.impacts))
        .with_for_update(of=Incident)
    ).first()
    ended: dt.datetime | None = moment(found.end)
    if found.end >= stretch.end:  # it goes on past what was looked at
        if stretch.open_ended:
            ended = None
        elif known is not None and (known.ended_at is None or known.ended_at > moment(found.end)):
            ended = known.ended_at
    if known is None:
        row = Incident(key=f"{prefix}{found.start}", kind=found.kind)
        row.started_at = moment(found.start)
        session.add(row)
    else:
        row = known
        # What began before the stretch looked at keeps its own beginning.
        if found.start > stretch.start:
            row.started_at = moment(found.start)
        else:
            row.started_at = min(row.started_at, moment(found.start))
    row.ended_at = ended
    row.what, row.what_en = found.what[0][:255], found.what[1][:255]
    row.cause, row.cause_en = found.cause[0][:255], found.cause[1][:255]
    row.place = found.place[:255]
    row.detector = "poller"
    row.evidence = _evidence(found, ended)
    present = {(impact.customer_id, impact.contract_item_id): impact for impact in row.impacts}
    for customer_id, item_id, severity in sorted(
        found.impacts, key=lambda impact: (impact[0], impact[1] or 0)
    ):
        if (impact := present.get((customer_id, item_id))) is not None:
            impact.severity = severity  # an alarm may have said otherwise
        else:
            row.impacts.append(
                IncidentImpact(customer_id=customer_id, contract_item_id=item_id, severity=severity)
            )
    session.flush()
    return row, known is None


def _evidence(found: Finding, ended: dt.datetime | None) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [{"resource": name} for name in found.resources]
    rows.extend(
        {
            "series": meter.series_id,
            "name": meter.name,
            "from": moment(found.start).isoformat(),
            "to": None if ended is None else ended.isoformat(),
        }
        for meter in found.meters
    )
    return rows
