"""The run of a month: every contract's statement, rendered beside each other, once per contract."""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.db import SessionFactory, transaction
from dcim.errors import JifangError
from dcim.metering.store import PostgresSampleStore
from dcim.sla.incidents import derive_incidents
from dcim.sla.meters import Meters
from dcim.statements.files import check_inputs, keep_file
from dcim.statements.held_months import HeldError, say_why
from dcim.statements.issue_times import is_due, is_in_force
from dcim.statements.issuing import (
    Issued,
    describe_issued,
    freeze_statement,
    hold_back,
    month_bounds,
)
from dcim.statements.models import Statement, StatementFile
from dcim.statements.press import BrokenProcessPool, Press, open_press

log = structlog.get_logger(__name__)

# Statements frozen but not yet rendered, for each process of the press: enough that none waits.
AHEAD = 2


@dataclass(frozen=True, slots=True)
class Failed:
    """A contract whose statement could not be issued, and why."""

    contract: str
    customer: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """A contract whose month waits for approval (`HeldMonth`), and why."""

    contract: str
    customer: str
    why: str


@dataclass(slots=True)
class MonthRun:
    """What came of a month, in the order of the contracts."""

    period: str
    issued: list[Issued] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Due:
    contract_id: int
    number: str
    customer: str


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A statement that is frozen; `unsigned` is None where its file is there already."""

    due: _Due
    statement_id: int
    new: bool
    unsigned: Future[bytes] | None


Outcome = Issued | Held | Failed
Progress = Callable[[Outcome, int, int], None]
Result = TypeVar("Result")


def last_closed_month(timezone: str, now: dt.datetime | None = None) -> str:
    """The month before the one that runs now in this zone, as "2026-10"."""
    local = (now or utc_now()).astimezone(ZoneInfo(timezone))
    last = local.date().replace(day=1) - dt.timedelta(days=1)
    return f"{last:%Y-%m}"


def issue_month(
    sessions: SessionFactory,
    scope: Scope,
    settings: Settings,
    period: str | None = None,
    *,
    due_at: dt.datetime | None = None,
    customer: str | None = None,
    progress: Progress = lambda one, done, of: None,
) -> MonthRun:
    """Issue the month of every contract in force then; with `due_at` of those that are due by then,
    as their contracts state it, with `customer` (a code) of that one's. What is issued already
    stays as it is.

    Safe to kill and to run again, also twice at once: each statement is frozen, booked and given
    its file in steps that find what the step before committed. A contract that fails stops no
    other; it is told with its reason, as is one that waits for approval. Raises DBAPIError when the
    database goes away.
    """
    period = period or last_closed_month(settings.timezone)
    due = _list_due(sessions, scope, period, due_at, customer)
    run = MonthRun(period)
    meters = find_incidents(sessions, scope, settings, period)
    with open_press() as press:
        work = _Work(sessions, scope, settings, period, meters, press)
        for one in work.carry_out(due):
            if isinstance(one, Failed):
                run.failed.append(one)
            elif isinstance(one, Held):
                run.held.append(one)
            else:
                run.issued.append(one)
            done = len(run.issued) + len(run.held) + len(run.failed)
            progress(one, done, len(due))
    return run


def _list_due(
    sessions: SessionFactory,
    scope: Scope,
    period: str,
    due_at: dt.datetime | None,
    customer: str | None,
) -> list[_Due]:
    wanted = is_in_force(period)
    if customer is not None:
        wanted &= Customer.code == customer
    if due_at is not None:
        wanted &= is_due(period, due_at)
    with transaction(sessions, scope) as session:
        rows = session.execute(
            scope.apply(
                select(Contract.id, Contract.number, Customer.name)
                .join(Customer, Customer.id == Contract.customer_id)
                .where(wanted)
                .order_by(Customer.code, Contract.number),
                Contract.customer_id,
            )
        ).all()
    return [_Due(contract_id, number, name) for contract_id, number, name in rows]


@dataclass(slots=True)
class _Work:
    sessions: SessionFactory
    scope: Scope
    settings: Settings
    period: str
    meters: Meters
    press: Press

    def carry_out(self, due: list[_Due]) -> Iterator[Outcome]:
        """While one statement is frozen those before it are rendered; told in order."""
        line: deque[_UnderWay | Held | Failed] = deque()
        for one in due:
            line.append(self._guard(one, partial(self._freeze, one)))
            while len(line) > AHEAD * self.press.width or (line and _is_ready(line[0])):
                yield self._finish(line.popleft())
        while line:
            yield self._finish(line.popleft())

    def _freeze(self, due: _Due) -> _UnderWay | Held:
        try:
            return self._freeze_now(due)
        except HeldError as error:
            if not hold_back(self.sessions, self.scope, error.finding):
                # Two people were quicker.
                return self._freeze_now(due)
            log.info("statement held", contract=due.number, period=self.period)
            return Held(due.number, due.customer, say_why(error.finding))

    def _freeze_now(self, due: _Due) -> _UnderWay:
        with transaction(self.sessions, self.scope) as session:
            statement, new = freeze_statement(
                session, self.scope, self.settings, due.contract_id, self.period, self.meters
            )
            statement_id, document = statement.id, statement.document
            there = session.get(StatementFile, statement_id) is not None
            packed = b"" if there else check_inputs(statement)
        # After the commit: the frozen statement outlives a crash while rendering.
        unsigned = None if there else self.press.print(document, packed)
        return _UnderWay(due, statement_id, new, unsigned)

    def _finish(self, one: _UnderWay | Held | Failed) -> Outcome:
        if not isinstance(one, _UnderWay):
            return one
        return self._guard(one.due, partial(self._keep, one))

    def _keep(self, one: _UnderWay) -> Issued:
        unsigned = None if one.unsigned is None else one.unsigned.result()
        with transaction(self.sessions, self.scope) as session:
            statement = session.get_one(Statement, one.statement_id)
            if unsigned is not None:
                keep_file(session, self.scope, self.settings, statement, unsigned)
            return describe_issued(session, statement, one.new)

    def _guard(self, due: _Due, step: Callable[[], Result]) -> Result | Failed:
        """What the step gives, or why it failed. Without a database nothing can go on."""
        try:
            return step()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            why = str(error.orig)
        except JifangError as error:
            why = str(error)
        except BrokenProcessPool:
            why = "a process that renders died"
        except Exception as error:
            # Whatever it is, the others are to be issued.
            log.exception("statement failed", contract=due.number, period=self.period)
            return Failed(due.number, due.customer, f"{type(error).__name__}: {error}")
        log.error("statement failed", contract=due.number, period=self.period, why=why)
        return Failed(due.number, due.customer, why)


def _is_ready(one: _UnderWay | Held | Failed) -> bool:
    return not isinstance(one, _UnderWay) or one.unsigned is None or one.unsigned.done()


def find_incidents(
    sessions: SessionFactory, scope: Scope, settings: Settings, period: str
) -> Meters:
    """Derive the month's incidents from all that was measured, whatever the periodic job missed.

    Returns what was read for it: the contracts of the month are judged by the same.
    """
    first, after = month_bounds(period)
    zone = ZoneInfo(settings.timezone)
    # A day around: contracts may count their month in another zone.
    start = dt.datetime.combine(first, dt.time(), zone) - dt.timedelta(days=1)
    end = min(dt.datetime.combine(after, dt.time(), zone) + dt.timedelta(days=1), utc_now())
    with transaction(sessions, scope) as session:
        low, high = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
        store = PostgresSampleStore()
        meters = Meters(session, store, low, high)
        derive_incidents(session, store, low, high, meters=meters)
    return meters
