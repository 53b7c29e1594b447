"""What is due when: every chime of the clock, and the jobs that it has done."""

import asyncio
import datetime as dt
import signal
from zoneinfo import ZoneInfo

import structlog
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import select

from dcim import jobs
from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.alarms.rounds import BEAT_S as ALARM_BEAT_S
from dcim.alarms.rounds import has_news
from dcim.capacity.snapshot import prune_changes
from dcim.clock import Chime, Clock, every
from dcim.config import Settings
from dcim.customers.turning import turn_day
from dcim.db import ScopedSession
from dcim.outbox.delivering import has_due
from dcim.probing.prober import BEAT_S
from dcim.probing.prober import find_due as find_due_targets
from dcim.sla.port_board import prune_board_changes
from dcim.sla.power_rounds import BEAT_S as POWER_BEAT_S
from dcim.sla.traffic_rounds import BEAT_S as TRAFFIC_BEAT_S
from dcim.sla.usage_rounds import BEAT_S as USAGE_BEAT_S
from dcim.sla.usage_rounds import plan_usage, usage_shard_of
from dcim.snmp.agents.drop_counts import prune_drops
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.discovery.checking import find_due
from dcim.snmp.traps.recording import prune_traps
from dcim.statements.burn_rounds import BEAT_S as BURN_BEAT_S
from dcim.statements.issue_times import list_moments
from dcim.statements.risk_rounds import BEAT_S as RISK_BEAT_S
from dcim.statements.risk_rounds import plan_round, shard_of
from dcim.syslog.recording import prune_syslog

log = structlog.get_logger(__name__)

# A closed month is taken up on the 1st at this hour of the operator's zone: what is due by then is
# issued, what contracts state a later time for at that time.
ISSUE_HOUR = 2
ISSUE_LATER = "issue-statements-later"
# Of a contract that states the 28th, a month waits until the next one is nearly over.
MONTHS_LATER = 3


def make_chimes(settings: Settings, url: str) -> list[Chime]:
    zone = ZoneInfo(settings.timezone)
    return [
        Chime("poll", every(settings.poll_interval_s), defer_polls),
        Chime("probe", every(BEAT_S), lambda session: defer_probes(session, _now())),
        Chime("retry-stalled", every(10), lambda session: take_back_stalled(url)),
        Chime("incidents", every(300), defer_incidents),
        Chime(
            "credit-risks",
            every(RISK_BEAT_S),
            lambda session: defer_risks(session, _now()),
            at_once=True,
        ),
        Chime("burned-budgets", every(BURN_BEAT_S), defer_burns),
        Chime("usage", every(USAGE_BEAT_S), defer_usage, at_once=True),
        Chime("traffic", every(TRAFFIC_BEAT_S), defer_traffic, at_once=True),
        Chime("power", every(POWER_BEAT_S), defer_power, at_once=True),
        Chime("alarms", every(ALARM_BEAT_S), lambda session: defer_alarms(session, _now())),
        Chime("deliver", every(10), defer_deliveries),
        Chime("discovery", every(900), lambda session: defer_checks(session, _now())),
        # Cheap when nothing is due; contracts may be in several zones, so not at one midnight.
        Chime("turn-day", every(600), lambda session: turn_day(session, Scope.system("clock"))),
        Chime("maintain-samples", CronTrigger(hour=3, minute=15, timezone=zone), defer_maintenance),
        Chime("purge-deleted", CronTrigger(hour=3, minute=45, timezone=zone), defer_purge),
        Chime("prune-capacity", CronTrigger(hour=3, minute=45, timezone=zone), prune_changes),
        Chime("prune-board", CronTrigger(hour=3, minute=45, timezone=zone), prune_board_changes),
        Chime("prune-drops", CronTrigger(hour=3, minute=45, timezone=zone), prune_drops),
        Chime(
            "prune-syslog",
            CronTrigger(hour=3, minute=45, timezone=zone),
            lambda session: prune_syslog(session, settings.syslog_in_keep_days),
        ),
        Chime(
            "prune-traps",
            CronTrigger(hour=3, minute=45, timezone=zone),
            lambda session: prune_traps(session, settings.trap_keep_days),
        ),
        # Asked every minute, not only on the 1st: a clock that was down then catches up.
        Chime(
            "issue-statements", every(60), lambda session: defer_statements(session, zone, _now())
        ),
        Chime("issue-later", every(60), lambda session: defer_later_statements(session, _now())),
    ]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def defer_polls(session: ScopedSession) -> None:
    """One job a shard; while one still waits, the tick is dropped."""
    shards = session.scalars(
        select(SnmpAgent.shard).where(SnmpAgent.enabled).distinct().order_by(SnmpAgent.shard)
    )
    for shard in shards.all():
        name = f"poll:{shard}"
        if (
            jobs.defer(
                session, "poll_shard", queue=jobs.POLL, lock=name, queueing_lock=name, shard=shard
            )
            is None
        ):
            log.warning("poll still waits: too few workers", shard=shard)


