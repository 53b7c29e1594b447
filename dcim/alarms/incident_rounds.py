"""What alarms do by themselves when their rule says so: open an incident, have customers told.

An alarm is a hint. Its incident is the one that measurement finds, or will: of the same name, so
that deriving goes on with it, and counting nothing by itself. Nothing is done for what follows from
another alarm, is in maintenance, put off or flaps; and each thing once for each alarm.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dcim.alarms.correlation.folding import correlate
from dcim.alarms.correlation.hits import Hit, find_hit, how_of
from dcim.alarms.correlation.loading import load_dependencies
from dcim.alarms.incident_opening import link
from dcim.alarms.known_incidents import SUBJECTS, find_known
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.rooting import SCOPE, read_raised
from dcim.alarms.rules.quantities import OUTAGES, PORT
from dcim.columns import is_among
from dcim.db import find_sender
from dcim.errors import NotFoundError
from dcim.power.chain import Node, PowerTree, load_tree
from dcim.sla.incident_subjects import find_resources
from dcim.sla.incident_telling import NEWS_FOR, SETTLED, tell_incidents
from dcim.sla.incidents import OUTAGE, name_prefix, say_loss, say_port, wait_for_turn
from dcim.sla.models import BY_ALARM, Incident, IncidentImpact, ToldIncident
from dcim.sla.rules.periods import to_ms
from dcim.sla.subjects import feed_name

# Whom a root hits takes a few dozen statements; the next round, soon, does the others.
MOST_AT_ONCE = 20
SECOND = dt.timedelta(seconds=1)
# Said twice, since an index of all alarms serves for the few that have an incident only then.
_IS_OF = and_(Alarm.incident_id == Incident.id, Alarm.incident_id.is_not(None))


def do_by_rule(session: Session, alarms: Sequence[Alarm], now: dt.datetime) -> None:
    """For these, which are all that are open; two or three statements where nothing is due. In a
    round, which no click goes beside (`wait_for_round`)."""
    due = [alarm for alarm in alarms if alarm.incident_id is None and _wants_incident(alarm, now)]
    due.sort(key=lambda alarm: (alarm.began_at, alarm.id))
    if due:
        _open(session, alarms, due[:MOST_AT_ONCE], now)
    _follow_alarms(session, now)
    _tell(session, alarms, now)


def is_quiet(alarm: Alarm, now: dt.datetime) -> bool:
    """Whether it does nothing by itself now, whatever its rule says."""
    snoozed = alarm.snoozed_until is not None and alarm.snoozed_until > now
    silent = alarm.silenced_by is not None or alarm.flapping or snoozed
    return silent or alarm.root_id is not None or alarm.rule.quantity not in OUTAGES


def _wants_incident(alarm: Alarm, now: dt.datetime) -> bool:
    rule = alarm.rule
    waits = [one for one in (rule.incident_after_min, rule.tell_after_min) if one is not None]
    return bool(waits) and not is_quiet(alarm, now) and _lasted(alarm, min(waits), now)


def _lasted(alarm: Alarm, minutes: int, now: dt.datetime) -> bool:
    return now - alarm.began_at >= dt.timedelta(minutes=minutes)


def _open(
    session: Session, alarms: Sequence[Alarm], due: Sequence[Alarm], now: dt.datetime
) -> None:
    wait_for_turn(session)
    raised = read_raised(alarms)
    dependencies = load_dependencies(session, SCOPE, {one.subject for one in raised})
    folds = correlate(raised, dependencies)
    dead = {one.subject_id for one in alarms if one.rule.quantity == "node_dead"}
    for alarm in due:
        row = find_known(session, alarm)
        if row is None:
            hits = find_hit(session, SCOPE, [alarm.id], raised, dependencies, folds, now=now)
            try:
                row = _record(session, alarm, hits, dead, now)
            except NotFoundError:
                continue  # what it was about is gone: the next evaluation ends it
        link(session, alarm, row, now)


@dataclass(frozen=True, slots=True)
class _Outage:
    """As `sla.incidents` would find it."""

    kind: str
    subject: str
    what: tuple[str, str]
    resources: Iterable[str]


def _record(
    session: Session, alarm: Alarm, hits: Sequence[Hit], dead: Collection[int], now: dt.datetime
) -> Incident:
    impacts = _read_impacts(hits)
    interrupts = any(severity == "down" for severity in impacts.values())
    outage = _describe(session, alarm, dead, interrupts=interrupts)
    if outage.kind == "power":
        # Of cabinets without any feed. Who lost one feed is told of that by what is measured.
        impacts = {key: severity for key, severity in impacts.items() if severity == "down"}
    row = Incident(
        key=f"{name_prefix(outage.kind, outage.subject)}{to_ms(alarm.began_at)}",
        kind=outage.kind,
        started_at=alarm.began_at,
        what=outage.what[0][:255],
        what_en=outage.what[1][:255],
        # No cause: statements tell it to who is hit, and what a rule is called is for the house.
        place=alarm.label,
        detector=BY_ALARM,
        evidence=[{"resource": name} for name in sorted(outage.resources)],
        created_at=now,
    )
    for (customer_id, item_id), severity in sorted(
        impacts.items(), key=lambda one: (one[0][0], one[0][1] or 0)
    ):
        row.impacts.append(
            IncidentImpact(customer_id=customer_id, contract_item_id=item_id, severity=severity)
        )
    session.add(row)
    session.flush()
    return row


def _read_impacts(hits: Sequence[Hit]) -> dict[tuple[int, int | None], str]:
    """By customer and item: "down", or "information" of what keeps a feed or is a machine's alone.
    What is merely silent isn't said to be hit."""
    found: dict[tuple[int, int | None], str] = {}
    for hit in hits:
        if hit.how == "unknown":
            continue
        customer = hit.customer
        for item in customer.items:
            is_down = any(how_of(loss) == "down" for loss in item.losses)
            found[customer.id, item.id] = "down" if is_down else "information"
        if not customer.items:
            found[customer.id, None] = "information"
    return found


