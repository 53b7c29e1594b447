"""Which alarms are to be escalated, from when their minutes count, and which steps are due.

Minutes count from when people could know of the alarm: when it was seen, or told again after a
snooze, maintenance or its cause was over; of one older than the policy's words, from these. What
nobody is told of (a consequence, silenced, put off) is escalated to nobody.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from dcim.alarms.escalation import AlarmTimes, due_steps
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.oncall.models import EscalationDeed, EscalationPolicy, escalation_policy_rule
from dcim.alarms.oncall.policies import policy_of
from dcim.alarms.rules.limits import SEVERITIES
from dcim.alarms.telling import is_loud
from dcim.columns import is_among
from dcim.sla.rules.periods import to_ms

# What begins to be told again with these, begins to count again.
HEARD_AGAIN = ("unsilenced", "unfolded")


@dataclass(frozen=True, slots=True)
class Counted:
    """An alarm under a policy: from when its minutes count, and the numbers of the steps done."""

    alarm: Alarm
    policy: EscalationPolicy
    since: dt.datetime
    done: frozenset[int]

    def due(self, now: dt.datetime) -> list[tuple[int, dt.datetime]]:
        """(number, the step's instant) of those that have come due and aren't done."""
        times = AlarmTimes(raised=to_ms(self.since))
        return [
            (one.number, instant_of(one.at))
            for one in due_steps(times, policy_of(self.policy), to_ms(now))
            if one.number not in self.done
        ]


def list_counted(session: Session, now: dt.datetime, alarm_id: int | None = None) -> list[Counted]:
    """What is to be escalated as things stand, gravest first; five statements at most."""
    rows = session.scalars(
        select(EscalationPolicy)
        .where(EscalationPolicy.enabled)
        .order_by(EscalationPolicy.id)
        .options(selectinload(EscalationPolicy.steps))
    ).all()
    if not rows:
        return []
    statement = select(Alarm).where(is_loud(now), Alarm.acknowledged_at.is_(None))
    if alarm_id is not None:
        statement = statement.where(Alarm.id == alarm_id)
    alarms = session.scalars(statement.options(selectinload(Alarm.rule))).all()
    if not alarms:
        return []
    covered = find_rules(session)
    ids = [alarm.id for alarm in alarms]
    heard = find_heard_again(session, ids)
    done: dict[tuple[int, int | None, dt.datetime], set[int]] = {}
    for row in session.execute(
        select(
            EscalationDeed.alarm_id,
            EscalationDeed.policy_id,
            EscalationDeed.counted_from,
            EscalationDeed.number,
        ).where(is_among(EscalationDeed.alarm_id, ids))
    ):
        done.setdefault((row[0], row[1], row[2]), set()).add(row[3])
    found = []
    for alarm in sorted(alarms, key=_gravity):
        for policy in rows:
            if covers(policy, covered.get(policy.id, ()), alarm):
                since = count_from(alarm, policy, heard.get(alarm.id))
                numbers = frozenset(done.get((alarm.id, policy.id, since), ()))
                found.append(Counted(alarm, policy, since, numbers))
    return found


def has_due_steps(session: Session, now: dt.datetime) -> bool:
    return any(one.due(now) for one in list_counted(session, now))


def covers(policy: EscalationPolicy, rule_ids: Collection[int], alarm: Alarm) -> bool:
    grave = SEVERITIES.index(alarm.severity) <= SEVERITIES.index(policy.severity)
    of_rule = not rule_ids or alarm.rule_id in rule_ids
    return grave and of_rule and policy.site_id in (None, alarm.site_id)


def count_from(
    alarm: Alarm, policy: EscalationPolicy, heard_again: dt.datetime | None
) -> dt.datetime:
    known = (alarm.seen_at, alarm.snoozed_until, heard_again, policy.counts_from)
    return max(at for at in known if at is not None)


def find_rules(session: Session) -> dict[int, set[int]]:
    """By policy: the rules it is for; none for all rules."""
    found: dict[int, set[int]] = {}
    table = escalation_policy_rule
    for policy_id, rule_id in session.execute(select(table.c.policy_id, table.c.rule_id)):
        found.setdefault(policy_id, set()).add(rule_id)
    return found


def find_heard_again(session: Session, ids: Sequence[int]) -> dict[int, dt.datetime]:
    rows = session.execute(
        select(AlarmEvent.alarm_id, func.max(AlarmEvent.at))
        .where(is_among(AlarmEvent.alarm_id, ids), AlarmEvent.kind.in_(HEARD_AGAIN))
        .group_by(AlarmEvent.alarm_id)
    )
    return {row[0]: row[1] for row in rows}


def _gravity(alarm: Alarm) -> tuple[int, dt.datetime, int]:
    return SEVERITIES.index(alarm.severity), alarm.raised_at, alarm.id


def instant_of(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
