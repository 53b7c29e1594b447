"""The work that is carried out by workers, on any machine that reaches PostgreSQL."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import procrastinate
import structlog
from procrastinate import exceptions as queue_errors
from procrastinate import jobs as queue_jobs
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.rounds import run_round
from dcim.alarms.trying import carry_out_trial
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import KEEP_ALIVE, SessionFactory, transaction
from dcim.kinds import BY_NAME
from dcim.metering.maintenance import MaintenanceReport
from dcim.metering.store import PostgresSampleStore
from dcim.observability import work_on
from dcim.outbox.delivering import deliver_due
from dcim.probing.prober import probe_targets
from dcim.queue_serving import serve_until_stopped
from dcim.records.imports import carry_on
from dcim.records.purging import purge_kept
from dcim.sla.incidents import derive_recent
from dcim.sla.power_rounds import measure_power
from dcim.sla.traffic_rounds import measure_traffic
from dcim.sla.usage_rounds import measure_usage
from dcim.snmp.discovery.checking import check_agents
from dcim.snmp.polling.outages import OutageBridge
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.statements.burn_rounds import measure_burns
from dcim.statements.files import produce_file
from dcim.statements.models import Statement
from dcim.statements.risk_rounds import measure_risks
from dcim.statements.sending import open_channels

log = structlog.get_logger(__name__)

# Queues apart: neither polling nor probing nor alarms ever share a process with PDF rendering.
POLL, PROBE, WATCH, BILL, REPORT, MAIL, CARE = QUEUES = (
    "poll",
    "probe",
    "watch",
    "bill",
    "report",
    "mail",
    "care",
)

HEARTBEAT_S = 5.0
# A worker that hasn't been heard of for so long is dead; its jobs go back to the queue.
STALLED_AFTER_S = 20.0
GRACE_S = 20.0
# So long a worker waits for a connection to its queue, before it holds the database for gone.
POOL_TIMEOUT_S = 10.0
# Failed jobs stay visible for two weeks; done ones are deleted at once.
KEEP_FAILED_H = 14 * 24


class StatementsFailedError(Exception):
    """Some contracts' statements of a month; the others are issued."""


@dataclass(slots=True)
class Workplace:
    """What tasks work with. `issue_statements(workplace, "2026-10", False)` issues what is due of a
    period, with True all of it, idempotently, and says what it did; the CLI that starts the worker
    provides it."""

    settings: Settings
    sessions: SessionFactory
    issue_statements: Callable[["Workplace", str, bool], Mapping[str, object]] | None = None
    polling: PollingRoom = field(init=False)

    def __post_init__(self) -> None:
        self.polling = PollingRoom(self.settings, self.sessions)


def plain_url(url: str) -> str:
    """SQLAlchemy's URL as libpq reads it. Holds a password: never log it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_app(url: str, *, pool_size: int = 8) -> procrastinate.App:
    """The queue's app on this database, knowing every task."""
    connector = procrastinate.PsycopgConnector(
        conninfo=plain_url(url),
        min_size=1,
        max_size=pool_size,
        timeout=POOL_TIMEOUT_S,
        kwargs=dict(KEEP_ALIVE),
    )
    app = procrastinate.App(connector=connector)
    retried = procrastinate.RetryStrategy(max_attempts=6, exponential_wait=4)
    app.task(name="poll_shard", queue=POLL, pass_context=True)(_poll_shard)
    app.task(name="probe_shard", queue=PROBE, pass_context=True)(_probe_shard)
    app.task(name="issue_statements", queue=BILL, retry=retried, pass_context=True)(
        _issue_statements
    )
    app.task(name="print_statement", queue=BILL, retry=retried, pass_context=True)(_print_statement)
    app.task(name="maintain_samples", queue=CARE, retry=retried, pass_context=True)(
        _maintain_samples
    )
    app.task(name="check_agents", queue=CARE, pass_context=True)(_check_agents)
    app.task(name="derive_incidents", queue=CARE, pass_context=True)(_derive_incidents)
    app.task(name="measure_burns", queue=CARE, pass_context=True)(_measure_burns)
    app.task(name="measure_risks", queue=CARE, pass_context=True)(_measure_risks)
    app.task(name="measure_usage", queue=CARE, pass_context=True)(_measure_usage)
    app.task(name="measure_traffic", queue=CARE, pass_context=True)(_measure_traffic)
    app.task(name="measure_power", queue=CARE, pass_context=True)(_measure_power)
    app.task(name="watch_alarms", queue=WATCH, pass_context=True)(_watch_alarms)
    app.task(name="try_alarm_rule", queue=CARE, retry=retried, pass_context=True)(_try_alarm_rule)
    app.task(name="deliver_messages", queue=MAIL, pass_context=True)(_deliver_messages)
    app.task(name="import_sheet", queue=CARE, retry=retried, pass_context=True)(_import_sheet)
    app.task(name="purge_deleted", queue=CARE, retry=retried, pass_context=True)(_purge_deleted)
    return app


