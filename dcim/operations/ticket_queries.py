"""Reading tickets through a scope; customers don't see who of staff did what."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.operations.models import Ticket, TicketEvent
from dcim.operations.ticket_rules import Times, list_actions
from dcim.operations.ticket_subjects import TicketSubjectRow, read_subjects
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page, narrow

# As `find_state` says it.
STATE: ColumnElement[str] = case(
    (Ticket.closed_at.is_not(None), "closed"),
    (Ticket.resolved_at.is_not(None), "resolved"),
    (Ticket.waiting_since.is_not(None), "waiting"),
    (Ticket.responded_at.is_not(None), "answered"),
    else_="open",
)
SORTS: dict[str, tuple[SQLColumnExpression[Any], ...]] = {
    "opened_at": (Ticket.opened_at, Ticket.id),
    "-opened_at": (Ticket.opened_at.desc(), Ticket.id.desc()),
    "number": (Ticket.number,),
    "-number": (Ticket.number.desc(),),
    "customer": (Customer.code, Ticket.opened_at.desc(), Ticket.id.desc()),
    "-customer": (Customer.code.desc(), Ticket.opened_at.desc(), Ticket.id.desc()),
}


@dataclass(frozen=True, slots=True)
class TicketRow:
    """`urgent` is null where it wasn't asked (tickets from before it was). `subjects`: none are
    all that the customer has. Who answered and who entered it is for staff."""

    id: int
    number: str
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    kind: str
    urgent: bool | None
    channel: str
    title: str
    state: str
    opened_at: dt.datetime
    responded_at: dt.datetime | None
    waiting_since: dt.datetime | None
    resolved_at: dt.datetime | None
    closed_at: dt.datetime | None
    entered_by: str | None
    responded_by: str | None
    subjects: list[TicketSubjectRow]


@dataclass(frozen=True, slots=True)
class TicketEventRow:
    """`at`: when it happened; of a correction, what the `time` is now and was `before`."""

    id: int
    kind: str
    at: dt.datetime
    entered_at: dt.datetime
    actor: str | None
    by_customer: bool
    text: str
    internal: bool
    time: str
    before: dt.datetime | None


@dataclass(frozen=True, slots=True)
class WaitRow:
    """[start, end) in which we waited for the customer; no end: still."""

    start: dt.datetime
    end: dt.datetime | None


@dataclass(frozen=True, slots=True)
class TicketView:
    """`actions`: what the reader may do next."""

    ticket: TicketRow
    text: str
    events: list[TicketEventRow]
    waits: list[WaitRow]
    actions: list[str]


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """`q` stands in the number or the title; `unclosed`: all but closed ones."""

    ticket_id: int | None = None
    customer_id: int | None = None
    kind: str | None = None
    state: str | None = None
    urgent: bool | None = None
    unclosed: bool = False
    q: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def list_tickets(
    session: Session,
    scope: Scope,
    wanted: TicketFilter = TicketFilter(),
    paging: Paging = FIRST_PAGE,
    sort: str = "-opened_at",
) -> Page[TicketRow]:
    """Those within reach, newest first unless told otherwise. Three statements of SQL."""
    page = fetch_page(session, _bare_row, _select_tickets(scope, wanted, sort), paging)
    subjects = read_subjects(session, scope, [row.id for row in page.items])
    return page.replace(
        [_finish(row, scope, subjects.get(row.id, [])) for row in page.items]
    )  # fmt: skip


def find_ticket(
    session: Session, scope: Scope, ticket_id: int, now: dt.datetime | None = None
) -> TicketView:
    """Raises NotFoundError for one that is absent or another customer's."""
    found = list_tickets(session, scope, TicketFilter(ticket_id=ticket_id)).items
    if not found:
        raise NotFoundError("No such ticket.")
    row = found[0]
    text = session.scalar(
        scope.apply(select(Ticket.text).where(Ticket.id == ticket_id), Ticket.customer_id)
    )
    statement = (
        select(TicketEvent).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id)
    )
    if not scope.is_staff:
        statement = statement.where(TicketEvent.internal.is_(False))
    events = session.scalars(scope.apply(statement, TicketEvent.customer_id)).all()
    times = Times(
        row.opened_at, row.responded_at, row.waiting_since, row.resolved_at, row.closed_at
    )
    return TicketView(
        ticket=row,
        text=text or "",
        events=[
            TicketEventRow(
                id=one.id,
                kind=one.kind,
                at=one.at,
                entered_at=one.entered_at,
                actor=one.actor if scope.is_staff or one.by_customer else None,
                by_customer=one.by_customer,
                text=one.text,
                internal=one.internal,
                time=one.time,
                before=one.before,
            )
            for one in events
        ],
        waits=_find_waits([(one.kind, one.at) for one in events]),
        actions=[
            action.name for action in list_actions(times, not scope.is_staff, now or utc_now())
        ],
    )


def _find_waits(events: list[tuple[str, dt.datetime]]) -> list[WaitRow]:
    waits: list[WaitRow] = []
    since: dt.datetime | None = None
    for kind, at in events:
        if kind == "wait":
            since = at
        elif since is not None and kind in ("resume", "resolve", "close"):
            waits.append(WaitRow(since, at))
            since = None
    return waits if since is None else [*waits, WaitRow(since, None)]


def _select_tickets(scope: Scope, wanted: TicketFilter, sort: str) -> Query:
    statement = (
        select(
            Ticket.id,
            Ticket.number,
            Ticket.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            Ticket.kind,
            Ticket.urgent,
            Ticket.channel,
            Ticket.title,
            STATE.label("state"),
            Ticket.opened_at,
            Ticket.responded_at,
            Ticket.waiting_since,
            Ticket.resolved_at,
            Ticket.closed_at,
            Ticket.entered_by,
            Ticket.responded_by,
        )
        .join(Customer, Customer.id == Ticket.customer_id)
        .where(scope.filter(Ticket.customer_id))
        .order_by(*SORTS[sort])
    )
    statement = narrow(
        statement,
        (Ticket.id, wanted.ticket_id),
        (Ticket.customer_id, wanted.customer_id),
        (Ticket.kind, wanted.kind),
        (Ticket.urgent, wanted.urgent),
        (STATE, wanted.state),
    )
    if wanted.unclosed:
        statement = statement.where(Ticket.closed_at.is_(None))
    if wanted.q:
        like = contains(wanted.q)
        statement = statement.where(
            or_(Ticket.number.ilike(like, escape="\\"), Ticket.title.ilike(like, escape="\\"))
        )
    if wanted.since is not None:
        statement = statement.where(Ticket.opened_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Ticket.opened_at < wanted.until)
    return statement


def _bare_row(**fields: Any) -> TicketRow:
    return TicketRow(subjects=[], **fields)


def _finish(row: TicketRow, scope: Scope, subjects: list[TicketSubjectRow]) -> TicketRow:
    if scope.is_staff:
        return replace(row, subjects=subjects)
    return replace(row, subjects=subjects, entered_by=None, responded_by=None)