def defer_probes(session: ScopedSession, now: dt.datetime) -> int:
    """One job for each shard of targets that are due. Returns how many.

    While the same shard still waits, the beat is dropped: its round is then missing, and what it
    would have told is unknown.
    """
    deferred = 0
    for target_ids in find_due_targets(session, now.timestamp()):
        name = f"probe:{target_ids[0]}"
        if jobs.defer(
            session,
            "probe_shard",
            queue=jobs.PROBE,
            lock=name,
            queueing_lock=name,
            target_ids=target_ids,
        ):
            deferred += 1
        else:
            log.warning("probe still waits: too few workers", first=target_ids[0])
    return deferred


def defer_maintenance(session: ScopedSession) -> None:
    name = "maintain-samples"
    jobs.defer(session, "maintain_samples", queue=jobs.CARE, lock=name, queueing_lock=name)


def defer_purge(session: ScopedSession) -> None:
    """What is kept for a time only is forgotten: deleted records, answers, uploaded sheets."""
    name = "purge-deleted"
    jobs.defer(session, "purge_deleted", queue=jobs.CARE, lock=name, queueing_lock=name)


def defer_incidents(session: ScopedSession) -> None:
    name = "derive-incidents"
    jobs.defer(session, "derive_incidents", queue=jobs.CARE, lock=name, queueing_lock=name)


def defer_risks(session: ScopedSession, now: dt.datetime) -> int:
    """A job for each shard of contracts, one after the other. Returns how many.

    While a shard still waits from the round before, it is left out of this one.
    """
    deferred = 0
    for contract_ids in plan_round(session, now):
        job = jobs.defer(
            session,
            "measure_risks",
            queue=jobs.CARE,
            lock="measure-risks",
            queueing_lock=f"measure-risks:{shard_of(contract_ids)}",
            # Whoever waits for an answer goes first.
            priority=-1,
            contract_ids=contract_ids,
        )
        if job is None:
            log.warning("credits at risk still wait: too few workers", first=contract_ids[0])
        deferred += job is not None
    return deferred


def defer_burns(session: ScopedSession) -> bool:
    """One job judges what burns now; while it runs or waits, no other."""
    name = "measure-burns"
    return bool(
        jobs.defer(session, "measure_burns", queue=jobs.CARE, lock=name, queueing_lock=name)
    )


def defer_usage(session: ScopedSession) -> int:
    """A job for each shard of contracts with bandwidth, one after the other. Returns how many.

    A shard that still waits from the round before is left out: boards say as of when they are.
    """
    deferred = 0
    for contract_ids in plan_usage(session):
        deferred += bool(
            jobs.defer(
                session,
                "measure_usage",
                queue=jobs.CARE,
                lock="measure-usage",
                queueing_lock=f"measure-usage:{usage_shard_of(contract_ids)}",
                priority=-1,
                contract_ids=contract_ids,
            )
        )
    return deferred


def defer_traffic(session: ScopedSession) -> bool:
    """One job adds up lines, carriers, sites and customers; while it runs or waits, no other."""
    return bool(
        jobs.defer(
            session,
            "measure_traffic",
            queue=jobs.CARE,
            lock="measure-traffic",
            queueing_lock="measure-traffic",
            priority=-1,
        )
    )


