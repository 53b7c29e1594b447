"""Facts that only some clauses ask for; a statement carries them when its terms do."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.operations.models import Ticket
from dcim.sla.business_calendar import read_calendar
from dcim.sla.rules.facts import Period
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.rules.terms import Terms

# Kinds of request that tickets record, by the ticket's kind; a visit is announced, not answered.
REQUEST_KINDS = ("fault", "remote_hands", "question")


def further_facts(
    session: Session, scope: Scope, contract: Contract, terms: Terms, period: Period
) -> dict[str, Any]:
    """Keys of the inputs beside those that every statement has."""
    found: dict[str, Any] = {}
    if any(metric.answers is not None for metric in terms.metrics):
        found["requests"] = _requests(session, scope, contract, period)
        found["request_kinds"] = list(REQUEST_KINDS)
    calendar = read_calendar(session, terms, period)
    if calendar is not None:
        found["calendar"] = calendar
    return found


def _requests(
    session: Session, scope: Scope, contract: Contract, period: Period
) -> list[dict[str, Any]]:
    """Tickets opened in the period with the time of the first answer; they concern all items."""
    rows = session.scalars(
        scope.apply(
            select(Ticket)
            .where(
                Ticket.customer_id == contract.customer_id,
                Ticket.kind.in_(REQUEST_KINDS),
                Ticket.opened_at >= dt.datetime.fromtimestamp(period.start / 1000, dt.UTC),
                Ticket.opened_at < dt.datetime.fromtimestamp(period.end / 1000, dt.UTC),
            )
            .order_by(Ticket.number),
            Ticket.customer_id,
        )
    )
    return [
        {
            "id": ticket.number,
            "kind": ticket.kind,
            "opened_at": format_instant(to_ms(ticket.opened_at)),
            "answered_at": None
            if ticket.responded_at is None
            else format_instant(to_ms(ticket.responded_at)),
        }
        for ticket in rows
    ]