def _workplace(context: procrastinate.JobContext) -> Workplace:
    found = context.additional_context["workplace"]
    if not isinstance(found, Workplace):
        raise TypeError("the worker was started without a workplace")
    return found


async def _poll_shard(
    context: procrastinate.JobContext, *, shard: int, agent_ids: list[int] | None = None
) -> None:
    with work_on(f"job-{context.job.id}"):
        room = _workplace(context).polling
        await room.carry_through(poll_shard(room, shard, agent_ids))


async def _probe_shard(context: procrastinate.JobContext, *, target_ids: list[int]) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        await probe_targets(workplace.settings, workplace.sessions, target_ids)


def _issue_statements(
    context: procrastinate.JobContext, *, period: str, everyone: bool = False
) -> None:
    """`everyone`: also contracts that state a later day, as a person asked for."""
    workplace = _workplace(context)
    if workplace.issue_statements is None:
        raise RuntimeError("this worker was started without the statement service")
    with work_on(f"job-{context.job.id}"):
        outcome = workplace.issue_statements(workplace, period, everyone)
        with transaction(workplace.sessions, Scope.system("issue-statements")) as session:
            finish_run(session, "issue-statements", period, outcome)
        if failed := outcome.get("failed"):
            # Tried again later: what is issued stays, what failed may have been mended.
            raise StatementsFailedError(f"of {period} could not be issued: {failed}")


def _print_statement(context: procrastinate.JobContext, *, statement_id: int) -> None:
    """The PDF of a revision, which was frozen and booked when it was accepted."""
    workplace, scope = _workplace(context), Scope.system("print-statement")
    with (
        work_on(f"job-{context.job.id}"),
        transaction(workplace.sessions, scope) as session,
    ):
        statement = session.get_one(Statement, statement_id)
        file = produce_file(session, scope, workplace.settings, statement)
        log.info("statement printed", number=statement.number, pages=file.pages)


