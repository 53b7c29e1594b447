"""Tickets: opened by a customer or for it, led on, corrected with a reason; nothing is lost."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.operations.models import (
    CALL_CHANNELS,
    TICKET_KINDS,
    TICKET_TIMES,
    Ticket,
    TicketEvent,
    TicketSubject,
)
from dcim.operations.ticket_rules import (
    ACTIONS,
    Times,
    apply_action,
    are_ordered,
    find_state,
    is_past_reopening,
)
from dcim.operations.ticket_subjects import (
    EVERYTHING,
    WishedSubjects,
    choose_subjects,
    list_possible_subjects,
)
from dcim.operations.ticket_telling import tell_ticket


@dataclass(frozen=True, slots=True)
class NewTicket:
    """`opened_at`: when the call came, which only staff say; otherwise now. A customer's own
    comes by the portal; `customer_id` is staff's to say."""

    kind: str
    title: str
    text: str = ""
    urgent: bool = False
    customer_id: int | None = None
    channel: str | None = None
    opened_at: dt.datetime | None = None
    subjects: WishedSubjects = EVERYTHING


def open_ticket(
    session: Session, scope: Scope, wanted: NewTicket, now: dt.datetime | None = None
) -> Ticket:
    """Raises NotFoundError for a customer out of reach, InvalidError for what is missing or odd,
    ForbiddenError for a customer that says itself when or how it called."""
    now = now or utc_now()
    customer = _find_customer(session, scope, wanted.customer_id)
    channel = _choose_channel(scope, wanted.channel)
    if wanted.opened_at is not None and not scope.is_staff:
        raise ForbiddenError("Only staff enter when a call came.")
    opened_at = wanted.opened_at or now
    if wanted.kind not in TICKET_KINDS:
        raise InvalidError("No such kind of ticket.", {"kind": ["unknown"]})
    if not wanted.title.strip():
        raise InvalidError("Say in a few words what it is about.", {"title": ["missing"]})
    if wanted.kind == "visit" and wanted.urgent:
        raise InvalidError(
            "A visit is announced, not answered: it can't be urgent. Report a fault instead.",
            {"urgent": ["not for a visit"]},
        )
    if opened_at > now:
        raise InvalidError("A call came now or before.", {"opened_at": ["in the future"]})
    possible = list_possible_subjects(session, scope, customer.id, opened_at)
    subjects = choose_subjects(possible, wanted.subjects)
    # The number carries the id: a customer can't see how many the others have.
    ticket_id = session.scalar(select(func.nextval("ticket_id_seq")))
    year = now.astimezone(ZoneInfo(customer.timezone)).year
    ticket = Ticket(
        id=ticket_id,
        customer_id=customer.id,
        number=f"T-{year}-{ticket_id:05d}",
        kind=wanted.kind,
        urgent=wanted.urgent,
        channel=channel,
        title=wanted.title.strip(),
        text=wanted.text.strip(),
        opened_at=opened_at,
        entered_by=scope.actor[:255],
    )
    session.add(ticket)
    session.flush()
    session.add_all(
        TicketSubject(
            ticket_id=ticket.id,
            customer_id=customer.id,
            contract_item_id=row.contract_item_id,
            rack_id=row.rack_id,
            port_id=row.port_id,
        )
        for row in subjects
    )
    _note(session, scope, ticket, "open", opened_at, now)
    _record(
        session, scope, ticket, "open",
        kind=ticket.kind, urgent=ticket.urgent, channel=channel, opened_at=opened_at.isoformat(),
    )  # fmt: skip
    return ticket


