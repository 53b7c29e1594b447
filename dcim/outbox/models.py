"""What is to be told to somebody outside, and what became of it; the endpoints it goes to."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Created, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

ROBOTS = ("dingtalk", "wecom", "feishu")
# What an endpoint is; a message to it goes by the channel of that name.
KINDS = ("webhook", *ROBOTS, "syslog")
CHANNELS = ("mail", *KINDS)
# `failed` was given up: only a person has it tried again.
STATES = ("queued", "sending", "sent", "failed")


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
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("endpoint.id"))
    # The person of a customer who chose to be told; `event` then is the kind they chose. None for
    # contacts, webhooks, staff.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    channel: Mapped[Code]
    event: Mapped[Code]
    # An address, or the name of an endpoint.
    recipient: Mapped[Name]
    # Subject and words, in the reader's language. Webhook: empty.
    title: Mapped[Name] = mapped_column(default="")
    text: Mapped[Text] = mapped_column(default="")
    # The PDF of `statement_id` goes with it; read when it is sent.
    attach: Mapped[bool] = mapped_column(Boolean, default=False)
    # Endpoints: what programs read. Mail: none.
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    delivery_id: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[Code] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    # Queued: when it is tried next. Sending: until when whoever sends it is believed to live.
    next_at: Mapped[Instant]
    # Why the last attempt failed (`dcim.outbox.channels`), and in the other side's words. Sent:
    # "unconfirmed" where nobody tells whether it arrived.
    fault: Mapped[Code] = mapped_column(default="")
    detail: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Created]
    sent_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(one_of("channel", CHANNELS), name="channel"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("(channel = 'mail') = (endpoint_id IS NULL)", name="endpoint"),
        CheckConstraint(
            "user_id IS NULL OR (customer_id IS NOT NULL AND channel = 'mail')", name="person"
        ),
        CheckConstraint("NOT attach OR statement_id IS NOT NULL", name="attach"),
        Index("ix_outbox_message_endpoint_id", "endpoint_id", "id"),
        Index(
            "ix_outbox_message_due",
            "next_at",
            postgresql_where=sql("state IN ('queued', 'sending')"),
        ),
    )


class Endpoint(Base):
    """Where the operator is told: a system of its own, a robot in a group, a syslog server.

    Secrets are sealed apart and only go in; of a robot's URL, which is one, `url` is what may be
    seen. A deleted one stays for the messages that went to it.
    """

    __tablename__ = "endpoint"

    id: Mapped[Id]
    name: Mapped[Name]
    kind: Mapped[Code]
    url: Mapped[str] = mapped_column(String(2000))
    # Of the words for those who read words; "zh" or "en".
    language: Mapped[Code] = mapped_column(default="zh")
    events: Mapped[list[str]] = mapped_column(JSONB)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    # Nothing is sent to it before (`dcim.outbox.pacing`).
    ready_at: Mapped[Instant | None]
    created_at: Mapped[Created]
    deleted_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(one_of("language", ("zh", "en")), name="language"),
        CheckConstraint("deleted_at IS NULL OR NOT enabled", name="deleted"),
        Index("uq_endpoint_name", "name", unique=True, postgresql_where=sql("deleted_at IS NULL")),
    )
