"""Writing messages into the outbox, in the transaction of what they tell of; each once."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.accounts.audit import Deed, record, record_many
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import MAIL_ADDRESS, Settings
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.outbox.models import OutboxMessage


@dataclass(frozen=True, slots=True)
class NewMessage:
    """`about` names the deed ("statement.issued/SLA-202610-HT-1-01"): with channel and recipient it
    is the key by which the same deed twice is told once."""

    about: str
    channel: str
    event: str
    recipient: str
    customer_id: int | None = None
    statement_id: int | None = None
    endpoint_id: int | None = None
    user_id: int | None = None
    title: str = ""
    text: str = ""
    attach: bool = False
    payload: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        return f"{self.about}/{self.channel}/{self.endpoint_id or self.recipient.lower()}"


def can_be_mailed(address: str) -> bool:
    """Whether mail can go there: one address, ASCII, with nothing that ends a header."""
    return len(address) <= 254 and MAIL_ADDRESS.fullmatch(address) is not None


def queue_messages(session: Session, messages: Sequence[NewMessage]) -> list[int]:
    """Ids of those that are new. Sent once the caller's transaction has committed, and only then.

    Raises InvalidError for an address that no mail can go to.
    """
    for message in messages:
        if message.channel == "mail" and not can_be_mailed(message.recipient):
            raise InvalidError("This is not a mail address.", {"recipient": ["name@example.com"]})
    if not messages:
        return []
    now = utc_now()
    rows = [
        {
            "key": message.key,
            "channel": message.channel,
            "event": message.event,
            "recipient": message.recipient,
            "customer_id": message.customer_id,
            "statement_id": message.statement_id,
            "endpoint_id": message.endpoint_id,
            "user_id": message.user_id,
            "title": message.title,
            "text": message.text,
            "attach": message.attach,
            "payload": message.payload,
            "delivery_id": str(uuid.uuid4()),
            "next_at": now,
            "created_at": now,
        }
        for message in messages
    ]
    written = session.scalars(
        insert(OutboxMessage)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(OutboxMessage.id),
        rows,
    )
    return sorted(written)


def queue_test_mail(session: Session, scope: Scope, settings: Settings, address: str) -> int:
    """Have a test mail sent, the way every mail goes. Raises ConflictError while mail isn't set up,
    InvalidError for no address."""
    require_staff(scope)
    if not settings.smtp_host:
        raise ConflictError("Mail isn't set up: set DCIM_SMTP_HOST and DCIM_MAIL_FROM.")
    [message_id] = queue_messages(
        session,
        [
            NewMessage(
                about=f"test/{uuid.uuid4()}",
                channel="mail",
                event="test",
                recipient=address.strip(),
                title=f"{settings.operator_name}: 测试邮件 / test mail",
                text=f"邮件发送正常。\nMail from {settings.base_url} works.\n",
            )
        ],
    )
    record(session, scope, "message.test", f"message/{message_id}", recipient=address.strip())
    return message_id


def retry_messages(session: Session, scope: Scope, ids: Collection[int]) -> int:
    """Try given up ones again, and waiting ones at once; sent ones stay sent. Returns how many.

    Raises NotFoundError when none of them is there, ConflictError when none is left to send.
    """
    require_staff(scope)
    rows = session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.id.in_(ids))
        .order_by(OutboxMessage.id)
        .with_for_update()
    ).all()
    if not rows:
        raise NotFoundError("No such message.")
    waiting = [row for row in rows if row.state in {"failed", "queued"}]
    if not waiting:
        raise ConflictError("It was sent already, or is being sent.")
    now = utc_now()
    for row in waiting:
        row.state, row.attempts, row.next_at = "queued", 0, now
    session.flush()
    record_many(
        session,
        scope,
        [
            Deed("message.retry", f"message/{row.id}", row.customer_id, {"to": row.recipient})
            for row in waiting
        ],
    )
    return len(waiting)


def hold_restored(session: Session, scope: Scope) -> int:
    """Give up what waits in a database that was restored: it may have been sent since, and a
    rehearsal writes to nobody. A person has it tried again. Returns how many."""
    require_staff(scope)
    held = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.state.in_(("queued", "sending")))
        .values(state="failed", fault="restored", detail="")
        .returning(OutboxMessage.id)
    ).all()
    if held:
        record(session, scope, "message.hold", "messages", held=len(held))
    return len(held)
