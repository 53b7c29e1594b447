"""The queue: jobs commit with the rows that cause them, and outlive the worker that held them."""

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from dcim import jobs
from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.due import (
    defer_later_statements,
    defer_polls,
    defer_statements,
    last_closed_period,
    periods_after,
)
from dcim.inventory.models import Device, DeviceType
from tests.servers import Database

SHANGHAI = ZoneInfo("Asia/Shanghai")


def queued(session: ScopedSession) -> list[tuple[str, str]]:
    rows = session.execute(
        text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")
    )
    found = [(name, status) for name, status in rows]
    session.rollback()
    return found


def test_a_job_exists_only_when_its_transaction_commits(session: ScopedSession) -> None:
    jobs.defer(session, "maintain_samples", queue=jobs.CARE)
    session.rollback()
    assert queued(session) == []
    assert jobs.defer(session, "maintain_samples", queue=jobs.CARE) is not None
    session.commit()
    assert queued(session) == [("maintain_samples", "todo")]


def test_a_waiting_job_drops_the_next_tick_and_spares_the_transaction(
    session: ScopedSession,
) -> None:
    first = jobs.defer(session, "poll_shard", queue=jobs.POLL, queueing_lock="poll:1", shard=1)
    second = jobs.defer(session, "poll_shard", queue=jobs.POLL, queueing_lock="poll:1", shard=1)
    other = jobs.defer(session, "poll_shard", queue=jobs.POLL, queueing_lock="poll:2", shard=2)
    session.commit()
    assert first is not None
    assert second is None
    assert other is not None
    assert len(queued(session)) == 2


def test_only_one_of_many_claims_a_run(sessions: SessionFactory) -> None:
    claims = []
    for _ in range(3):
        with transaction(sessions, Scope.system("test")) as session:
            claims.append(jobs.claim_run(session, "issue-statements", "2026-10"))
    assert claims == [True, False, False]


@pytest.mark.parametrize(
    ("now", "period"),
    [
        ("2026-11-01T01:59:59+08:00", "2026-09"),
        ("2026-11-01T02:00:00+08:00", "2026-10"),
        ("2026-11-30T23:00:00+08:00", "2026-10"),
        ("2027-01-01T01:00:00+08:00", "2026-11"),
        ("2027-01-01T02:00:00+08:00", "2026-12"),
    ],
)
def test_a_month_is_due_at_two_on_the_first_in_the_operators_zone(now: str, period: str) -> None:
    assert last_closed_period(dt.datetime.fromisoformat(now), SHANGHAI) == period


def test_months_between() -> None:
    assert periods_after("2026-10", "2027-01") == ["2026-11", "2026-12", "2027-01"]
    assert periods_after("2026-10", "2026-10") == []


def test_each_month_is_queued_once_also_after_downtime(session: ScopedSession) -> None:
    def at(day: str) -> list[str]:
        now = dt.datetime.fromisoformat(f"{day}T03:00:00+08:00")
        with session.begin():
            return defer_statements(session, SHANGHAI, now)

    assert at("2026-08-15") == []  # the first clock ever: nothing before it is its to issue
    assert at("2026-08-31") == []
    assert at("2026-09-01") == ["2026-08"]
    assert at("2026-09-01") == []
    assert at("2026-12-24") == ["2026-09", "2026-10", "2026-11"]
    assert at("2026-12-24") == []
    assert queued(session) == [("issue_statements", "todo")] * 4


def test_a_month_is_queued_again_when_a_contract_states_a_later_time(
    session: ScopedSession,
) -> None:
    def at(text: str) -> list[str]:
        now = dt.datetime.fromisoformat(text)
        with session.begin():
            defer_statements(session, SHANGHAI, now)
            # Claimed by the database's clock, which the test turns back.
            session.execute(
                update(JobRun).where(JobRun.key == "2026-10").values(
                    started_at=dt.datetime.fromisoformat("2026-11-01T02:00:00+08:00")
                )
            )  # fmt: skip
            return defer_later_statements(session, now)

    with session.begin():
        customer = Customer(code="C", name="客户", name_en="Customer")
        session.add(customer)
        session.flush()
        for number, day, hour, zone in (
            ("HT-1", 1, 2, "Asia/Shanghai"),  # taken up with the month
            ("HT-2", 5, 9, "Asia/Shanghai"),
            ("HT-3", 5, 9, "Asia/Shanghai"),  # with it
            ("HT-4", 1, 2, "America/New_York"),
        ):
            session.add(
                Contract(
                    customer_id=customer.id, number=number, starts_on=dt.date(2026, 1, 1),
                    statement_day=day, statement_hour=hour, timezone=zone,
                )
            )  # fmt: skip
    assert at("2026-10-15T03:00:00+08:00") == []
    assert at("2026-11-01T02:00:00+08:00") == []
    assert at("2026-11-01T15:00:00+08:00") == ["2026-10 2026-11-01T07:00Z"]
    assert at("2026-11-01T15:01:00+08:00") == []
    assert at("2026-11-05T08:59:00+08:00") == []
    assert at("2026-11-05T09:00:00+08:00") == ["2026-10 2026-11-05T01:00Z"]
    assert at("2026-11-06T09:00:00+08:00") == []
    assert queued(session) == [("issue_statements", "todo")] * 3


