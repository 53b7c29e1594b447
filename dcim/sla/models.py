"""Incidents as derived from what was measured, and whom they hit."""

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Id, Instant, Name, Text
from dcim.db import Base

# Opened for an alarm by its rule: a hint, until what is measured shows the same.
BY_ALARM = "alarm"


class Incident(Base):
    """A stretch of time in which something was down; `ended_at` is none while it lasts.

    `key` names it by what was seen (kind, object, start), so deriving twice gives one row.
    """

    __tablename__ = "incident"

    id: Mapped[Id]
    key: Mapped[Name] = mapped_column(unique=True)
    kind: Mapped[Code]
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    what: Mapped[Name]
    what_en: Mapped[Name]
    cause: Mapped[Name] = mapped_column(default="")
    cause_en: Mapped[Name] = mapped_column(default="")
    place: Mapped[Name] = mapped_column(default="")
    # Who or what found it: "poller", BY_ALARM or a person's login.
    detector: Mapped[Code] = mapped_column(default="poller")
    # Recorded by a person for what no meter saw; `subject` is what it is about ("port/12").
    manual: Mapped[bool] = mapped_column(default=False)
    subject: Mapped[Code] = mapped_column(default="")
    reason: Mapped[Text] = mapped_column(default="")
    # The series that show it: [{"series": id, "name": ..., "from": ..., "to": ...}].
    evidence: Mapped[list[dict[str, object]]] = mapped_column(JSONB, default=list)
    created_at: Mapped[Created]

    impacts: Mapped[list["IncidentImpact"]] = relationship(
        back_populates="incident", cascade="all, delete-orphan"
    )

    __table_args__ = (
        CheckConstraint(
            "kind IN ('power', 'power_feed', 'network', 'temperature', 'telemetry')", name="kind"
        ),
        CheckConstraint("ended_at IS NULL OR ended_at > started_at", name="dates"),
        CheckConstraint("manual = (subject <> '') AND manual = (reason <> '')", name="manual"),
    )


class IncidentImpact(Base):
    """One customer whom an incident concerns; `severity` is "down" or "information"."""

    __tablename__ = "incident_impact"

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(
        ForeignKey("incident.id", ondelete="CASCADE"), index=True
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int | None] = mapped_column(ForeignKey("contract_item.id"))
    severity: Mapped[str] = mapped_column(String(16))

    incident: Mapped[Incident] = relationship(back_populates="impacts")

    __table_args__ = (
        UniqueConstraint("incident_id", "customer_id", "contract_item_id"),
        CheckConstraint("severity IN ('down', 'information')", name="severity"),
    )


class ToldIncident(Base):
    """What a customer's people were last told of an incident: only what differs is told again.

    `times` counts the tellings. `ended_at`: none while it lasts, as told.
    """

    __tablename__ = "told_incident"

    incident_id: Mapped[int] = mapped_column(
        ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True
    )
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customer.id"), primary_key=True, index=True
    )
    event: Mapped[Code]
    # Ids of contract items, ascending; empty once it no longer concerns the customer.
    items: Mapped[list[int]] = mapped_column(JSONB)
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    times: Mapped[int] = mapped_column(SmallInteger, default=1)
