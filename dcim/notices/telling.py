"""Queueing what a customer's people chose to be told, in the transaction of what happened."""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.db import ScopedSession, find_sender
from dcim.errors import ConflictError, InvalidError
from dcim.notices.letters import Told, say_instant, write_letter
from dcim.notices.readers import Reader, find_readers
from dcim.outbox.models import OutboxMessage
from dcim.outbox.queueing import NewMessage, can_be_mailed, queue_messages

SCOPE = Scope.system("notices")
# A person's own test mails, so that nobody is mailed without end from here.
MOST_TESTS = 5
TESTS_WITHIN = dt.timedelta(hours=1)


def tell_people(
    session: Session,
    customer_ids: Collection[int],
    kind: str,
    about: str,
    write: Callable[[Reader], Told],
    *,
    only: Callable[[Reader], bool] = lambda reader: True,
) -> list[int]:
    """Queue one mail to each who wants this kind; ids of what is new.

    `about` names the deed: the same twice is told once. `write` says it to one reader, in their
    language and zone, and about their customer alone. Without a mail server nothing is queued.
    """
    sender = find_sender(session)
    if sender is None or not customer_ids:
        return []
    with _as_staff(session):
        readers = find_readers(session, customer_ids, kind)
        messages = []
        for reader in (one for own in readers.values() for one in own if only(one)):
            subject, words = write_letter(sender, write(reader), reader.language)
            messages.append(
                NewMessage(
                    about=about, channel="mail", event=kind, recipient=reader.address,
                    customer_id=reader.customer_id, user_id=reader.user_id, title=subject,
                    text=words,
                )
            )  # fmt: skip
        return queue_messages(session, messages)


def queue_own_test(
    session: Session, scope: Scope, user: User, now: dt.datetime | None = None
) -> int:
    """A test mail to the person who asks for it, the way every notice goes.

    Raises ConflictError while mail isn't set up and after MOST_TESTS within TESTS_WITHIN,
    InvalidError for an address that no mail can go to.
    """
    sender, now = find_sender(session), now or utc_now()
    if user.customer_id is None or not scope.allows(user.customer_id) or sender is None:
        raise ConflictError("Mails aren't set up here yet: ask us.")
    if not can_be_mailed(user.email):
        raise InvalidError("This is not a mail address.", {"recipient": ["name@example.com"]})
    with _as_staff(session):
        # One asks at a time, so that two requests at once aren't both the last.
        session.get_one(User, user.id, with_for_update={"key_share": True})
        sent = session.scalar(
            select(func.count()).where(
                OutboxMessage.user_id == user.id,
                OutboxMessage.event == "test",
                OutboxMessage.created_at > now - TESTS_WITHIN,
            )
        )
        if (sent or 0) >= MOST_TESTS:
            raise ConflictError("Those were enough tests for now; try again in an hour.")
        zone = (
            user.timezone
            or session.scalars(
                select(Customer.timezone).where(Customer.id == user.customer_id)
            ).one()
        )
        told = say_test(user.language, zone, now)
        subject, words = write_letter(sender, told, user.language)
        [message_id] = queue_messages(
            session,
            [
                NewMessage(
                    about=f"test/{uuid.uuid4()}", channel="mail", event="test",
                    recipient=user.email, customer_id=user.customer_id, user_id=user.id,
                    title=subject, text=words,
                )
            ],
        )  # fmt: skip
    record(
        session, scope, "message.test", f"message/{message_id}", customer_id=user.customer_id,
        recipient=user.email,
    )  # fmt: skip
    return message_id


def say_test(language: str, zone: str, now: dt.datetime) -> Told:
    at = say_instant(now, zone)
    if language == "zh":
        return Told("测试邮件", [f"通知邮件发送正常，发送时间 {at}。"], "/portal/notices")
    return Told("Test mail", [f"Notices reach you. Sent at {at}."], "/portal/notices")


@contextmanager
def _as_staff(session: Session) -> Iterator[None]:
    """Staff alone write the outbox; what a customer did itself is told to its people too."""
    if not isinstance(session, ScopedSession):
        raise TypeError("mails are queued in a session that carries a scope")
    before = session.info.get("scope")
    if before is not None and before.is_staff:
        yield
        return
    session.flush()
    with session.within(SCOPE):
        yield
