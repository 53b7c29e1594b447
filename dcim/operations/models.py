"""Planned maintenance with its proof of notice, and tickets with their times."""

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Id, Instant, Name
from dcim.db import Base


class Maintenance(Base):
    __tablename__ = "maintenance"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[Name]
    title_en: Mapped[Name]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    announced_at: Mapped[Instant]
    approved_by: Mapped[Name] = mapped_column(default="")

    targets: Mapped[list["MaintenanceTarget"]] = relationship(
        back_populates="maintenance", cascade="all, delete-orphan"
    )
    notices: Mapped[list["MaintenanceNotice"]] = relationship(
        back_populates="maintenance", cascade="all, delete-orphan"
    )

    __table_args__ = (CheckConstraint("ends_at > starts_at", name="dates"),)


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
    """That a customer was told, when and how."""

    __tablename__ = "maintenance_notice"

    id: Mapped[Id]
    maintenance_id: Mapped[int] = mapped_column(
        ForeignKey("maintenance.id", ondelete="CASCADE"), index=True
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    sent_at: Mapped[Instant]
    channel: Mapped[Code]
    recipient: Mapped[Name]

    maintenance: Mapped[Maintenance] = relationship(back_populates="notices")

    __table_args__ = (UniqueConstraint("maintenance_id", "customer_id", "channel"),)


class Ticket(Base):
    __tablename__ = "ticket"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    number: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[Code]
    title: Mapped[Name]
    opened_at: Mapped[Created]
    responded_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint("kind IN ('fault', 'remote_hands', 'visit', 'question')", name="kind"),
    )
