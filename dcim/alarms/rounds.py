"""A round of the clock: is there anything new, what does it mean, who is told; one transaction."""

import datetime as dt
import time
from dataclasses import dataclass

from sqlalchemy import and_, exists, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.alarms.burns import write_span
from dcim.alarms.evaluating import Evaluation, evaluate
from dcim.alarms.handling import wait_for_round
from dcim.alarms.incident_rounds import do_by_rule
from dcim.alarms.models import Alarm, AlarmRound
from dcim.alarms.oncall.counting import has_due_steps
from dcim.alarms.oncall.escalating import escalate
from dcim.alarms.rooting import find_open, has_orphans, put_under_roots
from dcim.alarms.silencing import SILENCING_STATES, silence
from dcim.alarms.telling import is_loud, tell_alarms
from dcim.config import Settings
from dcim.metering.store import SampleStore
from dcim.operations.models import Maintenance

BEAT_S = 5


@dataclass(frozen=True, slots=True)
class RoundReport:
    """`evaluated` is false when nothing was new; `queued` are messages that are to be sent."""

    evaluated: bool
    subjects: int = 0
    raised: int = 0
    ended: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class RoundRow:
    """The last evaluation; `subjects` is how many could have had an alarm."""

    at: dt.datetime
    took_ms: int
    subjects: int


# Each grows with whatever it counts, and nothing of it ever goes back; contracts of which it isn't
# known what burns come and go, by rounds that are told apart by their instant.
_MARKS = """
SELECT concat_ws(' ',
  (SELECT concat(count(*), ':', coalesce(sum(ts), 0)) FROM series_latest),
  (SELECT concat(count(*), ':', coalesce(sum(ts), 0)) FROM port_memory),
  (SELECT concat(count(*), ':', coalesce(sum(extract(epoch FROM last_poll_at)), 0))
   FROM snmp_agent WHERE enabled),
  (SELECT max(until) FROM burn_round),
  (SELECT concat(count(*), ':', sum(contract_id), ':', sum(extract(epoch FROM until)))
   FROM burn_progress WHERE until IS NOT NULL),
  (SELECT concat(count(*), ':', max(changed_at)) FROM alarm_rule WHERE enabled),
  (SELECT concat(count(*), ':', max(changed_at)) FROM alarm_override),
  (SELECT concat(count(*), ':', max(changed_at)) FROM alarm_rule))
"""


def has_news(session: Session, now: dt.datetime) -> bool:
    """Whether a round has anything to do: samples, polls or rules are new, or an open alarm becomes
    silent or loud, or comes to the next step of its escalation. A few sums over one row a series,
    device and agent; last, where a policy is on, all open alarms that nobody has acknowledged."""
    done = session.scalar(select(AlarmRound.marks))
    return done != _read_marks(session) or _is_turning(session, now) or has_due_steps(session, now)


def _read_marks(session: Session) -> str:
    return str(session.scalar(text(_MARKS)))


def _is_turning(session: Session, now: dt.datetime) -> bool:
    works = exists().where(
        Maintenance.state.in_(SILENCING_STATES),
        Maintenance.starts_at <= now,
        Maintenance.ends_at > now,
    )
    waiting = and_(is_loud(now), Alarm.notified_at.is_(None))
    open_ones = select(Alarm.id).where(
        Alarm.cleared_at.is_(None), or_(Alarm.silenced_by.is_not(None), waiting, works)
    )
    return bool(session.scalar(select(open_ones.exists())))


def run_round(
    session: Session,
    settings: Settings,
    now: dt.datetime,
    store: SampleStore | None = None,
) -> RoundReport:
    """Evaluate what is new, silence, find causes, open incidents, tell, escalate. In the caller's
    transaction."""
    wait_for_round(session)
    marks = _read_marks(session)
    evaluated = marks != session.scalar(select(AlarmRound.marks))
    found = Evaluation()
    if evaluated:
        began = time.monotonic()
        found = evaluate(session, now, store)
        _note_round(session, now, marks, round((time.monotonic() - began) * 1000), found)
    open_ones = find_open(session)
    before = [alarm.silenced_by for alarm in open_ones]
    silence(session, open_ones, now)
    session.flush()
    is_turning = before != [alarm.silenced_by for alarm in open_ones]
    if found.raised or found.ended or is_turning or has_orphans(session, open_ones, now):
        put_under_roots(session, open_ones, now)
    do_by_rule(session, open_ones, now)
    queued = tell_alarms(session, settings, found.ended, now) + escalate(session, settings, now)
    return RoundReport(evaluated, found.subjects, len(found.raised), len(found.ended), len(queued))


def _note_round(
    session: Session, now: dt.datetime, marks: str, took_ms: int, found: Evaluation
) -> None:
    row = {
        "id": 1, "at": now, "marks": marks, "took_ms": took_ms, "subjects": found.subjects,
        "burned": write_span(found.burned),
    }  # fmt: skip
    statement = insert(AlarmRound).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


def read_round(session: Session) -> RoundRow | None:
    """None before the first one."""
    row = session.execute(
        select(AlarmRound.at, AlarmRound.took_ms, AlarmRound.subjects)
    ).one_or_none()
    return None if row is None else RoundRow(*row)
