"""Planned maintenance with its proof of notice, tickets with their times, orders."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Day, Digest, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

MAINTENANCE_STATES = ("planned", "approved", "announced", "under_way", "done", "cancelled")
# Classes as `exclude` of the terms names them; a class that a contract's terms don't name is
# never left out of its downtime.
MAINTENANCE_KINDS = ("maintenance", "emergency", "force_majeure", "customer_caused")
RISKS = ("low", "medium", "high")
NOTICE_CHANNELS = ("email", "phone", "portal", "letter")
CONSENTS = ("approved", "objected")


class Maintenance(Base):
    """A window of work: [starts_at, ends_at). `after_fact`: entered when it had begun already."""

    __tablename__ = "maintenance"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[Name]
    title_en: Mapped[Name]
    kind: Mapped[Code] = mapped_column(default="maintenance")
    risk: Mapped[Code] = mapped_column(default="low")
    # Why, as customers read it; and how, for staff alone.
    reason: Mapped[Text] = mapped_column(default="")
    reason_en: Mapped[Text] = mapped_column(default="")
    work_plan: Mapped[Text] = mapped_column(default="")
    # What proves its class: a report, a decree.
    evidence: Mapped[Text] = mapped_column(default="")
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    state: Mapped[Code] = mapped_column(default="planned")
    after_fact: Mapped[bool] = mapped_column(default=False)
    # Who wrote what is to be approved, which another person does.
    planned_by: Mapped[Name] = mapped_column(default="")
    planned_at: Mapped[Created]
    approved_by: Mapped[Name] = mapped_column(default="")
    approved_at: Mapped[Instant | None]
    announced_at: Mapped[Instant | None]
    begun_at: Mapped[Instant | None]
    over_at: Mapped[Instant | None]
    cancel_reason: Mapped[Text] = mapped_column(default="")

    targets: Mapped[list["MaintenanceTarget"]] = relationship(
        back_populates="maintenance", cascade="all, delete-orphan"
    )
    notices: Mapped[list["MaintenanceNotice"]] = relationship(back_populates="maintenance")

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="dates"),
        CheckConstraint(one_of("state", MAINTENANCE_STATES), name="state"),
        CheckConstraint(one_of("kind", MAINTENANCE_KINDS), name="kind"),
        CheckConstraint(one_of("risk", RISKS), name="risk"),
        CheckConstraint("approved_by = '' OR approved_by <> planned_by", name="two_people"),
        CheckConstraint("state <> 'cancelled' OR cancel_reason <> ''", name="cancel_reason"),
    )


class MaintenanceTarget(Base):
    """What is worked on: a power node, a port or a whole room; exactly one of them."""

    __tablename__ = "maintenance_target"

    id: Mapped[Id]
    maintenance_id: Mapped[int] = mapped_column(
        ForeignKey("maintenance.id", ondelete="CASCADE"), index=True
    )
    power_node_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"))
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"))

    maintenance: Mapped[Maintenance] = relationship(back_populates="targets")

    __table_args__ = (
        CheckConstraint("num_nonnulls(power_node_id, port_id, room_id) = 1", name="one_target"),
    )


class MaintenanceNotice(Base):
    """That a customer was told, when and how, of which times and in which words; never changed.

    `sent_at` is when it went out, `recorded_at` when that was entered. `read_at`: when the
    customer first opened it in the portal.
    """

    __tablename__ = "maintenance_notice"

    id: Mapped[Id]
    maintenance_id: Mapped[int] = mapped_column(
        ForeignKey("maintenance.id", ondelete="CASCADE"), index=True
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    sent_at: Mapped[Instant]
    channel: Mapped[Code]
    recipient: Mapped[Name]
    # The times it told of.
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    sent_by: Mapped[Name] = mapped_column(default="")
    recorded_at: Mapped[Created]
    language: Mapped[str] = mapped_column(String(8), default="")
    # As sent, with the SHA-256 of its UTF-8; both empty where only the fact is on record.
    text: Mapped[str] = mapped_column(LongText, default="")
    sha256: Mapped[Digest] = mapped_column(default="")
    read_at: Mapped[Instant | None]
    read_by: Mapped[Name] = mapped_column(default="")

    maintenance: Mapped[Maintenance] = relationship(back_populates="notices")

    __table_args__ = (
        CheckConstraint(one_of("channel", NOTICE_CHANNELS), name="channel"),
        CheckConstraint("ends_at > starts_at", name="dates"),
    )


class MaintenanceConsent(Base):
    """A customer's approval of a window, or its objection, for the times it then had.

    The last one stands; none is ever changed.
    """

    __tablename__ = "maintenance_consent"

    id: Mapped[Id]
    maintenance_id: Mapped[int] = mapped_column(ForeignKey("maintenance.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    decision: Mapped[Code]
    reason: Mapped[Text] = mapped_column(default="")
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    decided_by: Mapped[Name]
    decided_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint(one_of("decision", CONSENTS), name="decision"),
        CheckConstraint("decision <> 'objected' OR reason <> ''", name="reason"),
    )


TICKET_KINDS = ("fault", "remote_hands", "visit", "question")
CALL_CHANNELS = ("phone", "mail", "portal")
# The times of a ticket, in the order in which they come.
TICKET_TIMES = ("opened_at", "responded_at", "resolved_at", "closed_at")
TICKET_EVENTS = (
    "open", "answer", "wait", "resume", "resolve", "close", "reopen", "comment", "correct",
)  # fmt: skip


class Ticket(Base):
    """What a customer asked for or reported, with the times that count now.

    `opened_at` is when it reached us, by whatever channel. What was before a reopening or a
    correction stands in the events.
    """

    __tablename__ = "ticket"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    number: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[Code]
    # Not known of tickets that are older than the column.
    urgent: Mapped[bool | None]
    channel: Mapped[Code] = mapped_column(default="")
    title: Mapped[Name]
    text: Mapped[Text] = mapped_column(default="")
    opened_at: Mapped[Created]
    entered_by: Mapped[Name] = mapped_column(default="")
    responded_at: Mapped[Instant | None]
    responded_by: Mapped[Name] = mapped_column(default="")
    # Since when we wait for the customer; none when we don't.
    waiting_since: Mapped[Instant | None]
    resolved_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]

    subjects: Mapped[list["TicketSubject"]] = relationship(
        back_populates="ticket", order_by="TicketSubject.id"
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", TICKET_KINDS), name="kind"),
        CheckConstraint(one_of("channel", ("", *CALL_CHANNELS)), name="channel"),
        CheckConstraint("kind <> 'visit' OR urgent IS NOT TRUE", name="visit"),
        CheckConstraint(
            "responded_at >= opened_at AND resolved_at >= responded_at"
            " AND closed_at >= resolved_at AND closed_at >= responded_at"
            " AND closed_at >= opened_at AND resolved_at >= opened_at",
            name="order",
        ),
        UniqueConstraint("id", "customer_id"),
    )


class TicketSubject(Base):
    """What a ticket concerns: a contract item, all of it, or one of its racks or ports."""

    __tablename__ = "ticket_subject"

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(BigInteger, index=True)
    rack_id: Mapped[int | None] = mapped_column(ForeignKey("rack.id"), index=True)
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"), index=True)

    ticket: Mapped[Ticket] = relationship(back_populates="subjects")

    __table_args__ = (
        CheckConstraint("num_nonnulls(rack_id, port_id) <= 1", name="one_part"),
        UniqueConstraint(
            "ticket_id",
            "contract_item_id",
            "rack_id",
            "port_id",
            name="uq_ticket_subject",
            postgresql_nulls_not_distinct=True,
        ),
        ForeignKeyConstraint(
            ["ticket_id", "customer_id"],
            ["ticket.id", "ticket.customer_id"],
            name="fk_ticket_subject_ticket_of_customer",
        ),
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_ticket_subject_item_of_customer",
        ),
    )


class TicketEvent(Base):
    """One thing that happened to a ticket: written once, never changed.

    `at` is when it happened, `entered_at` when it was written down. A correction names the `time`
    it changes, what that was before (none: not yet) and what it is now (`at`).
    """

    __tablename__ = "ticket_event"

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(BigInteger, index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[Code]
    at: Mapped[Instant]
    entered_at: Mapped[Created]
    actor: Mapped[Name]
    # By the customer's own people.
    by_customer: Mapped[bool]
    text: Mapped[Text] = mapped_column(default="")
    # For staff alone.
    internal: Mapped[bool] = mapped_column(default=False)
    time: Mapped[Code] = mapped_column(default="")
    before: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", TICKET_EVENTS), name="kind"),
        CheckConstraint(one_of("time", ("", *TICKET_TIMES)), name="time"),
        CheckConstraint(
            "kind <> 'correct' OR (time <> '' AND before IS NOT NULL AND text <> '')",
            name="correct",
        ),
        CheckConstraint("NOT internal OR (kind = 'comment' AND NOT by_customer)", name="internal"),
        ForeignKeyConstraint(
            ["ticket_id", "customer_id"],
            ["ticket.id", "ticket.customer_id"],
            name="fk_ticket_event_ticket_of_customer",
        ),
    )


ORDER_KINDS = ("suspend", "restore", "move_out")
ORDER_STATES = ("requested", "approved", "running", "done", "cancelled")
# In these an order still stands.
OPEN_ORDER_STATES = ("requested", "approved", "running")
STEP_KINDS = (
    "notify", "ports_off", "ports_on", "power_off", "power_on", "cross_connect", "address",
    "access_revoked", "access_restored", "equipment_out", "space_free", "items_end",
    "final_statement",
)  # fmt: skip
STEP_STATES = ("open", "done", "skipped")


class ServiceOrder(Base):
    """To suspend a customer 停机, to restore it 复机, to move it out 退租: a checklist in order."""

    __tablename__ = "service_order"

    id: Mapped[Id]
    number: Mapped[Code] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    # One contract; none is all that the customer has.
    contract_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    kind: Mapped[Code]
    reason: Mapped[Name]
    state: Mapped[Code] = mapped_column(default="requested")
    # The day it is to happen; for a move-out the first day no longer served.
    effective_on: Mapped[Day]
    requested_by: Mapped[Name]
    requested_at: Mapped[Created]
    approved_by: Mapped[Name] = mapped_column(default="")
    approved_at: Mapped[Instant | None]
    # When it was done or cancelled.
    done_at: Mapped[Instant | None]

    steps: Mapped[list["OrderStep"]] = relationship(
        back_populates="order", order_by="OrderStep.position"
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", ORDER_KINDS), name="kind"),
        CheckConstraint(one_of("state", ORDER_STATES), name="state"),
        UniqueConstraint("id", "customer_id"),
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_service_order_contract_of_customer",
        ),
    )


class OrderStep(Base):
    """One thing to do. `subject_kind` and `subject_id` link to what it is about, if that is one."""

    __tablename__ = "order_step"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(BigInteger, index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[Code]
    # What it is about, in its own words: codes and places, the same in every language.
    subject: Mapped[Name] = mapped_column(default="")
    subject_kind: Mapped[Code] = mapped_column(default="")
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[Code] = mapped_column(default="open")
    done_by: Mapped[Name] = mapped_column(default="")
    done_at: Mapped[Instant | None]
    note: Mapped[Text] = mapped_column(default="")

    order: Mapped[ServiceOrder] = relationship(back_populates="steps")

    __table_args__ = (
        CheckConstraint(one_of("kind", STEP_KINDS), name="kind"),
        CheckConstraint(one_of("state", STEP_STATES), name="state"),
        UniqueConstraint("order_id", "position"),
        ForeignKeyConstraint(
            ["order_id", "customer_id"],
            ["service_order.id", "service_order.customer_id"],
            name="fk_order_step_order_of_customer",
            ondelete="CASCADE",
        ),
    )
