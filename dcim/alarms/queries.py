"""Reading alarms, their histories and the rules; for staff."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.alarms.models import (
    Alarm,
    AlarmEvent,
    AlarmOverride,
    AlarmRecipient,
    AlarmRule,
    AlarmTrial,
)
from dcim.alarms.rules.limits import SEVERITIES
from dcim.customers.models import Customer
from dcim.customers.registration import require_staff
from dcim.errors import NotFoundError
from dcim.inventory.models import Site
from dcim.network.models import ServiceMembership
from dcim.operations.models import Maintenance
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page, narrow
from dcim.sla.models import Incident

SORTS = ("", "severity", "what", "since", "state")
SHOWS = ("causes", "open", "unacknowledged", "silent", "over", "all")


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Times of samples are `began_at`, `raised_at` and `cleared_at`; `seen_at` is when we saw it.
    `value` and `limit` are in the unit of the quantity, `detail` tells which part of the subject it
    was. `root_id`: the alarm it is a consequence
    of, `consequences` how many open ones are of this. `incident_id`: the incident that it was, or
    of a consequence its root."""

    id: int
    rule_id: int
    rule_code: str
    rule_name: str
    rule_name_en: str
    kind: str
    quantity: str
    subject_kind: str
    subject_id: int
    label: str
    site_id: int | None
    site_code: str | None
    severity: str
    began_at: dt.datetime
    raised_at: dt.datetime
    seen_at: dt.datetime
    cleared_at: dt.datetime | None
    ending: str
    value: float
    limit: float
    detail: dict[str, object] | None
    flapping: bool
    acknowledged_at: dt.datetime | None
    acknowledged_by: str
    assigned_to: str
    snoozed_until: dt.datetime | None
    silenced_by: int | None
    silenced_by_code: str | None
    root_id: int | None
    notified_at: dt.datetime | None
    incident_id: int | None
    incident_ended_at: dt.datetime | None
    consequences: int

    def is_snoozed(self, now: dt.datetime) -> bool:
        return self.snoozed_until is not None and self.snoozed_until > now


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """`show` is one of SHOWS; `text` a part of what it is on; `loud`: neither silenced by
    maintenance nor put off."""

    show: str = "all"
    severity: str | None = None
    rule_id: int | None = None
    site_id: int | None = None
    subject_kind: str | None = None
    subject_id: int | None = None
    root_id: int | None = None
    incident_id: int | None = None
    assigned_to: str | None = None
    text: str = ""
    loud: bool = False


@dataclass(frozen=True, slots=True)
class AlarmEventRow:
    id: int
    at: dt.datetime
    recorded_at: dt.datetime
    kind: str
    actor: str
    text: str
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class AlarmTally:
    """Open alarms: of each severity, those nobody has acknowledged, and those that are silent."""

    critical: int = 0
    major: int = 0
    warning: int = 0
    unacknowledged: int = 0
    silent: int = 0

    @property
    def open(self) -> int:
        return self.critical + self.major + self.warning


def list_alarms(
    session: Session,
    scope: Scope,
    wanted: AlarmFilter,
    paging: Paging = FIRST_PAGE,
    *,
    now: dt.datetime,
    sort: str = "",
    descending: bool = False,
) -> Page[AlarmRow]:
    """Open ones first, the gravest and newest of them on top, unless sorted otherwise."""
    require_staff(scope)
    statement = narrow(
        _select_alarms(),
        (Alarm.severity, wanted.severity),
        (Alarm.rule_id, wanted.rule_id),
        (Alarm.site_id, wanted.site_id),
        (Alarm.subject_kind, wanted.subject_kind),
        (Alarm.subject_id, wanted.subject_id),
        (Alarm.root_id, wanted.root_id),
        (Alarm.assigned_to, wanted.assigned_to),
    )
    statement = _show(statement, wanted.show, now)
    if wanted.loud:
        statement = statement.where(not_(_is_quiet(now)))
    if wanted.incident_id is not None:
        roots = select(_OPENED.id).where(_OPENED.incident_id == wanted.incident_id)
        statement = statement.where(
            or_(Alarm.incident_id == wanted.incident_id, Alarm.root_id.in_(roots))
        )
    if wanted.text:
        like = contains(wanted.text)
        statement = statement.where(
            or_(
                Alarm.label.ilike(like, escape="\\"),
                AlarmRule.name.ilike(like, escape="\\"),
                AlarmRule.name_en.ilike(like, escape="\\"),
            )
        )
    gravity = case({name: place for place, name in enumerate(SEVERITIES)}, value=Alarm.severity)
    is_over = Alarm.cleared_at.is_not(None)
    orders = {
        "severity": (gravity,),
        "what": (Alarm.label,),
        "since": (Alarm.raised_at,),
        "state": (is_over, Alarm.acknowledged_at.is_not(None)),
    }
    if sort in orders:
        keys = [key.desc() if descending else key for key in orders[sort]]
        statement = statement.order_by(*keys, Alarm.id.desc())
    else:
        first = case((is_over, len(SEVERITIES)), else_=gravity)
        newest = case((is_over, Alarm.cleared_at), else_=Alarm.raised_at)
        statement = statement.order_by(first, newest.desc(), Alarm.id.desc())
    return fetch_page(session, AlarmRow, statement, paging)


