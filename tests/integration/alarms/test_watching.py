"""From the clock's beat to the mail in the outbox, by the queue; and two rounds at once."""

import asyncio
import dataclasses
import datetime as dt
import threading

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from dcim import jobs
from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm, AlarmRule, AlarmTrial
from dcim.alarms.rounds import run_round
from dcim.alarms.rule_keeping import add_recipient
from dcim.alarms.trying import ask_trial
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.due import defer_alarms
from dcim.outbox.models import OutboxMessage
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.waiting import wait_for_blocked
from tests.servers import Database


def work(database: Database, watch: Watch, sessions: SessionFactory, *queues: str) -> None:
    workplace = jobs.Workplace(watch.settings, sessions)
    asyncio.run(jobs.work(database.app_url, workplace, queues, wait=False))


def test_a_beat_raises_and_the_mail_is_sent_at_once(
    watch: Watch, sessions: SessionFactory, clean_database: Database
) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "major")
    watch.sample(0.01, state=2)  # just now
    with transaction(sessions, STAFF) as session:
        assert defer_alarms(session, utc_now())
        assert not defer_alarms(session, utc_now())  # one waits already
    work(clean_database, watch, sessions, jobs.WATCH)
    [alarm] = watch.alarms()
    assert alarm.seen_at - alarm.raised_at < dt.timedelta(seconds=60)
    assert watch.session.scalar(select(func.count()).select_from(OutboxMessage)) == 1
    waiting = watch.session.execute(
        text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")
    )
    assert waiting.scalars().all() == ["deliver_messages"]
    with transaction(sessions, STAFF) as session:
        assert not defer_alarms(session, utc_now())  # nothing is new


def test_a_test_on_history_is_carried_out_by_a_worker(
    watch: Watch, sessions: SessionFactory, clean_database: Database
) -> None:
    rule = watch.session.scalars(select(AlarmRule).where(AlarmRule.code == "port-down")).one()
    trial = ask_trial(watch.session, STAFF, rule_of(rule), watch.at(-60), watch.at(0))
    assert jobs.defer_trial(watch.session, trial.id)
    watch.session.commit()
    work(clean_database, watch, sessions, jobs.CARE)
    watch.session.expire_all()
    assert watch.session.scalars(select(AlarmTrial.state)).all() == ["done"]


@pytest.mark.parametrize("guarded", [True, False])
def test_of_two_rounds_at_once_the_second_waits(
    watch: Watch,
    sessions: SessionFactory,
    guarded: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And finds what the first one did. Without the lock it would run into the index."""
    watch.sample(1, state=2)
    settings = dataclasses.replace(watch.settings, smtp_host="")
    if not guarded:
        monkeypatch.setattr("dcim.alarms.handling.ROUND_LOCK", None)
    found: list[object] = []

    def second() -> None:
        try:
            with transaction(sessions, STAFF) as session:
                found.append(run_round(session, settings, watch.at(1.2)).raised)
        except IntegrityError as error:
            found.append(type(error))

    with transaction(sessions, STAFF) as session:
        assert run_round(session, settings, watch.at(1.1)).raised == 1
        other = threading.Thread(target=second)
        other.start()
        # On the round's lock, or where there is none on the row that isn't committed yet.
        wait_for_blocked(session)
        assert other.is_alive()
    other.join(30)
    assert found == ([0] if guarded else [IntegrityError])
    assert watch.session.scalar(select(func.count()).select_from(Alarm)) == 1
