"""Meters that somebody walks up to and reads, and what was read."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    and_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from dcim.columns import Code, Created, Digest, Id, Instant, Name, Text
from dcim.customers.models import ContractItem, Customer, one_of
from dcim.db import Base
from dcim.inventory.models import Cabinet, Rack, Room
from dcim.metering.registers import MOST_DECIMALS, MOST_DIGITS, MOST_MULTIPLIER, Register
from dcim.network.order_models import StoredFile
from dcim.power.models import PowerNode

PLACES = ("power_node_id", "rack_id", "cabinet_id")
HANGING = "removed_at IS NULL"
READING_STATES = ("entered", "confirmed", "refused")


class Meter(Base):
    """One meter at one place for one contract item, [installed, removed).

    When the meter is changed, or the place goes to another item, this one ends with a last
    reading and the next begins with a first one. At most one place is named: the breaker or PDU,
    the rack or the cabinet behind it; without one it measures the item as a whole.
    """

    __tablename__ = "meter"

    id: Mapped[Id]
    serial: Mapped[Code]
    name: Mapped[Name] = mapped_column(default="")
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(ForeignKey("contract_item.id"), index=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), index=True)
    power_node_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    rack_id: Mapped[int | None] = mapped_column(ForeignKey("rack.id"), index=True)
    cabinet_id: Mapped[int | None] = mapped_column(ForeignKey("cabinet.id"), index=True)
    # The order in which one comes past it, of the meters of its room.
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    digits: Mapped[int] = mapped_column(SmallInteger, default=6)
    decimals: Mapped[int] = mapped_column(SmallInteger, default=0)
    multiplier: Mapped[int] = mapped_column(default=1)
    installed_at: Mapped[Instant]
    removed_at: Mapped[Instant | None]

    customer: Mapped[Customer] = relationship(foreign_keys=[customer_id])
    item: Mapped[ContractItem] = relationship(foreign_keys=[contract_item_id])
    room: Mapped[Room] = relationship()
    power_node: Mapped[PowerNode | None] = relationship()
    rack: Mapped[Rack | None] = relationship()
    cabinet: Mapped[Cabinet | None] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_meter_item_of_customer",
        ),
        UniqueConstraint("id", "customer_id"),
        UniqueConstraint("serial", "installed_at"),
        Index("uq_meter_serial_hanging", "serial", unique=True, postgresql_where=text(HANGING)),
        *(
            Index(f"uq_meter_{name}_hanging", name, unique=True, postgresql_where=text(HANGING))
            for name in PLACES
        ),
        Index(
            "uq_meter_item_hanging",
            "contract_item_id",
            unique=True,
            postgresql_where=text(f"{HANGING} AND num_nonnulls({', '.join(PLACES)}) = 0"),
        ),
        CheckConstraint(f"num_nonnulls({', '.join(PLACES)}) <= 1", name="place"),
        CheckConstraint("removed_at > installed_at", name="dates"),
        CheckConstraint(f"digits BETWEEN 3 AND {MOST_DIGITS}", name="digits"),
        CheckConstraint(f"decimals BETWEEN 0 AND {MOST_DECIMALS}", name="decimals"),
        CheckConstraint(f"multiplier BETWEEN 1 AND {MOST_MULTIPLIER}", name="multiplier"),
    )

    @property
    def register(self) -> Register:
        return Register(self.digits, self.decimals, self.multiplier)


class MeterReading(Base):
    """Entered once by one person, confirmed or refused once by another; a trigger lets nothing
    else change. What was wrong is corrected by a reading that names it; the original stays.

    `value` counts steps of 10^-decimals kWh. `doubts` name what spoke against it when it was
    entered, `doubt_reason` is why it holds all the same.
    """

    __tablename__ = "meter_reading"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    meter_id: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[Instant]
    value: Mapped[int] = mapped_column(BigInteger)
    rolled_over: Mapped[bool] = mapped_column(default=False)
    estimated: Mapped[bool] = mapped_column(default=False)
    estimate_reason: Mapped[Text] = mapped_column(default="")
    doubts: Mapped[list[str]] = mapped_column(JSONB, default=list)
    doubt_reason: Mapped[Text] = mapped_column(default="")
    note: Mapped[Text] = mapped_column(default="")
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    photo_sha256: Mapped[Digest | None]
    corrects_id: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[Created]
    read_by: Mapped[Name]
    state: Mapped[Code] = mapped_column(default="entered")
    decided_by: Mapped[Name] = mapped_column(default="")
    decided_at: Mapped[Instant | None]
    decision_note: Mapped[Text] = mapped_column(default="")

    meter: Mapped[Meter] = relationship(foreign_keys=[meter_id], viewonly=True)
    photo: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["meter_id", "customer_id"],
            ["meter.id", "meter.customer_id"],
            name="fk_meter_reading_meter_of_customer",
        ),
        ForeignKeyConstraint(
            ["corrects_id", "meter_id"],
            ["meter_reading.id", "meter_reading.meter_id"],
            name="fk_meter_reading_corrected",
        ),
        UniqueConstraint("id", "meter_id"),
        Index("ix_meter_reading_meter_id_read_at", "meter_id", "read_at"),
        # One correction at a time; one that was refused counts for nothing.
        Index(
            "uq_meter_reading_correction",
            "corrects_id",
            unique=True,
            postgresql_where=text("state <> 'refused'"),
        ),
        CheckConstraint(one_of("state", READING_STATES), name="state"),
        CheckConstraint(
            "(state = 'entered') = (decided_at IS NULL)"
            " AND (state = 'entered') = (decided_by = '')",
            name="decided",
        ),
        CheckConstraint("lower(decided_by) <> lower(read_by)", name="four_eyes"),
        CheckConstraint("value >= 0", name="value"),
        CheckConstraint("estimated = (estimate_reason <> '')", name="estimate"),
        CheckConstraint("(doubts = '[]'::jsonb) OR doubt_reason <> ''", name="doubts"),
        CheckConstraint("(photo_id IS NULL) = (photo_sha256 IS NULL)", name="photo"),
        CheckConstraint("corrects_id <> id", name="corrects"),
    )


def is_corrected(reading: Any) -> ColumnElement[bool]:
    """Of MeterReading or an alias of it: another one names it, and wasn't refused. A correction
    counts from its entry."""
    correction = aliased(MeterReading)
    return (
        select(correction.id)
        .where(correction.corrects_id == reading.id, correction.state != "refused")
        .correlate(reading)
        .exists()
    )


def stands(reading: Any) -> ColumnElement[bool]:
    """Neither refused nor corrected."""
    return and_(reading.state != "refused", ~is_corrected(reading))
