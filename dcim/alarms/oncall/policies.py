"""Writing escalation policies: which alarms they cover, and whom each step tells. All audited."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.alarms.escalation import Policy, Step
from dcim.alarms.models import AlarmRule
from dcim.alarms.oncall.calendars import check_name
from dcim.alarms.oncall.models import (
    STEP_KINDS,
    EscalationPolicy,
    EscalationStep,
    OnCallCalendar,
    escalation_policy_rule,
)
from dcim.alarms.oncall.reaching import can_be_told
from dcim.alarms.rules.limits import SEVERITIES
from dcim.columns import utc_now
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import Site
from dcim.outbox.models import Endpoint

MOST_STEPS = 10
LONGEST_WAIT_MIN = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class StepValues:
    """`target_id` is the calendar's, the person's or the endpoint's, by `kind`."""

    after_min: int
    kind: str
    target_id: int


@dataclass(frozen=True, slots=True)
class PolicyValues:
    """No site: all of them; no rules: all of them."""

    name: str
    severity: str
    steps: tuple[StepValues, ...]
    site_id: int | None = None
    rule_ids: tuple[int, ...] = ()
    enabled: bool = True


def create_policy(session: Session, scope: Scope, wanted: PolicyValues) -> EscalationPolicy:
    """Alarms that are on already are counted from now. Raises InvalidError, ConflictError for a
    name that is taken."""
    require_staff(scope)
    wanted = _check(session, wanted, None)
    now = utc_now()
    row = EscalationPolicy(
        name=wanted.name,
        severity=wanted.severity,
        site_id=wanted.site_id,
        enabled=wanted.enabled,
        counts_from=now,
        changed_at=now,
        changed_by=scope.actor[:255],
        steps=_rows(wanted.steps),
    )
    session.add(row)
    session.flush()
    _put_rules(session, row.id, wanted.rule_ids)
    record(session, scope, "escalation.create", f"escalation/{row.id}", **_tell(wanted))
    return row


def change_policy(
    session: Session, scope: Scope, policy_id: int, wanted: PolicyValues
) -> EscalationPolicy:
    """Unless its name alone is new, alarms that are on are counted anew from now: nobody is told at
    once what other steps would have told an hour ago. Raises InvalidError, ConflictError,
    NotFoundError."""
    row = find_policy_row(session, scope, policy_id, lock=True)
    wanted = _check(session, wanted, row.id)
    before = values_of(session, row)
    if before == wanted:
        return row
    now = utc_now()
    if replace(before, name=wanted.name) != wanted:
        row.counts_from = now
    row.name, row.severity = wanted.name, wanted.severity
    row.site_id, row.enabled = wanted.site_id, wanted.enabled
    if before.steps != wanted.steps:
        # Emptied first: new rows have the old ones' keys.
        row.steps = []
        session.flush()
        row.steps = _rows(wanted.steps)
    row.changed_at, row.changed_by = now, scope.actor[:255]
    session.flush()
    _put_rules(session, row.id, wanted.rule_ids)
    record(session, scope, "escalation.change", f"escalation/{row.id}", **_tell(wanted))
    return row


def delete_policy(session: Session, scope: Scope, policy_id: int) -> None:
    """What it told stays in the alarms' histories. Raises NotFoundError."""
    row = find_policy_row(session, scope, policy_id, lock=True)
    session.delete(row)
    session.flush()
    record(session, scope, "escalation.delete", f"escalation/{policy_id}", name=row.name)


def find_policy_row(
    session: Session, scope: Scope, policy_id: int, *, lock: bool = False
) -> EscalationPolicy:
    """Raises NotFoundError."""
    require_staff(scope)
    statement = select(EscalationPolicy).where(EscalationPolicy.id == policy_id)
    if lock:
        # Read anew: whoever held it may have changed it.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(statement)
    if row is None:
        raise NotFoundError("No such escalation policy.")
    return row


def policy_of(row: EscalationPolicy) -> Policy:
    """The policy as a value; a step's level is its kind."""
    return Policy(tuple(Step(step.after_min, step.kind) for step in row.steps))


