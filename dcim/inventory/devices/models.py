"""What devices are made of and what happens to them: ports, supplies, life cycle, passes."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Sequence,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import BitsPerSecond, Code, Created, Day, Document, Id, Instant, Name
from dcim.customers.models import Customer
from dcim.db import Base
from dcim.inventory.devices.lifecycle import DEVICE_STATES
from dcim.inventory.models import Device, DeviceType, Site, one_of

DIRECTIONS = ("in", "out")
PASS_STATES = ("requested", "approved", "refused", "passed", "cancelled")
LINE_KINDS = ("device", "media", "other")

PASS_NUMBERS = Sequence("equipment_pass_number", metadata=Base.metadata)


class DeviceTypePort(Base):
    """A network port every device of the type has; `kind` is its form, as 10gbase-x-sfpp."""

    __tablename__ = "device_type_port"

    id: Mapped[Id]
    type_id: Mapped[int] = mapped_column(ForeignKey("device_type.id", ondelete="CASCADE"))
    name: Mapped[Name]
    kind: Mapped[Code]
    # None where the form says no speed, as for a wireless or virtual port.
    speed_bps: Mapped[BitsPerSecond | None]
    mgmt: Mapped[bool] = mapped_column(default=False)

    device_type: Mapped[DeviceType] = relationship()

    __table_args__ = (UniqueConstraint("type_id", "name"),)


class DeviceTypeSupply(Base):
    """A power supply every device of the type has; watts at its inlet."""

    __tablename__ = "device_type_supply"

    id: Mapped[Id]
    type_id: Mapped[int] = mapped_column(ForeignKey("device_type.id", ondelete="CASCADE"))
    name: Mapped[Name]
    connector: Mapped[Code]
    maximum_w: Mapped[int]
    allocated_w: Mapped[int | None]

    device_type: Mapped[DeviceType] = relationship()

    __table_args__ = (
        UniqueConstraint("type_id", "name"),
        CheckConstraint("maximum_w >= 0", name="maximum"),
    )


class DeviceSupply(Base):
    """A power supply of one device. Which outlet it hangs on is written with the outlets."""

    __tablename__ = "device_supply"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    name: Mapped[Name]
    connector: Mapped[Code]
    maximum_w: Mapped[int]
    allocated_w: Mapped[int | None]

    device: Mapped[Device] = relationship()

    __table_args__ = (
        UniqueConstraint("device_id", "name"),
        CheckConstraint("maximum_w >= 0", name="maximum"),
    )


class DeviceTransition(Base):
    """One step of a device's life; rows are only ever added.

    `customer_id` is whose device it was at that time: a later user doesn't see it.
    `from_state` none is the device's entry into the inventory.
    """

    __tablename__ = "device_transition"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    from_state: Mapped[Code | None]
    to_state: Mapped[Code]
    at: Mapped[Instant]
    actor: Mapped[Name]
    note: Mapped[Name] = mapped_column(default="")
    detail: Mapped[Document] = mapped_column(default=dict)

    device: Mapped[Device] = relationship()

    __table_args__ = (CheckConstraint(one_of("to_state", DEVICE_STATES), name="to_state"),)


class EquipmentPass(Base):
    """Leave for equipment and media to come in or go out, checked at the gate (出入门单)."""

    __tablename__ = "equipment_pass"

    id: Mapped[Id]
    number: Mapped[Code] = mapped_column(unique=True)
    direction: Mapped[str] = mapped_column(String(8))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    # None: the operator's own things.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    bearer: Mapped[Name]
    # The last four characters of the document shown at the gate; never the whole number.
    bearer_document_hint: Mapped[str] = mapped_column(String(4), default="")
    planned_on: Mapped[Day]
    state: Mapped[Code] = mapped_column(default="requested")
    note: Mapped[Name] = mapped_column(default="")
    requested_by: Mapped[Name]
    requested_at: Mapped[Created]
    decided_by: Mapped[Name] = mapped_column(default="")
    decided_at: Mapped[Instant | None]
    # Why it was refused or cancelled.
    decision: Mapped[Name] = mapped_column(default="")
    checked_by: Mapped[Name] = mapped_column(default="")
    checked_at: Mapped[Instant | None]

    site: Mapped[Site] = relationship()
    customer: Mapped[Customer | None] = relationship()
    lines: Mapped[list["EquipmentPassLine"]] = relationship(
        back_populates="equipment_pass",
        order_by="EquipmentPassLine.id",
        foreign_keys="EquipmentPassLine.pass_id",
        cascade="all, delete-orphan",
    )

    __table_args__ = (
        CheckConstraint(one_of("direction", DIRECTIONS), name="direction"),
        CheckConstraint(one_of("state", PASS_STATES), name="state"),
        # So that a line can't hang on another customer's pass.
        UniqueConstraint("id", "customer_id"),
    )


class EquipmentPassLine(Base):
    """One thing on a pass; `counted` is how many the gate saw, none before it looked."""

    __tablename__ = "equipment_pass_line"

    id: Mapped[Id]
    pass_id: Mapped[int] = mapped_column(
        ForeignKey("equipment_pass.id", ondelete="CASCADE"), index=True
    )
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[Code]
    device_id: Mapped[int | None] = mapped_column(
        ForeignKey("device.id", ondelete="SET NULL"), index=True
    )
    description: Mapped[Name]
    serial: Mapped[Code] = mapped_column(default="")
    quantity: Mapped[int] = mapped_column(SmallInteger, default=1)
    counted: Mapped[int | None] = mapped_column(SmallInteger)

    equipment_pass: Mapped[EquipmentPass] = relationship(
        back_populates="lines", foreign_keys=[pass_id]
    )
    device: Mapped[Device | None] = relationship()

    __table_args__ = (
        CheckConstraint(one_of("kind", LINE_KINDS), name="kind"),
        CheckConstraint("quantity BETWEEN 1 AND 10000", name="quantity"),
        CheckConstraint("counted BETWEEN 0 AND quantity", name="counted"),
        ForeignKeyConstraint(
            ["pass_id", "customer_id"],
            ["equipment_pass.id", "equipment_pass.customer_id"],
            name="fk_equipment_pass_line_of_customer",
        ),
    )