def test_the_worker_issues_and_notes_it(
    sessions: SessionFactory, session: ScopedSession, database: Database, settings: Settings
) -> None:
    issued: list[tuple[str, bool]] = []

    def issue(workplace: jobs.Workplace, period: str, everyone: bool) -> dict[str, object]:
        issued.append((period, everyone))
        return {"issued": 3}

    workplace = jobs.Workplace(settings, sessions, issue)
    with session.begin():
        jobs.claim_run(session, "issue-statements", "2026-10")
        jobs.defer(session, "issue_statements", queue=jobs.BILL, period="2026-10")
        jobs.defer(session, "maintain_samples", queue=jobs.CARE)
        jobs.defer(session, "derive_incidents", queue=jobs.CARE)
        jobs.defer(session, "poll_shard", queue=jobs.POLL, shard=9)
    asyncio.run(jobs.work(database.app_url, workplace, ["bill", "care"], wait=False))
    assert issued == [("2026-10", False)]
    # Polling is another worker's queue; the rest is done and gone.
    assert queued(session) == [("poll_shard", "todo")]
    row = session.execute(text("SELECT key, outcome FROM job_run")).one()
    assert tuple(row) == ("2026-10", {"issued": 3})
    session.rollback()
    asyncio.run(jobs.work(database.app_url, workplace, ["poll"], wait=False))
    assert queued(session) == []
    with pytest.raises(ValueError, match="no queue"):
        asyncio.run(jobs.work(database.app_url, workplace, ["pol"], wait=False))


def test_one_poll_job_for_each_shard(session: ScopedSession) -> None:
    with session.begin():
        kind = DeviceType(manufacturer="m", model="m", height=2)
        session.add(kind)
        session.flush()
        session.add_all(Device(device_type_id=kind.id, name=f"d{n}", role="pdu") for n in (1, 2, 3))
        session.flush()
        session.execute(
            text(
                "INSERT INTO snmp_credential (name, version, context, created_at)"
                " VALUES ('c', '2c', '', now());"
                "INSERT INTO snmp_agent (device_id, credential_id, address, udp_port, shard,"
                " enabled, profile, sys_name, sys_descr, sys_object_id, last_error, silent_polls,"
                " last_check_error) SELECT d.id, c.id, '127.0.0.1', 1000 + d.id, d.id % 2,"
                " d.name <> 'd3', '', '', '', '', '', 0, '' FROM device d, snmp_credential c"
            )
        )
    for _ in range(2):
        with session.begin():
            defer_polls(session)
    shards = session.execute(text("SELECT args->>'shard' FROM procrastinate_jobs ORDER BY 1"))
    assert list(shards.scalars()) == ["0", "1"]


HANGING_WORKER = """
import asyncio, sys, time
from dcim import jobs
url = sys.stdin.readline().strip()
jobs.HEARTBEAT_S = 0.3
app = jobs.make_app(url)
@app.task(name="hang", queue="care")
async def hang():
    print("started", flush=True)
    await asyncio.sleep(600)
async def main():
    async with app.open_async():
        await app.run_worker_async(queues=["care"], update_heartbeat_interval=0.3)
asyncio.run(main())
"""


def test_jobs_of_a_killed_worker_go_back_to_the_queue(
    session: ScopedSession, database: Database
) -> None:
    with session.begin():
        jobs.defer(session, "hang", queue=jobs.CARE, lock="hang", queueing_lock="hang")
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING_WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.write(database.app_url + "\n")
        process.stdin.close()
        assert process.stdout.readline() == "started\n"
        # Control: a living worker's job is left alone.
        assert asyncio.run(jobs.retry_stalled(database.app_url, silent_s=5)) == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    finally:
        process.kill()
    assert queued(session) == [("hang", "doing")]
    session.execute(
        text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    )
    session.commit()
    assert asyncio.run(jobs.retry_stalled(database.app_url)) == 1
    assert queued(session) == [("hang", "todo")]
    # Its successor already waits: the old one is closed instead of standing in its way.
    session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    session.commit()
    with session.begin():
        assert jobs.defer(session, "hang", queue=jobs.CARE, lock="hang", queueing_lock="hang")
    assert asyncio.run(jobs.retry_stalled(database.app_url)) == 1
    assert queued(session) == [("hang", "failed"), ("hang", "todo")]
