"""Windows of work: planned by one person, approved by another, carried out or given up."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, selectinload

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device, Room
from dcim.network.models import Port
from dcim.operations.maintenance_telling import tell_end
from dcim.operations.models import MAINTENANCE_KINDS, RISKS, Maintenance, MaintenanceTarget
from dcim.power.models import PowerNode
from dcim.records.fields import mark

# In these nothing has begun yet; what is changed then is approved anew.
OPEN_STATES = ("planned", "approved", "announced")
MOST_TARGETS = 200
LONGEST = dt.timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is worked on, by id. A device is all the ports it has when it is named."""

    power_nodes: frozenset[int] = frozenset()
    ports: frozenset[int] = frozenset()
    rooms: frozenset[int] = frozenset()
    devices: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return sum(map(len, (self.power_nodes, self.ports, self.rooms, self.devices)))


@dataclass(frozen=True, slots=True)
class Plan:
    """[starts_at, ends_at). `reason` is for customers, `work_plan` for staff alone."""

    title: str
    title_en: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    targets: Targets = field(default_factory=Targets)
    kind: str = "maintenance"
    risk: str = "low"
    reason: str = ""
    reason_en: str = ""
    work_plan: str = ""
    evidence: str = ""


def plan_maintenance(
    session: Session, scope: Scope, plan: Plan, now: dt.datetime | None = None
) -> Maintenance:
    """Plan a window; it waits for another person's approval.

    Only an emergency may have begun already: it is marked as entered after the fact. Raises
    InvalidError, NotFoundError for what isn't there, ForbiddenError.
    """
    require_staff(scope)
    now = now or utc_now()
    plan = _tidy(plan)
    _check_plan(plan, now)
    targets = _resolve(session, plan.targets)
    work = Maintenance(
        code=_next_code(session, now),
        **_columns(plan),
        state="planned",
        after_fact=plan.starts_at < now,
        planned_by=scope.actor[:255],
        planned_at=now,
        targets=_rows(targets),
    )
    session.add(work)
    session.flush()
    _record(session, scope, work, "maintenance.plan", **_tell(plan, targets))
    return work


def change_maintenance(
    session: Session,
    scope: Scope,
    maintenance_id: int,
    changes: Mapping[str, Any],
    now: dt.datetime | None = None,
) -> Maintenance:
    """Change some fields of its `Plan`. Other times, class or targets are approved anew, and
    whoever was told of other times must be told again: a notice proves the times it told.

    What is over keeps everything but its evidence, which may be added later. Raises
    ConflictError, InvalidError, NotFoundError, ForbiddenError.
    """
    require_staff(scope)
    now = now or utc_now()
    work = find_work(session, scope, maintenance_id)
    before = read_plan(work)
    plan = _tidy(replace(before, **changes))
    targets = before.targets if "targets" not in changes else _resolve(session, plan.targets)
    plan = replace(plan, targets=targets)
    changed = {
        name: value for name, value in _columns(plan).items() if value != getattr(work, name)
    }
    moved = targets != before.targets or bool({"starts_at", "ends_at", "kind"} & set(changed))
    if work.state == "cancelled" or (
        work.state not in OPEN_STATES and (moved or set(changed) - {"evidence"})
    ):
        raise ConflictError(
            "%(code)s has begun or is over: only its evidence can still be added.", code=work.code
        )
    if not changed and not moved:
        return work
    if moved or work.state in OPEN_STATES:
        _check_plan(plan, now, may_be_past=not moved)
    for name, value in changed.items():
        setattr(work, name, value)
    if moved:
        work.after_fact = plan.starts_at < now
        # Whoever changes it has planned it: another person approves.
        work.planned_by, work.planned_at = scope.actor[:255], now
        work.state, work.approved_by, work.approved_at = "planned", "", None
        if targets != before.targets:
            work.targets = _rows(targets)
    session.flush()
    _record(
        session, scope, work, "maintenance.change", approved_anew=moved,
        **({"targets": _name_targets(targets)} if targets != before.targets else {}),
        **{name: _plain(value) for name, value in changed.items()},
    )  # fmt: skip
    return work