def advance_ticket(
    session: Session,
    scope: Scope,
    ticket_id: int,
    action: str,
    *,
    at: dt.datetime | None = None,
    text: str = "",
    now: dt.datetime | None = None,
) -> Ticket:
    """Answer, wait for the customer, resume, resolve, close or reopen; `at` is when it was done.

    A customer closes and reopens its own, now. Raises NotFoundError, ForbiddenError,
    ConflictError where the ticket is elsewhere by now, InvalidError for a time out of order.
    """
    now = now or utc_now()
    step = ACTIONS.get(action)
    if step is None:
        raise InvalidError("No such action.", {"action": ["unknown"]})
    if not scope.is_staff and (not step.by_customer or at is not None):
        raise ForbiddenError("Only staff do this.")
    ticket = lock_ticket(session, scope, ticket_id)
    times = times_of(ticket)
    if find_state(times) not in step.states:
        raise ConflictError(
            "Ticket %(number)s is in another state by now; look at it again.",
            number=ticket.number,
        )
    done_at = at or now
    if action == "reopen" and is_past_reopening(times, done_at):
        raise ConflictError(
            "Ticket %(number)s was closed more than 7 days ago: open a new one.",
            number=ticket.number,
        )
    if step.needs_text and not text.strip():
        raise InvalidError("Say why: the customer reads it.", {"text": ["missing"]})
    if done_at > now or done_at < _find_latest(session, ticket):
        raise InvalidError(
            "What is done to a ticket comes after what was done before, and not in the future.",
            {"at": ["out of order"]},
        )
    _put_times(ticket, apply_action(times, action, done_at))
    if action == "answer":
        ticket.responded_by = scope.actor[:255]
    _note(session, scope, ticket, action, done_at, now, text)
    _record(session, scope, ticket, action, at=done_at.isoformat())
    return ticket


def comment_ticket(
    session: Session,
    scope: Scope,
    ticket_id: int,
    text: str,
    *,
    internal: bool = False,
    now: dt.datetime | None = None,
) -> TicketEvent:
    """Say something that both sides read, or staff alone. Where we waited for the customer, what
    it says ends the waiting. Raises NotFoundError, InvalidError, ForbiddenError."""
    now = now or utc_now()
    if not text.strip():
        raise InvalidError("Write something.", {"text": ["missing"]})
    if internal and not scope.is_staff:
        raise ForbiddenError("Only staff write for staff alone.")
    ticket = lock_ticket(session, scope, ticket_id)
    noted = _note(session, scope, ticket, "comment", now, now, text, internal=internal)
    if ticket.waiting_since is not None and not scope.is_staff:
        ticket.waiting_since = None
        _note(session, scope, ticket, "resume", now, now)
    _record(session, scope, ticket, "comment", internal=internal)
    return noted


def correct_time(
    session: Session,
    scope: Scope,
    ticket_id: int,
    time: str,
    at: dt.datetime,
    reason: str,
    now: dt.datetime | None = None,
) -> Ticket:
    """Put right a time that was entered wrongly; what it was stays in the history.

    Raises ForbiddenError for customers, NotFoundError, ConflictError for a time that there isn't,
    InvalidError without a reason and for times out of order.
    """
    now = now or utc_now()
    if not scope.is_staff:
        raise ForbiddenError("Only staff do this.")
    if time not in TICKET_TIMES:
        raise InvalidError("No such time.", {"time": ["unknown"]})
    if not reason.strip():
        raise InvalidError("Say why: the customer reads it.", {"reason": ["missing"]})
    ticket = lock_ticket(session, scope, ticket_id)
    known: dict[str, dt.datetime | None] = {name: getattr(ticket, name) for name in TICKET_TIMES}
    before = known[time]
    if before is None:
        raise ConflictError(
            "Ticket %(number)s has no such time yet; there is nothing to correct.",
            number=ticket.number,
        )
    if at > now or not are_ordered(known | {time: at}):
        raise InvalidError(
            "A ticket is opened, then answered, resolved and closed, and none of it in the future.",
            {"at": ["out of order"]},
        )
    _refuse_across_moves(session, ticket, time, at)
    setattr(ticket, time, at)
    _note(session, scope, ticket, "correct", at, now, reason, time=time, before=before)
    _record(
        session, scope, ticket, "correct",
        time=time, before=before.isoformat(), after=at.isoformat(), reason=reason.strip(),
    )  # fmt: skip
    return ticket


def lock_ticket(session: Session, scope: Scope, ticket_id: int) -> Ticket:
    ticket = session.scalar(
        scope.apply(
            select(Ticket).where(Ticket.id == ticket_id).with_for_update(), Ticket.customer_id
        )
    )
    if ticket is None:
        raise NotFoundError("No such ticket.")
    return ticket