def find_alarm(session: Session, scope: Scope, alarm_id: int) -> AlarmRow:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.execute(_select_alarms().where(Alarm.id == alarm_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such alarm.")
    return AlarmRow(**row._mapping)


def list_events(session: Session, scope: Scope, alarm_id: int) -> list[AlarmEventRow]:
    """Newest first."""
    require_staff(scope)
    rows = session.execute(
        select(
            AlarmEvent.id, AlarmEvent.at, AlarmEvent.recorded_at, AlarmEvent.kind,
            AlarmEvent.actor, AlarmEvent.text, AlarmEvent.until,
        )
        .where(AlarmEvent.alarm_id == alarm_id)
        .order_by(AlarmEvent.at.desc(), AlarmEvent.id.desc())
    )  # fmt: skip
    return [AlarmEventRow(**row._mapping) for row in rows]


def tally_alarms(session: Session, scope: Scope, now: dt.datetime) -> AlarmTally:
    require_staff(scope)
    quiet = _is_quiet(now)
    row = session.execute(
        select(
            *(func.count().filter(Alarm.severity == name).label(name) for name in SEVERITIES),
            func.count().filter(Alarm.acknowledged_at.is_(None)).label("unacknowledged"),
            func.count().filter(quiet).label("silent"),
        ).where(Alarm.cleared_at.is_(None))
    ).one()
    return AlarmTally(**row._mapping)


@dataclass(frozen=True, slots=True)
class Hit:
    id: int
    code: str
    name: str
    name_en: str


def find_port_users(
    session: Session, scope: Scope, port_ids: Collection[int], now: dt.datetime
) -> dict[int, Hit]:
    """Who uses these ports now; one statement."""
    require_staff(scope)
    rows = session.execute(
        select(
            ServiceMembership.port_id, Customer.id, Customer.code, Customer.name, Customer.name_en
        )
        .join(Customer, Customer.id == ServiceMembership.customer_id)
        .where(
            ServiceMembership.port_id.in_(port_ids),
            ServiceMembership.starts_at <= now,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
        )
    )
    return {row[0]: Hit(*row[1:]) for row in rows}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as it is written, how many alarms of it are open, and how many exceptions it has."""

    id: int
    code: str
    name: str
    name_en: str
    built_in: bool
    enabled: bool
    kind: str
    quantity: str
    way: str
    raise_at: float
    clear_at: float
    raise_for_s: int
    clear_for_s: int
    severity: str
    window_s: int
    horizon_s: int
    flap_changes: int
    flap_within_s: int
    subject_class: str
    site_id: int | None
    incident_after_min: int | None
    tell_after_min: int | None
    changed_at: dt.datetime
    changed_by: str
    open: int
    overrides: int


@dataclass(frozen=True, slots=True)
class OverrideRow:
    id: int
    scope: str
    target_id: int | None
    target_class: str
    enabled: bool
    raise_at: float | None
    clear_at: float | None
    raise_for_s: int | None
    clear_for_s: int | None
    severity: str | None
    changed_at: dt.datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class RecipientRow:
    id: int
    address: str
    language: str
    severity: str
    site_id: int | None
    site_code: str | None


@dataclass(frozen=True, slots=True)
class TrialRow:
    id: int
    rule_id: int | None
    name: str
    rule: dict[str, object]
    starts_at: dt.datetime
    ends_at: dt.datetime
    state: str
    done: int
    total: int
    result: dict[str, object] | None
    asked_at: dt.datetime
    asked_by: str


def list_rules(session: Session, scope: Scope, paging: Paging = FIRST_PAGE) -> Page[RuleRow]:
    require_staff(scope)
    gravity = case({name: at for at, name in enumerate(SEVERITIES)}, value=AlarmRule.severity)
    statement = _select_rules().order_by(AlarmRule.enabled.desc(), gravity, AlarmRule.id)
    return fetch_page(session, RuleRow, statement, paging)


def find_rule(session: Session, scope: Scope, rule_id: int) -> RuleRow:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.execute(_select_rules().where(AlarmRule.id == rule_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such rule.")
    return RuleRow(**row._mapping)


def list_overrides(session: Session, scope: Scope, rule_id: int) -> list[OverrideRow]:
    require_staff(scope)
    rows = session.execute(
        select(*(getattr(AlarmOverride, name) for name in OverrideRow.__dataclass_fields__))
        .where(AlarmOverride.rule_id == rule_id)
        .order_by(AlarmOverride.id)
    )
    return [OverrideRow(**row._mapping) for row in rows]


def list_recipients(session: Session, scope: Scope) -> list[RecipientRow]:
    require_staff(scope)
    rows = session.execute(
        select(
            AlarmRecipient.id, AlarmRecipient.address, AlarmRecipient.language,
            AlarmRecipient.severity, AlarmRecipient.site_id, Site.code.label("site_code"),
        )
        .outerjoin(Site, Site.id == AlarmRecipient.site_id)
        .order_by(AlarmRecipient.address, AlarmRecipient.id)
    )  # fmt: skip
    return [RecipientRow(**row._mapping) for row in rows]


def find_trial(session: Session, scope: Scope, trial_id: int) -> TrialRow:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.execute(
        select(*(getattr(AlarmTrial, name) for name in TrialRow.__dataclass_fields__)).where(
            AlarmTrial.id == trial_id
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such test.")
    return TrialRow(**row._mapping)


_ROOT, _OPENED = aliased(Alarm), aliased(Alarm)
# Of a consequence it is its root's.
_INCIDENT = func.coalesce(Alarm.incident_id, _ROOT.incident_id)


def _select_alarms() -> Query:
    own = [
        getattr(Alarm, name)
        for name in AlarmRow.__dataclass_fields__
        if name in Alarm.__table__.columns and name != "incident_id"
    ]
    below = aliased(Alarm)
    consequences = (
        select(func.count())
        .where(below.root_id == Alarm.id, below.cleared_at.is_(None))
        .scalar_subquery()
    )
    return (
        select(
            *own,
            consequences.label("consequences"),
            _INCIDENT.label("incident_id"),
            Incident.ended_at.label("incident_ended_at"),
            AlarmRule.code.label("rule_code"),
            AlarmRule.name.label("rule_name"),
            AlarmRule.name_en.label("rule_name_en"),
            AlarmRule.kind,
            AlarmRule.quantity,
            Site.code.label("site_code"),
            Maintenance.code.label("silenced_by_code"),
        )
        .join(AlarmRule, AlarmRule.id == Alarm.rule_id)
        .outerjoin(Site, Site.id == Alarm.site_id)
        .outerjoin(Maintenance, Maintenance.id == Alarm.silenced_by)
        .outerjoin(_ROOT, _ROOT.id == Alarm.root_id)
        .outerjoin(Incident, Incident.id == _INCIDENT)
    )


def _is_quiet(now: dt.datetime) -> ColumnElement[bool]:
    return or_(Alarm.silenced_by.is_not(None), func.coalesce(Alarm.snoozed_until > now, false()))


def _show(statement: Query, show: str, now: dt.datetime) -> Query:
    is_open = Alarm.cleared_at.is_(None)
    quiet = _is_quiet(now)
    wanted = {
        "causes": and_(is_open, Alarm.root_id.is_(None)),
        "open": is_open,
        "unacknowledged": and_(is_open, Alarm.acknowledged_at.is_(None)),
        "silent": and_(is_open, quiet),
        "over": Alarm.cleared_at.is_not(None),
    }.get(show)
    return statement if wanted is None else statement.where(wanted)


def _select_rules() -> Query:
    own = [
        getattr(AlarmRule, name)
        for name in RuleRow.__dataclass_fields__
        if name in AlarmRule.__table__.columns
    ]
    open_ones = (
        select(func.count())
        .where(Alarm.rule_id == AlarmRule.id, Alarm.cleared_at.is_(None))
        .scalar_subquery()
    )
    exceptions = select(func.count()).where(AlarmOverride.rule_id == AlarmRule.id).scalar_subquery()
    return select(*own, open_ones.label("open"), exceptions.label("overrides"))
