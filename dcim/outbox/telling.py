"""An event told to every endpoint that wants it, each in its language."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.registration import require_staff
from dcim.errors import NotFoundError
from dcim.outbox.endpoints import list_subscribed
from dcim.outbox.models import KINDS, Endpoint
from dcim.outbox.queueing import NewMessage, queue_messages

LONGEST_TITLE = 255
LONGEST_TEXT = 4000

# Title, of one line, and text, for "zh" or "en".
WriteWords = Callable[[str], tuple[str, str]]


def write_to_endpoints(
    session: Session,
    event: str,
    *,
    about: str,
    words: WriteWords,
    payload: dict[str, Any],
    customer_id: int | None = None,
    statement_id: int | None = None,
) -> list[NewMessage]:
    """For `queue_messages`. Webhooks and syslog get the `payload`, robots and syslog the words.

    In it `url` is the page about it, under our own address: robots say it as a link; `severity`
    is an alarm's (`syslog_message.SEVERITIES`).
    """
    return [
        address_message(
            endpoint,
            event,
            about=about,
            words=words,
            payload=payload,
            customer_id=customer_id,
            statement_id=statement_id,
        )
        for endpoint in list_subscribed(session, event)
    ]


def address_message(
    endpoint: Endpoint,
    event: str,
    *,
    about: str,
    words: WriteWords,
    payload: dict[str, Any],
    customer_id: int | None = None,
    statement_id: int | None = None,
) -> NewMessage:
    """To one of them, whether it wants it or not."""
    title, text = ("", "") if endpoint.kind == "webhook" else words(endpoint.language)
    return NewMessage(
        about=about,
        channel=endpoint.kind,
        event=event,
        recipient=endpoint.name,
        customer_id=customer_id,
        statement_id=statement_id,
        endpoint_id=endpoint.id,
        title=" ".join(title.split())[:LONGEST_TITLE],
        text=text[:LONGEST_TEXT],
        payload=payload,
    )


def queue_test(
    session: Session, scope: Scope, endpoint_id: int, kinds: Collection[str] = KINDS
) -> int:
    """Have a test sent to an endpoint, the way every event goes; also to one that wants none."""
    require_staff(scope)
    endpoint = session.get(Endpoint, endpoint_id)
    if endpoint is None or endpoint.deleted_at is not None or endpoint.kind not in kinds:
        raise NotFoundError("No such endpoint.")
    about = f"test/{uuid.uuid4()}"
    [message_id] = queue_messages(
        session, [address_message(endpoint, "test", about=about, words=_write_test, payload={})]
    )
    record(session, scope, "message.test", f"message/{message_id}", recipient=endpoint.name)
    return message_id


def _write_test(language: str) -> tuple[str, str]:
    if language == "zh":
        return "测试消息", "收到本消息，说明配置正确。"
    return "Test message", "It works: you are reading this."
