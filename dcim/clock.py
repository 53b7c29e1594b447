"""Strikes what is due (`due`). Start as many as you like: one leads, by an advisory lock, the rest
wait."""

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession

log = structlog.get_logger(__name__)

LEADER_LOCK = 7_410_003
PING_S = 0.5
# A lost server is noticed in seconds: libpq's keep-alives, for a server that is a machine away.
_KEEP_ALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
    "options": "-c timezone=UTC",
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Chime:
    """Something due at times. `strike` runs inside a transaction on the leader's own connection.

    `at_once`: by a new leader first of all, whatever the trigger says, so that boards of slow
    rounds aren't empty or old for a beat after a start.
    """

    name: str
    trigger: BaseTrigger
    strike: Callable[[ScopedSession], object]
    at_once: bool = False


class Leadership:
    """The connection that holds the lock, and the only one that chimes write through.

    That is the fence: a clock whose connection is gone has lost the lock, and can't write either.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url, poolclass=NullPool, connect_args=_KEEP_ALIVE, hide_parameters=True
        )
        self._connection: Connection | None = None
        # Chimes strike in the scheduler's threads, pings in the main one; one at a time.
        self._turn = threading.RLock()

    @property
    def held(self) -> bool:
        return self._connection is not None

    def try_take(self) -> bool:
        with self._turn:
            connection = None
            try:
                connection = self._engine.connect()
                if self._lock(connection):
                    self._connection = connection
                    return True
            except DBAPIError as error:
                log.warning("clock can't reach the database", error=type(error.orig).__name__)
            if connection is not None:
                with suppress(DBAPIError):
                    connection.close()
            return False

    def _lock(self, connection: Connection) -> bool:
        taken = connection.execute(
            text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_LOCK}
        ).scalar_one()
        connection.commit()
        return bool(taken)

    def ping(self) -> bool:
        """Whether the lock is still ours; gives it up for lost when the connection is."""
        with self._turn:
            if self._connection is None:
                return False
            try:
                self._connection.execute(text("SELECT 1"))
                self._connection.commit()
            except DBAPIError:
                self.drop()
                return False
            return True

    def drop(self) -> None:
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(DBAPIError):
                    connection.invalidate()
                    connection.close()

    def strike(self, chime: Chime) -> None:
        with self._turn:
            if self._connection is None:
                return
            try:
                with ScopedSession(bind=self._connection) as session:
                    session.use_scope(Scope.system("clock"))
                    with session.begin():
                        chime.strike(session)
            except DBAPIError as error:
                if error.connection_invalidated:
                    self.drop()
                log.exception("chime failed", chime=chime.name)


class Clock:
    """Leads when it can; `run` blocks until `stop`."""

    def __init__(self, url: str, chimes: Sequence[Chime]) -> None:
        self.leadership = Leadership(url)
        self.chimes = chimes
        self._stopped = threading.Event()

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            if not self.leadership.try_take():
                self._stopped.wait(PING_S)
                continue
            log.info("this clock leads")
            self._lead()
        self.leadership.drop()

    def _lead(self) -> None:
        scheduler = BackgroundScheduler(
            timezone=dt.UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30},
        )
        for chime in self.chimes:
            scheduler.add_job(
                self.leadership.strike,
                chime.trigger,
                args=[chime],
                id=chime.name,
                name=chime.name,
            )
            if chime.at_once:
                # A job of its own, now and never again: triggers count on from what was last.
                scheduler.add_job(self.leadership.strike, args=[chime], name=chime.name)
        scheduler.start()
        try:
            while not self._stopped.wait(PING_S):
                if not self.leadership.ping():
                    log.warning("this clock has lost the lead")
                    return
        finally:
            scheduler.shutdown(wait=False)


def every(seconds: int) -> IntervalTrigger:
    """Aligned to the epoch, so that a new leader keeps the old one's beat."""
    return IntervalTrigger(seconds=seconds, start_date=_EPOCH, timezone=dt.UTC)