def _describe(
    session: Session, alarm: Alarm, dead: Collection[int], *, interrupts: bool
) -> _Outage:
    if alarm.subject_kind == PORT:
        label, resources = find_resources(session, SUBJECTS[PORT], alarm.subject_id)
        return _Outage("network", label, say_port(label), resources)
    tree = load_tree(session)
    node = tree.nodes.get(alarm.subject_id)
    if node is None:
        raise NotFoundError("No such power node.")
    if interrupts:
        codes, racks = _find_dark(tree, node, dead)
        names = {feed_name(pdu) for rack in racks for pdu in tree.pdus_of(rack)}
        return _Outage("power", " + ".join(codes), OUTAGE, names)
    _label, resources = find_resources(session, SUBJECTS[alarm.subject_kind], node.id)
    return _Outage("power_feed", node.code, say_loss(node.feed, node.code), resources)


def _find_dark(
    tree: PowerTree, node: Node, dead: Collection[int]
) -> tuple[tuple[str, ...], list[int]]:
    """Racks below the node all of whose feeds are dead, most of them alike, and the nodes nearest
    to the utility that are dead above them; all racks below where alarms show of none that it is.
    """
    racks: dict[tuple[str, ...], list[int]] = {}
    for rack_id in sorted(tree.racks_on(node.id)):
        tops = [_find_top(tree, pdu, dead) for pdu in tree.pdus_of(rack_id)]
        if all(tops):
            racks.setdefault(tuple(sorted({top for top in tops if top})), []).append(rack_id)
    return max(
        racks.items(),
        key=lambda one: len(one[1]),
        default=((node.code,), sorted(tree.racks_on(node.id))),
    )


def _find_top(tree: PowerTree, pdu: Node, dead: Collection[int]) -> str | None:
    found = None
    for node in tree.path(pdu.id):
        found = node.code if node.id in dead else found
        if node.has_own_source:
            break
    return found


def _follow_alarms(session: Session, now: dt.datetime) -> None:
    """Incidents that nothing but alarms show end with them, and go on when these come again."""
    rows = session.execute(
        select(
            Incident.id,
            Incident.started_at,
            Incident.ended_at,
            func.count().filter(Alarm.cleared_at.is_(None)).label("still_on"),
            func.max(Alarm.cleared_at).label("cleared_at"),
        )
        .join(Alarm, _IS_OF)
        .where(
            Incident.detector == BY_ALARM,
            or_(
                Incident.ended_at.is_(None),
                Incident.ended_at > now - NEWS_FOR,
                Alarm.cleared_at.is_(None),
            ),
        )
        .group_by(Incident.id)
    )
    moved = {}
    for row in rows:
        ended = None if row.still_on else max(row.cleared_at, row.started_at + SECOND)
        if row.ended_at != ended:
            moved[row.id] = ended
    if not moved:
        return
    # What measurement takes over at this moment is no longer the alarms' to end.
    wait_for_turn(session)
    for incident in session.scalars(
        select(Incident)
        .where(is_among(Incident.id, moved), Incident.detector == BY_ALARM)
        .execution_options(populate_existing=True)
    ):
        incident.ended_at = moved[incident.id]
    session.flush()


def _tell(session: Session, alarms: Sequence[Alarm], now: dt.datetime) -> None:
    """Of alarms that are due and weren't told, and of incidents told that are over meanwhile or go
    on after all."""
    if find_sender(session) is None:
        return
    due = [
        alarm
        for alarm in alarms
        if alarm.incident_id is not None
        and alarm.rule.tell_after_min is not None
        and not is_quiet(alarm, now)
        and _lasted(alarm, alarm.rule.tell_after_min, now)
    ]
    told = _find_told(session, [alarm.id for alarm in due])
    fresh = {alarm.incident_id or 0: alarm for alarm in due if alarm.id not in told}
    wanted = select(Incident).where(
        or_(is_among(Incident.id, fresh), Incident.id.in_(_select_told_otherwise(now)))
    )
    if session.scalar(wanted.with_only_columns(Incident.id).limit(1)) is None:
        return
    # What measurement finds and tells at this moment is seen as it is then.
    wait_for_turn(session)
    rows = session.scalars(wanted.execution_options(populate_existing=True)).all()
    tell_incidents(session, rows, now)
    for row in rows:
        if (alarm := fresh.get(row.id)) is not None:
            count = len({impact.customer_id for impact in row.impacts})
            session.add(AlarmEvent(alarm=alarm, at=now, kind="customers_told", text=str(count)))
    session.flush()


def _select_told_otherwise(now: dt.datetime) -> Select[int]:
    """Incidents that nothing but alarms show, told as open and over by now, or the reverse."""
    return (
        select(Incident.id)
        .join(Alarm, _IS_OF)
        .join(ToldIncident, ToldIncident.incident_id == Incident.id)
        .where(
            Incident.detector == BY_ALARM,
            or_(
                ToldIncident.ended_at.is_(None) & (Incident.ended_at <= now - SETTLED),
                ToldIncident.ended_at.is_not(None) & Incident.ended_at.is_(None),
            ),
        )
    )


def _find_told(session: Session, alarm_ids: Collection[int]) -> set[int]:
    if not alarm_ids:
        return set()
    rows = session.scalars(
        select(AlarmEvent.alarm_id).where(
            is_among(AlarmEvent.alarm_id, alarm_ids), AlarmEvent.kind == "customers_told"
        )
    )
    return set(rows)
