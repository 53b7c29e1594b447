"""An alarm's escalation: what comes next, to whom and when, and what was told; for staff."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.escalation import AlarmTimes, find_next_step
from dcim.alarms.oncall.counting import instant_of, list_counted
from dcim.alarms.oncall.models import EscalationDeed
from dcim.alarms.oncall.policies import policy_of
from dcim.alarms.oncall.reaching import Targets
from dcim.config import Settings
from dcim.customers.registration import require_staff
from dcim.sla.rules.periods import to_ms


@dataclass(frozen=True, slots=True)
class EscalationPlanRow:
    """The next step of a policy, from 1, if nobody takes the alarm on, and whom it would reach at
    its instant (`outcome` as in `oncall.models.OUTCOMES`). No step is left where `step` is 0."""

    policy_id: int
    policy: str
    counted_from: dt.datetime
    steps: int
    step: int
    at: dt.datetime | None
    outcome: str
    who: str
    by: str
    calendar: str


@dataclass(frozen=True, slots=True)
class EscalationDoneRow:
    """A step that was done: `at` is its own instant; `event_id` the line of the alarm's history."""

    event_id: int | None
    policy: str
    step: int
    at: dt.datetime
    done_at: dt.datetime
    outcome: str
    who: str
    by: str
    calendar: str


def list_plans(
    session: Session, scope: Scope, settings: Settings, alarm_id: int, now: dt.datetime
) -> list[EscalationPlanRow]:
    """One for each policy that covers it; none while it isn't escalated: somebody has it, it is
    over, put off, in maintenance or a consequence."""
    require_staff(scope)
    targets, found = Targets(session, settings), []
    for counted in list_counted(session, now, alarm_id):
        times = AlarmTimes(to_ms(counted.since))
        # A step that a gap had told early isn't told again.
        policy = policy_of(counted.policy)
        due = find_next_step(times, policy, to_ms(now))
        while due is not None and due.number in counted.done:
            due = find_next_step(times, policy, due.at)
        common = (counted.policy.id, counted.policy.name, counted.since, len(policy.steps))
        if due is None:
            found.append(EscalationPlanRow(*common, 0, None, "", "", "", ""))
            continue
        target = targets.find(counted.policy.steps[due.number], instant_of(due.at))
        found.append(
            EscalationPlanRow(
                *common, due.number + 1, instant_of(due.at), target.outcome, target.who, target.by,
                target.calendar,
            )
        )  # fmt: skip
    return found


def list_deeds(session: Session, scope: Scope, alarm_id: int) -> list[EscalationDoneRow]:
    """In the order they were done."""
    require_staff(scope)
    rows = session.scalars(
        select(EscalationDeed)
        .where(EscalationDeed.alarm_id == alarm_id)
        .order_by(EscalationDeed.id)
    )
    return [
        EscalationDoneRow(
            row.event_id, row.policy, row.number + 1, row.at, row.done_at, row.outcome, row.who,
            row.by, row.calendar,
        )
        for row in rows
    ]  # fmt: skip