def defer_power(session: ScopedSession) -> bool:
    """One job adds up sites and rooms; while it runs or waits, no other."""
    lock = "measure-power"
    job = jobs.defer(
        session, "measure_power", queue=jobs.CARE, lock=lock, queueing_lock=lock, priority=-1
    )
    return bool(job)


def defer_deliveries(session: ScopedSession) -> bool:
    """One job that sends all that is due; False when nothing is, or one waits already."""
    return has_due(session) and jobs.defer_deliveries(session)


def defer_alarms(session: ScopedSession, now: dt.datetime) -> bool:
    """A round of alarms when something is new; False when nothing is, or one waits already."""
    name = "watch-alarms"
    return has_news(session, now) and bool(
        jobs.defer(
            session, "watch_alarms", queue=jobs.WATCH, lock=name, queueing_lock=name, priority=1
        )
    )


def defer_checks(session: ScopedSession, now: dt.datetime) -> list[int]:
    """Compare with the inventory what wasn't for a day; a round that waits is the only one."""
    due = find_due(session, now)
    name = "check-agents"
    if due and jobs.defer(
        session, "check_agents", queue=jobs.CARE, lock=name, queueing_lock=name, agent_ids=due
    ):
        return due
    return []


def take_back_stalled(url: str) -> None:
    asyncio.run(jobs.retry_stalled(url))


def last_closed_period(now: dt.datetime, zone: ZoneInfo) -> str:
    """The newest month to issue: from 02:00 on the 1st, local time, the one before."""
    local = now.astimezone(zone)
    month = local.year * 12 + local.month - 1
    due = dt.datetime(local.year, local.month, 1, ISSUE_HOUR, tzinfo=zone)
    month -= 1 if now >= due else 2
    return _period(month)


def periods_after(last: str, newest: str) -> list[str]:
    """The months behind `last` up to `newest`, oldest first."""
    return [_period(month) for month in range(_month(last) + 1, _month(newest) + 1)]


def _period(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _month(period: str) -> int:
    year, month = period.split("-")
    return int(year) * 12 + int(month) - 1


def defer_statements(session: ScopedSession, zone: ZoneInfo, now: dt.datetime) -> list[str]:
    """Queue each closed month exactly once, also those that closed while no clock ran.

    The first clock of an installation only notes where it begins: months from before the meters
    are for a person to issue (`dcim statement issue`).
    """
    newest = last_closed_period(now, zone)
    last = session.scalars(
        select(JobRun.key)
        .where(JobRun.job == "issue-statements")
        .order_by(JobRun.key.desc())
        .limit(1)
    ).first()
    if last is None:
        jobs.finish_run(session, "issue-statements", newest, {"begins_after": newest})
        return []
    deferred = []
    for period in periods_after(last, newest):
        if jobs.claim_run(session, "issue-statements", period):
            jobs.defer(
                session, "issue_statements", queue=jobs.BILL, lock="issue-statements", period=period
            )
            deferred.append(period)
    return deferred


def defer_later_statements(session: ScopedSession, now: dt.datetime) -> list[str]:
    """Queue months that were taken up again at each later moment that a contract states, once."""
    runs = session.execute(
        select(JobRun.key, JobRun.started_at, JobRun.outcome)
        .where(JobRun.job == "issue-statements")
        .order_by(JobRun.key.desc())
        .limit(MONTHS_LATER)
    ).all()
    deferred = []
    for period, taken_up, outcome in runs:
        if "begins_after" in (outcome or {}):
            continue
        for moment in list_moments(session, period):
            key = f"{period} {moment:%Y-%m-%dT%H:%MZ}"
            if not taken_up < moment <= now or not jobs.claim_run(session, ISSUE_LATER, key):
                continue
            jobs.defer(
                session, "issue_statements", queue=jobs.BILL, lock="issue-statements", period=period
            )
            deferred.append(key)
    return deferred


def run_clock(url: str, settings: Settings) -> None:
    """`dcim clock`: blocks until SIGTERM or SIGINT."""
    clock = Clock(url, make_chimes(settings, url))
    signal.signal(signal.SIGTERM, clock.stop)
    signal.signal(signal.SIGINT, clock.stop)
    clock.run()