async def _maintain_samples(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)

    def maintain() -> MaintenanceReport:
        with workplace.sessions() as session:
            session.use_scope(Scope.system("maintain-samples"))
            return PostgresSampleStore().maintain(session, time.time_ns() // 1_000_000)

    with work_on(f"job-{context.job.id}"):
        report = await asyncio.to_thread(maintain)
        await context.app.job_manager.delete_old_jobs(
            nb_hours=KEEP_FAILED_H, include_failed=True, include_cancelled=True
        )
        log.info(
            "samples maintained",
            blocks=report.blocks,
            samples=report.samples,
            expired_months=report.expired_months,
            busy=report.busy,
        )


async def _check_agents(context: procrastinate.JobContext, *, agent_ids: list[int]) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        reports = await check_agents(
            workplace.settings,
            workplace.sessions,
            agent_ids,
            catalogue=workplace.polling.catalogue,
        )
        log.info(
            "agents checked",
            agents=len(reports),
            failed=sum(bool(one.problem) for one in reports),
            new=sum(one.new for one in reports),
        )


def _derive_incidents(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        derive_recent(workplace.sessions, time.time_ns() // 1_000_000)


def _measure_burns(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        report = measure_burns(workplace.sessions, interval_s=workplace.settings.poll_interval_s)
        if report.judged or report.failed:
            log.info("burned budgets measured", **asdict(report))


def _measure_risks(context: procrastinate.JobContext, *, contract_ids: list[int]) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        report = measure_risks(
            workplace.sessions, contract_ids, interval_s=workplace.settings.poll_interval_s
        )
        log.info("credits at risk measured", first=contract_ids[0], **asdict(report))


def _measure_usage(context: procrastinate.JobContext, *, contract_ids: list[int]) -> None:
    with work_on(f"job-{context.job.id}"):
        report = measure_usage(_workplace(context).sessions, contract_ids)
        log.info("usage measured", first=contract_ids[0], **asdict(report))


def _measure_traffic(context: procrastinate.JobContext) -> None:
    with work_on(f"job-{context.job.id}"):
        report = measure_traffic(_workplace(context).sessions)
        log.info("traffic added up", **asdict(report))


def _measure_power(context: procrastinate.JobContext) -> None:
    with work_on(f"job-{context.job.id}"):
        report = measure_power(_workplace(context).sessions)
        log.info("power added up", **asdict(report))


async def _watch_alarms(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)

    def watch() -> None:
        with transaction(workplace.sessions, Scope.system("alarms")) as session:
            report = run_round(session, workplace.settings, utc_now())
            if report.queued:
                # Sent at once, not at the outbox's next beat.
                defer_deliveries(session)
        if report.raised or report.ended:
            log.info("alarms", raised=report.raised, ended=report.ended, queued=report.queued)

    with work_on(f"job-{context.job.id}"):
        await asyncio.to_thread(watch)


def _try_alarm_rule(context: procrastinate.JobContext, *, trial_id: int) -> None:
    with work_on(f"job-{context.job.id}"):
        state = carry_out_trial(_workplace(context).sessions, trial_id)
        log.info("rule of alarms tried", trial=trial_id, state=state)


def _deliver_messages(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)
    with work_on(f"job-{context.job.id}"):
        report = deliver_due(
            workplace.sessions,
            open_channels(workplace.settings, workplace.sessions),
            stop=context.should_abort,
        )
        log.info(
            "messages delivered",
            sent=report.sent,
            put_off=report.put_off,
            given_up=report.given_up,
        )


def _import_sheet(context: procrastinate.JobContext, *, run_id: int, write: bool = False) -> None:
    """`write`: nobody looks at the check's outcome first; what is sound is written at once."""
    with work_on(f"job-{context.job.id}"):
        state = carry_on(_workplace(context).sessions, BY_NAME, run_id, write=write)
        log.info("sheet imported", run=run_id, state=state)


def _purge_deleted(context: procrastinate.JobContext) -> None:
    workplace = _workplace(context)
    with (
        work_on(f"job-{context.job.id}"),
        transaction(workplace.sessions, Scope.system("purge-deleted")) as session,
    ):
        purged = purge_kept(session)
        log.info(
            "old records forgotten",
            deletions=purged.deletions,
            answers=purged.answers,
            imports=purged.imports,
        )


# -- putting work on the queue -------------------------------------------------------------------

# Knows no address and opens nothing: every job is deferred on the caller's own connection.
_deferrer = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def defer(
    session: Session,
    task: str,
    *,
    queue: str,
    lock: str | None = None,
    queueing_lock: str | None = None,
    priority: int = 0,
    **arguments: Any,
) -> int | None:
    """Queue a job in the session's transaction: it exists when that commits, and only then.

    None when a job with the same `queueing_lock` waits already.
    """
    try:
        with session.begin_nested():
            # Taken inside: the savepoint is set when the session first reaches for its connection.
            driver = session.connection().connection.driver_connection
            return _deferrer.configure_task(
                task,
                allow_unknown=True,
                queue=queue,
                lock=lock,
                queueing_lock=queueing_lock,
                priority=priority,
                connection=driver,
            ).defer(**arguments)
    except queue_errors.AlreadyEnqueued:
        return None


def defer_check(session: Session, agent_id: int) -> bool:
    """Have one agent compared with the inventory soon. False: that waits to be done already."""
    job = defer(
        session,
        "check_agents",
        queue=CARE,
        queueing_lock=f"check-agent:{agent_id}",
        priority=1,
        agent_ids=[agent_id],
    )
    return job is not None


def defer_print(session: Session, statement_id: int) -> bool:
    """Have a frozen statement's PDF made soon. False: that waits to be done already."""
    job = defer(
        session,
        "print_statement",
        queue=BILL,
        queueing_lock=f"print-statement:{statement_id}",
        priority=1,
        statement_id=statement_id,
    )
    return job is not None


def defer_trial(session: Session, trial_id: int) -> bool:
    """Have a rule of alarms tried on history soon."""
    job = defer(
        session,
        "try_alarm_rule",
        queue=CARE,
        queueing_lock=f"try-alarm-rule:{trial_id}",
        priority=1,
        trial_id=trial_id,
    )
    return job is not None


def defer_deliveries(session: Session) -> bool:
    """Have all that is due sent; False when that waits to be done already."""
    name = "deliver-messages"
    job = defer(session, "deliver_messages", queue=MAIL, lock=name, queueing_lock=name)
    return job is not None


def claim_run(session: Session, job: str, key: str) -> bool:
    """Whether this (job, key) is new. Of any number of callers exactly one gets True."""
    claimed = session.execute(
        text(
            "INSERT INTO job_run (job, key, started_at) VALUES (:job, :key, now())"
            " ON CONFLICT DO NOTHING RETURNING 1"
        ),
        {"job": job, "key": key},
    )
    return claimed.scalar() is not None


def finish_run(session: Session, job: str, key: str, outcome: Mapping[str, object]) -> None:
    session.execute(
        text(
            "INSERT INTO job_run (job, key, started_at, finished_at, outcome)"
            " VALUES (:job, :key, now(), now(), CAST(:outcome AS jsonb))"
            " ON CONFLICT (job, key) DO UPDATE SET finished_at = excluded.finished_at,"
            " outcome = excluded.outcome"
        ),
        {"job": job, "key": key, "outcome": json.dumps(dict(outcome), default=str)},
    )


# -- running and looking after workers -------------------------------------------------------------


async def work(
    url: str,
    workplace: Workplace,
    queues: Sequence[str],
    *,
    concurrency: int = 4,
    name: str = "worker",
    wait: bool = True,
) -> None:
    """Carry out jobs until SIGTERM or SIGINT; with `wait=False` until none is left.

    With `wait` it outlives the database: it joins the queue again when that answers, and until
    then keeps polling what it polled before.
    """
    unknown = sorted(set(queues) - set(QUEUES))
    if unknown:
        raise ValueError(f"no queue is called {', '.join(unknown)}; there are {', '.join(QUEUES)}")

    async def serve() -> None:
        app = make_app(url, pool_size=concurrency + 4)
        try:
            await app.open_async()
            await app.run_worker_async(
                queues=list(queues),
                concurrency=concurrency,
                name=name,
                wait=wait,
                delete_jobs="successful",
                additional_context={"workplace": workplace},
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_AFTER_S,
                shutdown_graceful_timeout=GRACE_S,
                install_signal_handlers=False,
            )
        finally:
            await app.close_async()

    try:
        if wait:
            beside = [OutageBridge(workplace.polling).run()] if POLL in queues else []
            await serve_until_stopped(plain_url(url), serve, beside)
        else:
            await serve()
    finally:
        await workplace.polling.close()


def run_worker(
    url: str, workplace: Workplace, queues: Sequence[str], *, concurrency: int = 4
) -> None:
    """`dcim worker`: blocks until it is told to stop."""
    asyncio.run(work(url, workplace, queues, concurrency=concurrency))


async def retry_stalled(url: str, *, silent_s: float = STALLED_AFTER_S) -> int:
    """Give the jobs of dead workers back to the queue. Returns how many.

    A job whose successor already waits (a poll of the next minute) is closed instead.
    """
    app = make_app(url, pool_size=1)
    found = 0
    async with app.open_async():
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_s):
            found += 1
            try:
                await app.job_manager.retry_job(job)
            except queue_errors.UniqueViolation:
                await app.job_manager.finish_job(
                    job, status=queue_jobs.Status.FAILED, delete_job=False
                )
            log.warning("job of a dead worker taken back", job=job.id, task=job.task_name)
    return found
