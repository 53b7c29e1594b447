"""Traps that were received, what operators say they mean, and what of them was dropped.

A trap is a hint: nothing that is charged or credited reads these tables.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Document, Id, Instant, Name
from dcim.db import Base
from dcim.inventory.models import Device


class Trap(Base):
    """A trap or inform, with how often the same came within a minute of the first.

    `oid` names it in the way of v2; `enterprise`, `generic`, `specific` and `agent_address` are as
    v1 said. `varbinds` are [oid, BER tag, text] each, octets as hexadecimal digits. The class is
    empty where nothing says what it means; `rule` names what does.
    """

    __tablename__ = "trap"

    id: Mapped[Id]
    # Of the receiver: to record a spooled trap again is the same as once.
    uid: Mapped[Code] = mapped_column(unique=True)
    received_at: Mapped[Instant]
    last_at: Mapped[Instant]
    agent_id: Mapped[int | None] = mapped_column(
        ForeignKey("snmp_agent.id", ondelete="SET NULL"), index=True
    )
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    source: Mapped[Code]
    version: Mapped[Code]
    is_inform: Mapped[bool]
    oid: Mapped[str] = mapped_column(Text)
    enterprise: Mapped[str] = mapped_column(Text, default="")
    generic: Mapped[int | None]
    specific: Mapped[int | None]
    agent_address: Mapped[Code] = mapped_column(default="")
    uptime_ticks: Mapped[int | None] = mapped_column(BigInteger)
    varbinds: Mapped[Document]
    count: Mapped[int] = mapped_column(BigInteger, default=1)
    alarm_class: Mapped[Code] = mapped_column(default="")
    severity: Mapped[Code] = mapped_column(default="")
    rule: Mapped[Name] = mapped_column(default="")

    device: Mapped[Device | None] = relationship()

    __table_args__ = (
        CheckConstraint("version IN ('1', '2c', '3')", name="version"),
        CheckConstraint("count > 0", name="count"),
        CheckConstraint("(alarm_class = '') = (severity = '')", name="meaning"),
        Index("ix_trap_received_at", text("received_at DESC"), text("id DESC")),
        Index("ix_trap_device", "device_id", text("received_at DESC")),
        Index("ix_trap_oid", "oid", text("received_at DESC")),
        Index("ix_trap_unknown", "oid", postgresql_where=text("alarm_class = ''")),
    )


class TrapMapping(Base):
    """What an operator says that a trap means: one OID, or all below it."""

    __tablename__ = "trap_mapping"

    id: Mapped[Id]
    oid: Mapped[Name]
    below: Mapped[bool] = mapped_column(default=False)
    alarm_class: Mapped[Code]
    severity: Mapped[Code]
    meaning: Mapped[Name] = mapped_column(default="")
    meaning_en: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Created]

    __table_args__ = (
        UniqueConstraint("oid"),
        CheckConstraint("severity IN ('critical', 'warning', 'info', 'clear')", name="severity"),
    )


class TrapEngine(Base):
    """The SNMPv3 engine that a source was first heard with, and its clock as last authenticated.

    `boots` and `time_s` never go back; `heard_at` is when they were heard.
    """

    __tablename__ = "trap_engine"

    id: Mapped[Id]
    source: Mapped[Code] = mapped_column(unique=True)
    engine_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    boots: Mapped[int] = mapped_column(BigInteger)
    time_s: Mapped[int] = mapped_column(BigInteger)
    heard_at: Mapped[Instant]


class TrapDrop(Base):
    """What wasn't taken on a UTC day, by reason; without an agent: of all other addresses."""

    __tablename__ = "trap_drop"

    id: Mapped[Id]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("snmp_agent.id", ondelete="CASCADE"))
    day: Mapped[int]
    reason: Mapped[Code]
    count: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("agent_id", "day", "reason", postgresql_nulls_not_distinct=True),
        Index("ix_trap_drop_day", "day"),
    )