def approve_maintenance(
    session: Session, scope: Scope, maintenance_id: int, now: dt.datetime | None = None
) -> Maintenance:
    """Let it be announced and done. Raises ConflictError for whoever planned it, and when there
    is nothing to approve."""
    require_staff(scope)
    now = now or utc_now()
    work = find_work(session, scope, maintenance_id)
    if work.state != "planned":
        raise ConflictError("%(code)s doesn't wait for approval.", code=work.code)
    if work.planned_by == scope.actor[:255]:
        raise ConflictError(
            "You planned %(code)s yourself; another person approves it.", code=work.code
        )
    if work.starts_at < now and work.kind != "emergency":
        raise ConflictError("%(code)s should have begun already: move it first.", code=work.code)
    work.state, work.approved_by, work.approved_at = "approved", scope.actor[:255], now
    session.flush()
    _record(session, scope, work, "maintenance.approve", planned_by=work.planned_by)
    return work


def begin_maintenance(
    session: Session, scope: Scope, maintenance_id: int, now: dt.datetime | None = None
) -> Maintenance:
    """The work begins: not before its time, and not without approval. Raises ConflictError."""
    require_staff(scope)
    now = now or utc_now()
    work = find_work(session, scope, maintenance_id)
    if work.state not in ("approved", "announced"):
        raise ConflictError("%(code)s isn't approved, or has begun already.", code=work.code)
    if now < work.starts_at:
        raise ConflictError("The time of %(code)s hasn't come yet.", code=work.code)
    work.state, work.begun_at = "under_way", now
    session.flush()
    _record(session, scope, work, "maintenance.begin")
    return work


def finish_maintenance(
    session: Session, scope: Scope, maintenance_id: int, now: dt.datetime | None = None
) -> Maintenance:
    """The work is done. What lasted longer than the window was not announced, and counts.

    One entered after the fact needs no beginning. Raises ConflictError.
    """
    require_staff(scope)
    work = find_work(session, scope, maintenance_id)
    entered = work.after_fact and work.state in ("approved", "announced")
    if work.state != "under_way" and not entered:
        raise ConflictError("%(code)s isn't under way.", code=work.code)
    work.state, work.over_at = "done", now or utc_now()
    session.flush()
    _record(session, scope, work, "maintenance.finish")
    tell_end(session, work)
    return work


def cancel_maintenance(
    session: Session,
    scope: Scope,
    maintenance_id: int,
    reason: str,
    now: dt.datetime | None = None,
) -> Maintenance:
    """Give it up before it begins; customers read the reason. Raises ConflictError,
    InvalidError."""
    require_staff(scope)
    work = find_work(session, scope, maintenance_id)
    if work.state not in OPEN_STATES:
        raise ConflictError("%(code)s has begun or is over.", code=work.code)
    if not reason.strip():
        raise InvalidError("Say why: the customers read it.", {"reason": ["missing"]})
    work.state, work.over_at = "cancelled", now or utc_now()
    work.cancel_reason = reason.strip()[:4000]
    session.flush()
    _record(session, scope, work, "maintenance.cancel", reason=work.cancel_reason)
    tell_end(session, work)
    return work


def find_work(
    session: Session, scope: Scope, maintenance_id: int, *, lock: bool = True
) -> Maintenance:
    """With its targets; locked until commit unless it is only looked at. For staff. Raises
    NotFoundError."""
    require_staff(scope)
    statement = (
        select(Maintenance)
        .where(Maintenance.id == maintenance_id)
        .options(selectinload(Maintenance.targets))
        .execution_options(populate_existing=True)
    )
    work = session.scalar(statement.with_for_update() if lock else statement)
    if work is None:
        raise NotFoundError("No such maintenance.")
    return work


def read_plan(work: Maintenance) -> Plan:
    """What was planned, to be changed in part."""
    return Plan(
        targets=targets_of(work),
        **{name: getattr(work, name) for name in Plan.__dataclass_fields__ if name != "targets"},
    )


def targets_of(work: Maintenance) -> Targets:
    return Targets(
        frozenset(one.power_node_id for one in work.targets if one.power_node_id is not None),
        frozenset(one.port_id for one in work.targets if one.port_id is not None),
        frozenset(one.room_id for one in work.targets if one.room_id is not None),
    )


def require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff plan maintenance.")


