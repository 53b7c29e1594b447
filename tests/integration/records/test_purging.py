"""What is kept for a time only is forgotten after it, and not before; by the daily job."""

import asyncio
import datetime as dt

from sqlalchemy import func, select

from dcim import jobs
from dcim.accounts.models import User
from dcim.accounts.people import create_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.due import defer_purge
from dcim.records.models import DeletedRecord, IdempotentAnswer, ImportRun
from dcim.records.purging import ANSWERS_KEPT, IMPORTS_KEPT, Purged, purge_kept
from tests.servers import Database

SCOPE = Scope.system("test")
SECOND = dt.timedelta(seconds=1)


def seed(session: ScopedSession, now: dt.datetime, age: dt.timedelta) -> None:
    """One of each, `age` older than the time it is kept for."""
    user = session.scalar(select(User.id)) or create_person(
        session, SCOPE, email="li@dc.example", name="Li", role="administrator", customer_id=None,
        language="zh",
    ).user.id  # fmt: skip
    key = f"k{session.scalar(select(func.count()).select_from(IdempotentAnswer))}"
    session.add_all(
        [
            DeletedRecord(
                kind="site", record_id=1, title="SH1", actor="x", rows=[],
                at=now - dt.timedelta(days=30) - age,
            ),
            IdempotentAnswer(
                user_id=user, key=key, request="0" * 64, status=201, body=b"{}", headers={},
                at=now - ANSWERS_KEPT - age,
            ),
            ImportRun(
                kind="site", file_name="x.csv", content=b"code", actor="x", state="done",
                created_at=now - IMPORTS_KEPT - age,
            ),
        ]
    )  # fmt: skip
    session.flush()


def counts(session: ScopedSession) -> list[int]:
    return [
        session.scalar(select(func.count()).select_from(model)) or 0
        for model in (DeletedRecord, IdempotentAnswer, ImportRun)
    ]


def test_each_is_forgotten_after_its_time_and_not_before(session: ScopedSession) -> None:
    now = utc_now()
    session.use_scope(SCOPE)
    seed(session, now, -60 * SECOND)
    assert purge_kept(session, now) == Purged(0, 0, 0)
    seed(session, now, SECOND)
    assert purge_kept(session, now) == Purged(1, 1, 1)
    assert counts(session) == [1, 1, 1]


def test_the_daily_job_does_it(
    settings: Settings, database: Database, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        seed(session, utc_now(), SECOND)
        defer_purge(session)
        defer_purge(session)
    workplace = jobs.Workplace(settings, sessions)
    asyncio.run(jobs.work(database.app_url, workplace, ["care"], concurrency=1, wait=False))
    with transaction(sessions, SCOPE) as session:
        assert counts(session) == [0, 0, 0]
