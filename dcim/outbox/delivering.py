"""Sending what is due: each message by itself, at least once, in nobody's way.

A message is taken (`sending`, committed), given to its channel without a transaction, and settled
(`sent`, committed). Who dies in between leaves it `sending`; after LEASE it is taken again. So a
message arrives twice only if its sender dies, or loses the database, between the other side's
yes and the commit, or if that yes is lost on the wire. It then carries the same delivery id.

An endpoint that takes so many messages a minute and no more is given no more (`pacing`): the others
wait in the queue, due and untouched, and whatever goes elsewhere passes them by.
"""

import contextvars
import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.outbox.backoff import MOST_ATTEMPTS, wait_after
from dcim.outbox.channels import Channel, Outgoing, UndeliveredError
from dcim.outbox.models import Endpoint, OutboxMessage
from dcim.outbox.pacing import PACES, book

log = structlog.get_logger(__name__)

# Longer than any channel takes (`mail.LONGEST_S`): who holds a message past it is dead.
LEASE = dt.timedelta(minutes=20)
# Sent side by side, so that one slow server keeps the others from nothing.
LANES = 4
# How often an idle lane looks again while another is busy: what comes then doesn't wait for it.
IDLE_S = 0.25
# An endpoint that is ready again so soon is waited for; for others the next job comes back.
SOON = dt.timedelta(seconds=1)
# Messages a lane sends before the job ends and another may take its place in the queue.
ENOUGH = 250
SCOPE = Scope.system("deliver-messages")
LONGEST_DETAIL = 255


@dataclass(slots=True)
class DeliveryReport:
    sent: int = 0
    put_off: int = 0
    given_up: int = 0

    def add(self, other: "DeliveryReport") -> None:
        self.sent += other.sent
        self.put_off += other.put_off
        self.given_up += other.given_up


def has_due(session: Session) -> bool:
    """Whether a message waits to be sent, or was left behind by who sent it."""
    return _is_any_ready(session, utc_now())


def _is_any_ready(session: Session, now: dt.datetime) -> bool:
    found = session.scalar(
        select(OutboxMessage.id)
        .outerjoin(Endpoint, Endpoint.id == OutboxMessage.endpoint_id)
        .where(_is_due(now), _is_ready(now))
        .limit(1)
    )
    return found is not None


def deliver_due(
    sessions: SessionFactory,
    channels: Mapping[str, Channel],
    *,
    lanes: int = LANES,
    stop: Callable[[], bool] = lambda: False,
) -> DeliveryReport:
    """Send what is due now, until nothing is or `stop` says so. Safe beside others that do too.

    Raises DBAPIError when the database goes away; what was being sent is then looked at again
    after LEASE.
    """
    report, work = DeliveryReport(), _Work(sessions, channels, stop)
    with ThreadPoolExecutor(lanes, thread_name_prefix="deliver") as pool:
        running = [pool.submit(contextvars.copy_context().run, work.run_lane) for _ in range(lanes)]
    for lane in running:
        report.add(lane.result())
    return report


@dataclass(slots=True)
class _Work:
    """What the lanes share; `busy` of them have a message under their hands."""

    sessions: SessionFactory
    channels: Mapping[str, Channel]
    stop: Callable[[], bool]
    busy: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def run_lane(self) -> DeliveryReport:
        report = DeliveryReport()
        for _ in range(ENOUGH):
            message = self._take_next()
            if message is None:
                break
            try:
                fault, note = _try(self.channels, message)
                settle(self.sessions, message, fault, report, note=note)
            finally:
                self._count(-1)
        return report

    def _take_next(self) -> Outgoing | None:
        """Counted as busy with what it gives. Nothing is left once no lane is busy, and no endpoint
        is ready again in a moment."""
        while not self.stop():
            # Before it is taken: who finds it gone must find this lane busy.
            self._count(1)
            message = None
            try:
                message = take_due(self.sessions)
            finally:
                if message is None:
                    self._count(-1)
            if message is not None or not (self.busy or self._is_soon()):
                return message
            time.sleep(IDLE_S)
        return None

    def _is_soon(self) -> bool:
        with transaction(self.sessions, SCOPE) as session:
            return _is_any_ready(session, utc_now() + SOON)

    def _count(self, step: int) -> None:
        with self.turn:
            self.busy += step