def values_of(session: Session, row: EscalationPolicy) -> PolicyValues:
    rules = session.scalars(
        select(escalation_policy_rule.c.rule_id)
        .where(escalation_policy_rule.c.policy_id == row.id)
        .order_by(escalation_policy_rule.c.rule_id)
    )
    return PolicyValues(
        name=row.name,
        severity=row.severity,
        steps=tuple(StepValues(one.after_min, one.kind, target_of(one)) for one in row.steps),
        site_id=row.site_id,
        rule_ids=tuple(rules),
        enabled=row.enabled,
    )


def target_of(step: EscalationStep) -> int:
    return step.calendar_id or step.user_id or step.endpoint_id or 0


def _rows(steps: Sequence[StepValues]) -> list[EscalationStep]:
    columns = {"calendar": "calendar_id", "person": "user_id", "endpoint": "endpoint_id"}
    return [
        EscalationStep(
            number=number,
            after_min=step.after_min,
            kind=step.kind,
            **{columns[step.kind]: step.target_id},
        )
        for number, step in enumerate(steps)
    ]


def _put_rules(session: Session, policy_id: int, rule_ids: Sequence[int]) -> None:
    table = escalation_policy_rule
    session.execute(delete(table).where(table.c.policy_id == policy_id))
    if rule_ids:
        rows = [{"policy_id": policy_id, "rule_id": one} for one in rule_ids]
        session.execute(insert(table), rows)


def _check(session: Session, wanted: PolicyValues, own_id: int | None) -> PolicyValues:
    """As it is written: its name without spaces around it, its rules in order."""
    name = check_name(wanted.name)
    taken = exists().where(EscalationPolicy.name == name, EscalationPolicy.id != (own_id or 0))
    if session.scalar(select(taken)):
        raise ConflictError("There is a policy %(name)s already.", name=name)
    if wanted.severity not in SEVERITIES:
        raise InvalidError("No such severity.", {"severity": [", ".join(SEVERITIES)]})
    if wanted.site_id is not None and session.get(Site, wanted.site_id) is None:
        raise InvalidError(
            "There is no site with the id %(id)s.", {"site_id": ["unknown"]}, id=wanted.site_id
        )
    rule_ids = tuple(sorted(set(wanted.rule_ids)))
    known = session.scalars(select(AlarmRule.id).where(AlarmRule.id.in_(rule_ids))).all()
    if missing := set(rule_ids) - set(known):
        raise InvalidError(
            "There is no rule with the id %(id)s.", {"rule_ids": ["unknown"]}, id=min(missing)
        )
    _check_steps(session, wanted.steps)
    return replace(wanted, name=name, rule_ids=rule_ids)


def _check_steps(session: Session, steps: Sequence[StepValues]) -> None:
    if not 1 <= len(steps) <= MOST_STEPS:
        raise InvalidError(
            "A policy has 1 to %(count)s steps.", {"steps": ["missing"]}, count=MOST_STEPS
        )
    times = [step.after_min for step in steps]
    if not all(0 <= minutes <= LONGEST_WAIT_MIN for minutes in times):
        raise InvalidError(
            "A step comes after 0 to %(count)s minutes.", {"steps": ["minutes"]},
            count=LONGEST_WAIT_MIN,
        )  # fmt: skip
    if any(one >= next_one for one, next_one in pairwise(times)):
        raise InvalidError("Each step comes later than the one before it.", {"steps": ["in order"]})
    for number, step in enumerate(steps, start=1):
        if not _is_there(session, step):
            raise InvalidError(
                "Step %(number)s tells somebody who isn't there or can't be told.",
                {"steps": ["unknown"]},
                number=number,
            )


def _is_there(session: Session, step: StepValues) -> bool:
    if step.kind not in STEP_KINDS:
        return False
    if step.kind == "calendar":
        return session.get(OnCallCalendar, step.target_id) is not None
    if step.kind == "endpoint":
        endpoint = session.get(Endpoint, step.target_id)
        return endpoint is not None and endpoint.deleted_at is None
    user = session.get(User, step.target_id)
    return user is not None and can_be_told(user)


def _tell(wanted: PolicyValues) -> dict[str, Any]:
    """For the audit log."""
    return {
        "name": wanted.name,
        "severity": wanted.severity,
        "site": wanted.site_id,
        "rules": list(wanted.rule_ids),
        "enabled": wanted.enabled,
        "steps": [[one.after_min, one.kind, one.target_id] for one in wanted.steps],
    }
