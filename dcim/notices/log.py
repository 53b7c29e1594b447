"""What was mailed to one person lately, and what became of it: for themselves."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.outbox.models import OutboxMessage

SHOWN = 20


@dataclass(frozen=True, slots=True)
class MailRow:
    """`state` is queued, sending, sent or failed; `fault` why the last attempt failed."""

    id: int
    event: str
    title: str
    state: str
    fault: str
    created_at: dt.datetime
    sent_at: dt.datetime | None


def list_mails(session: Session, scope: Scope, user: User) -> list[MailRow]:
    """The last SHOWN, newest first: to this person, also as a contact by the same address. One
    statement of SQL."""
    rows = session.execute(
        select(
            OutboxMessage.id,
            OutboxMessage.event,
            OutboxMessage.title,
            OutboxMessage.state,
            OutboxMessage.fault,
            OutboxMessage.created_at,
            OutboxMessage.sent_at,
        )
        .where(
            OutboxMessage.customer_id == scope.customer_id,
            OutboxMessage.channel == "mail",
            or_(
                OutboxMessage.user_id == user.id,
                func.lower(OutboxMessage.recipient) == user.email.lower(),
            ),
        )
        .order_by(OutboxMessage.id.desc())
        .limit(SHOWN)
    )
    return [MailRow(*row) for row in rows]