def take_due(sessions: SessionFactory) -> Outgoing | None:
    """The message that waits longest of those whose endpoint is ready, marked as being sent; None
    when nothing is due."""
    while True:
        with transaction(sessions, SCOPE) as session:
            now = utc_now()
            row = session.scalar(
                select(OutboxMessage)
                .outerjoin(Endpoint, Endpoint.id == OutboxMessage.endpoint_id)
                .where(_is_due(now), _is_ready(now))
                .order_by(OutboxMessage.next_at, OutboxMessage.id)
                .limit(1)
                .with_for_update(skip_locked=True, of=OutboxMessage)
            )
            if row is None:
                return None
            if _book(session, row, now):
                return _take(row, now)


def _book(session: Session, row: OutboxMessage, now: dt.datetime) -> bool:
    """Whether its endpoint takes it now; False when another lane was quicker."""
    pace = PACES.get(row.channel)
    if pace is None:
        return True
    endpoint = _lock_endpoint(session, row)
    if endpoint.ready_at is not None and endpoint.ready_at > now:
        return False
    endpoint.ready_at = book(pace, endpoint.ready_at, now)
    return True


def _lock_endpoint(session: Session, row: OutboxMessage) -> Endpoint:
    """Against other lanes, not against deeds: each message that they queue refers to the row until
    they commit."""
    return session.get_one(Endpoint, row.endpoint_id, with_for_update={"key_share": True})


def _take(row: OutboxMessage, now: dt.datetime) -> Outgoing:
    row.state, row.attempts, row.next_at = "sending", row.attempts + 1, now + LEASE
    return Outgoing(
        id=row.id,
        attempt=row.attempts,
        channel=row.channel,
        event=row.event,
        recipient=row.recipient,
        customer_id=row.customer_id,
        statement_id=row.statement_id,
        endpoint_id=row.endpoint_id,
        title=row.title,
        text=row.text,
        attach=row.attach,
        payload=row.payload,
        delivery_id=row.delivery_id,
        created_at=row.created_at,
        user_id=row.user_id,
    )


def _is_ready(now: dt.datetime) -> ColumnElement[bool]:
    return or_(Endpoint.ready_at.is_(None), Endpoint.ready_at <= now)


def _is_due(now: dt.datetime) -> ColumnElement[bool]:
    return OutboxMessage.state.in_(("queued", "sending")) & (OutboxMessage.next_at <= now)


def _try(
    channels: Mapping[str, Channel], message: Outgoing
) -> tuple[UndeliveredError | None, str | None]:
    """No error when it was delivered, with what its channel notes of that. Whatever goes wrong is
    this message's own matter."""
    if message.attempt > MOST_ATTEMPTS:
        # Every sender died of it, or was killed: it isn't sent once more.
        return UndeliveredError("crashed", final=True), None
    try:
        return None, channels[message.channel].deliver(message)
    except UndeliveredError as error:
        return error, None
    except Exception as error:
        log.exception("message stumbled", message=message.id, channel=message.channel)
        return UndeliveredError("crashed", type(error).__name__), None


def settle(
    sessions: SessionFactory,
    message: Outgoing,
    fault: UndeliveredError | None,
    report: DeliveryReport,
    *,
    note: str | None = None,
) -> None:
    """Write down what came of the attempt."""
    with transaction(sessions, SCOPE) as session:
        row = session.get_one(OutboxMessage, message.id, with_for_update=True)
        if row.state == "sent":
            return
        now = utc_now()
        if fault is None:
            # Whoever may hold it by now: it is there.
            row.state, row.sent_at, row.fault, row.detail = "sent", now, note or "", ""
            report.sent += 1
            log.info("message sent", message=row.id, channel=row.channel, attempt=message.attempt)
            return
        if row.state != "sending" or row.attempts != message.attempt:
            return  # outlived its lease: another has it now
        wait_s = None if fault.final else wait_after(message.attempt)
        if fault.hold_s:
            _hold(session, row, now + dt.timedelta(seconds=fault.hold_s))
        row.fault, row.detail = fault.fault, _shorten(fault.detail)
        if wait_s is None:
            row.state = "failed"
            report.given_up += 1
        else:
            row.state, row.next_at = "queued", now + dt.timedelta(seconds=wait_s)
            report.put_off += 1
        log.warning(
            "message not sent",
            message=row.id,
            channel=row.channel,
            attempt=message.attempt,
            state=row.state,
            fault=fault.fault,
        )


def _hold(session: Session, row: OutboxMessage, until: dt.datetime) -> None:
    """Its endpoint has enough: nothing is sent there before."""
    endpoint = _lock_endpoint(session, row)
    endpoint.ready_at = until if endpoint.ready_at is None else max(until, endpoint.ready_at)


def _shorten(detail: str) -> str:
    """The other side's words on one line: no control characters, no longer than there is room."""
    printable = "".join(one if one.isprintable() else " " for one in detail)
    return " ".join(printable.split())[:LONGEST_DETAIL]
