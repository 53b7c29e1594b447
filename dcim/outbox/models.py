"""What is to be told to somebody outside, and what became of it; where webhooks go."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Created, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

CHANNELS = ("mail", "webhook")
# `failed` was given up: only a person has it tried again.
STATES = ("queued", "sending", "sent", "failed")
EVENTS = ("statement.issued", "alarm.raised", "alarm.cleared", "test")
# What a person may subscribe to; a test goes wherever it is sent.
SUBSCRIBED = ("statement.issued",)


class OutboxMessage(Base):
    """One message to one recipient by one channel, written in the transaction of what it tells of.

    `key` says what it tells and to whom: the same deed twice writes one. `delivery_id` is the same
    in every attempt, so that a receiver knows what it has had already.
    """

    __tablename__ = "outbox_message"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(512), unique=True)
    # None: it tells of no customer, as a test.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    statement_id: Mapped[int | None] = mapped_column(ForeignKey("statement.id"), index=True)
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("webhook_endpoint.id"), index=True)
    channel: Mapped[Code]
    event: Mapped[Code]
    # An address, or the name of an endpoint.
    recipient: Mapped[Name]
    # Mail: subject and words, in the reader's language. Webhook: empty.
    title: Mapped[Name] = mapped_column(default="")
    text: Mapped[Text] = mapped_column(default="")
    # The PDF of `statement_id` goes with it; read when it is sent.
    attach: Mapped[bool] = mapped_column(Boolean, default=False)
    # Webhook: what is posted. Mail: none.
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    delivery_id: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[Code] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    # Queued: when it is tried next. Sending: until when whoever sends it is believed to live.
    next_at: Mapped[Instant]
    # Why the last attempt failed (`dcim.outbox.channels`), and in the other side's words.
    fault: Mapped[Code] = mapped_column(default="")
    detail: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Created]
    sent_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(one_of("channel", CHANNELS), name="channel"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("(channel = 'webhook') = (endpoint_id IS NOT NULL)", name="endpoint"),
        CheckConstraint("NOT attach OR statement_id IS NOT NULL", name="attach"),
        Index(
            "ix_outbox_message_due",
            "next_at",
            postgresql_where=sql("state IN ('queued', 'sending')"),
        ),
    )


class WebhookEndpoint(Base):
    """Where the operator's own systems are told. Its secret is sealed apart, and only goes in."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[str]] = mapped_column(JSONB)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[Created]