def times_of(ticket: Ticket) -> Times:
    return Times(
        ticket.opened_at,
        ticket.responded_at,
        ticket.waiting_since,
        ticket.resolved_at,
        ticket.closed_at,
    )


def _put_times(ticket: Ticket, times: Times) -> None:
    ticket.responded_at = times.responded_at
    ticket.waiting_since = times.waiting_since
    ticket.resolved_at, ticket.closed_at = times.resolved_at, times.closed_at


def _find_latest(session: Session, ticket: Ticket) -> dt.datetime:
    """When it came into the state it is in."""
    _, moved = _find_moves(session, ticket)
    times = (ticket.opened_at, ticket.responded_at, ticket.resolved_at, ticket.closed_at, moved)
    return max(at for at in times if at is not None)


def _find_moves(
    session: Session, ticket: Ticket
) -> tuple[dt.datetime, dt.datetime] | tuple[None, None]:
    """When we first and last began to wait, went on or it was reopened."""
    first, last = session.execute(
        select(func.min(TicketEvent.at), func.max(TicketEvent.at)).where(
            TicketEvent.ticket_id == ticket.id,
            TicketEvent.customer_id == ticket.customer_id,
            TicketEvent.kind.in_(("wait", "resume", "reopen")),
        )
    ).one()
    return first, last


def _refuse_across_moves(session: Session, ticket: Ticket, time: str, at: dt.datetime) -> None:
    """Waiting and reopening come after the answer, and before it is resolved and closed."""
    first, last = _find_moves(session, ticket)
    if first is None or last is None:
        return
    fields = {"at": ["out of order"]}
    if time in ("opened_at", "responded_at"):
        if at > first:
            raise InvalidError(
                "The history has a waiting or reopening at %(at)s: it was answered before that.",
                fields,
                at=f"{first:%Y-%m-%d %H:%M} UTC",
            )
    elif at < last:
        raise InvalidError(
            "The history has a waiting or reopening at %(at)s: it was resolved after that.",
            fields,
            at=f"{last:%Y-%m-%d %H:%M} UTC",
        )


def _find_customer(session: Session, scope: Scope, customer_id: int | None) -> Customer:
    if customer_id is None:
        customer_id = scope.customer_id
    if customer_id is None:
        raise InvalidError("Say whose ticket it is.", {"customer_id": ["missing"]})
    customer = session.scalar(
        select(Customer).where(Customer.id == customer_id, scope.filter(Customer.id))
    )
    if customer is None:
        raise NotFoundError("No such customer.")
    return customer


def _choose_channel(scope: Scope, channel: str | None) -> str:
    if not scope.is_staff:
        if channel not in (None, "portal"):
            raise ForbiddenError("Only staff enter how a call came.")
        return "portal"
    if channel is None:
        raise InvalidError("Say how the call came.", {"channel": ["missing"]})
    if channel not in CALL_CHANNELS:
        raise InvalidError("No such channel.", {"channel": ["unknown"]})
    return channel


def _note(
    session: Session,
    scope: Scope,
    ticket: Ticket,
    kind: str,
    at: dt.datetime,
    now: dt.datetime,
    text: str = "",
    *,
    internal: bool = False,
    time: str = "",
    before: dt.datetime | None = None,
) -> TicketEvent:
    event = TicketEvent(
        ticket_id=ticket.id,
        customer_id=ticket.customer_id,
        kind=kind,
        at=at,
        entered_at=now,
        actor=scope.actor[:255],
        by_customer=not scope.is_staff,
        text=text.strip(),
        internal=internal,
        time=time,
        before=before,
    )
    session.add(event)
    session.flush()
    tell_ticket(session, scope, ticket, event)
    return event


def _record(session: Session, scope: Scope, ticket: Ticket, deed: str, **detail: object) -> None:
    record(
        session,
        scope,
        f"ticket.{deed}",
        f"ticket/{ticket.id}",
        customer_id=ticket.customer_id,
        number=ticket.number,
        **detail,
    )
