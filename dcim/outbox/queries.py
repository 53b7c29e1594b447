"""What was told to whom, what waits and what was given up. For staff."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.outbox.models import STATES, OutboxMessage
from dcim.paging import FIRST_PAGE, AnyQuery, Page, Paging, contains, fetch_page, narrow

# Given up ones that one deed has tried again; who has more does it again.
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """`state` is queued, sending, sent or failed; `fault` why the last attempt failed, by
    `channels.FAULTS`, `detail` in the other side's words. `recipient`: an address, or the name of
    an endpoint."""

    id: int
    channel: str
    event: str
    recipient: str
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    statement_id: int | None
    endpoint_id: int | None
    title: str
    attach: bool
    delivery_id: str
    state: str
    attempts: int
    next_at: dt.datetime
    fault: str
    detail: str
    created_at: dt.datetime
    sent_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """`who` is a part of the recipient, or of the customer's code or name."""

    who: str = ""
    message_id: int | None = None
    customer_id: int | None = None
    statement_id: int | None = None
    channel: str | None = None
    state: str | None = None
    event: str | None = None


def list_deliveries(
    session: Session,
    scope: Scope,
    wanted: DeliveryFilter = DeliveryFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[DeliveryRow]:
    """Newest first. Two statements of SQL."""
    statement = (
        select(
            OutboxMessage.id,
            OutboxMessage.channel,
            OutboxMessage.event,
            OutboxMessage.recipient,
            OutboxMessage.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            OutboxMessage.statement_id,
            OutboxMessage.endpoint_id,
            OutboxMessage.title,
            OutboxMessage.attach,
            OutboxMessage.delivery_id,
            OutboxMessage.state,
            OutboxMessage.attempts,
            OutboxMessage.next_at,
            OutboxMessage.fault,
            OutboxMessage.detail,
            OutboxMessage.created_at,
            OutboxMessage.sent_at,
        )
        .outerjoin(Customer, Customer.id == OutboxMessage.customer_id)
        .where(scope.filter(OutboxMessage.customer_id))
        .order_by(OutboxMessage.id.desc())
    )
    return fetch_page(session, DeliveryRow, _narrow(statement, wanted), paging)


def _narrow(statement: AnyQuery, wanted: DeliveryFilter) -> AnyQuery:
    """`statement` has the customers joined."""
    if wanted.who:
        pattern = contains(wanted.who)
        statement = statement.where(
            or_(
                OutboxMessage.recipient.ilike(pattern, escape="\\"),
                Customer.code.ilike(pattern, escape="\\"),
                Customer.name.ilike(pattern, escape="\\"),
                Customer.name_en.ilike(pattern, escape="\\"),
            )
        )
    return narrow(
        statement,
        (OutboxMessage.id, wanted.message_id),
        (OutboxMessage.customer_id, wanted.customer_id),
        (OutboxMessage.statement_id, wanted.statement_id),
        (OutboxMessage.channel, wanted.channel),
        (OutboxMessage.state, wanted.state),
        (OutboxMessage.event, wanted.event),
    )


def find_delivery(session: Session, scope: Scope, message_id: int) -> DeliveryRow:
    found = list_deliveries(session, scope, DeliveryFilter(message_id=message_id)).items
    if not found:
        raise NotFoundError("No such message.")
    return found[0]


def list_failed(session: Session, scope: Scope, wanted: DeliveryFilter) -> list[int]:
    """Ids of those given up among the wanted, oldest first; MOST_AT_ONCE of them."""
    statement = (
        select(OutboxMessage.id)
        .outerjoin(Customer, Customer.id == OutboxMessage.customer_id)
        .where(scope.filter(OutboxMessage.customer_id), OutboxMessage.state == "failed")
        .order_by(OutboxMessage.id)
        .limit(MOST_AT_ONCE)
    )
    return list(session.scalars(_narrow(statement, wanted)))


def count_states(session: Session, scope: Scope) -> dict[str, int]:
    """How many messages are in each state."""
    rows = session.execute(
        select(OutboxMessage.state, func.count())
        .where(scope.filter(OutboxMessage.customer_id))
        .group_by(OutboxMessage.state)
    )
    counts = dict.fromkeys(STATES, 0)
    for state, count in rows:
        counts[state] = count
    return counts


@dataclass(frozen=True, slots=True)
class Delivered:
    """Of one statement: messages `sent`, still `waiting`, and `failed`."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0


def count_by_statement(
    session: Session, scope: Scope, statement_ids: Sequence[int]
) -> dict[int, Delivered]:
    """By statement, of those that anybody was told of. One statement of SQL."""
    state = OutboxMessage.state
    rows = session.execute(
        select(
            OutboxMessage.statement_id,
            func.count().filter(state == "sent"),
            func.count().filter(state.in_(("queued", "sending"))),
            func.count().filter(state == "failed"),
        )
        .where(
            is_among(OutboxMessage.statement_id, statement_ids),
            scope.filter(OutboxMessage.customer_id),
        )
        .group_by(OutboxMessage.statement_id)
    )
    return {
        statement_id: Delivered(sent, waiting, failed)
        for statement_id, sent, waiting, failed in rows
        if statement_id is not None
    }