def _tidy(plan: Plan) -> Plan:
    words = {
        name: getattr(plan, name).strip()
        for name in ("title", "title_en", "reason", "reason_en", "work_plan", "evidence")
    }
    # Whole seconds, as pages, notices and the API write them.
    times = {name: getattr(plan, name).replace(microsecond=0) for name in ("starts_at", "ends_at")}
    return replace(plan, **words, **times)


def _check_plan(plan: Plan, now: dt.datetime, *, may_be_past: bool = False) -> None:
    if plan.kind not in MAINTENANCE_KINDS or plan.risk not in RISKS:
        raise InvalidError("No such class or risk.", {"kind": ["unknown"], "risk": ["unknown"]})
    if not plan.title or not plan.title_en:
        raise InvalidError(
            "Give it a title in Chinese and in English: customers read theirs.",
            {name: ["missing"] for name in ("title", "title_en") if not getattr(plan, name)},
        )
    if plan.ends_at <= plan.starts_at:
        raise InvalidError("It must end after it starts.", {"ends_at": ["before the start"]})
    if plan.ends_at - plan.starts_at > LONGEST:
        raise InvalidError("A window lasts 31 days at most.", {"ends_at": ["long"]})
    if not plan.targets:
        raise InvalidError("Say what is worked on.", {"targets": ["missing"]})
    if len(plan.targets) > MOST_TARGETS:
        raise InvalidError("At most %(count)s targets.", {"targets": ["many"]}, count=MOST_TARGETS)
    if plan.starts_at < now and plan.kind != "emergency" and not may_be_past:
        raise InvalidError(
            "It can't start in the past; only an emergency is entered after the fact.",
            {"starts_at": ["in the past"]},
        )


def _resolve(session: Session, targets: Targets) -> Targets:
    """With devices as their ports. Raises InvalidError naming what isn't there."""
    for message, model, ids in (
        (mark("There is no power node with the id %(id)s."), PowerNode, targets.power_nodes),
        (mark("There is no port with the id %(id)s."), Port, targets.ports),
        (mark("There is no room with the id %(id)s."), Room, targets.rooms),
        (mark("There is no device with the id %(id)s."), Device, targets.devices),
    ):
        gone = _missing(session, model, ids)
        if gone:
            raise InvalidError(message, {"targets": ["unknown"]}, id=min(gone))
    of_devices = session.scalars(select(Port.id).where(Port.device_id.in_(targets.devices))).all()
    if targets.devices and not of_devices:
        raise InvalidError("A device without ports can't be worked on.", {"targets": ["no ports"]})
    return Targets(targets.power_nodes, targets.ports | set(of_devices), targets.rooms)


def _missing(session: Session, model: Any, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    return set(ids) - set(session.scalars(select(model.id).where(model.id.in_(ids))))


def _rows(targets: Targets) -> list[MaintenanceTarget]:
    return [
        *(MaintenanceTarget(power_node_id=one) for one in sorted(targets.power_nodes)),
        *(MaintenanceTarget(port_id=one) for one in sorted(targets.ports)),
        *(MaintenanceTarget(room_id=one) for one in sorted(targets.rooms)),
    ]


def _columns(plan: Plan) -> dict[str, Any]:
    return {name: value for name, value in asdict(plan).items() if name != "targets"}


def _next_code(session: Session, now: dt.datetime) -> str:
    """ "MW-202611-07": one after the other within the month it was planned in."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('maintenance-code', 0))"))
    start = f"MW-{now:%Y%m}-"
    last = session.scalar(
        select(Maintenance.code)
        .where(Maintenance.code.regexp_match(f"^{start}[0-9]+$"))
        .order_by(func.length(Maintenance.code).desc(), Maintenance.code.desc())
        .limit(1)
    )
    return f"{start}{int(last.removeprefix(start)) + 1 if last else 1:02d}"


def _tell(plan: Plan, targets: Targets) -> dict[str, Any]:
    told = {name: _plain(value) for name, value in _columns(plan).items() if value}
    return told | {"targets": _name_targets(targets)}


def _name_targets(targets: Targets) -> dict[str, list[int]]:
    return {
        name: sorted(getattr(targets, name))
        for name in ("power_nodes", "ports", "rooms")
        if getattr(targets, name)
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _record(session: Session, scope: Scope, work: Maintenance, action: str, **detail: Any) -> None:
    record(session, scope, action, f"maintenance/{work.id}", code=work.code, **detail)
