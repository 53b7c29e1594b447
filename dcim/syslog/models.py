"""Syslog messages that were received, what operators say they mean, and what of them was dropped.

A message is a hint: nothing that is charged or credited reads these tables.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Id, Instant, Name
from dcim.db import Base
from dcim.inventory.models import Device


class SyslogMessage(Base):
    """A message, with how often the same came within a minute of the first (`message.Message`).

    `device_time` is the device's own, as it writes it, `device_at` the instant where it says one.
    `data` are [element, parameter, value] each. The class is empty where nothing says what it
    means; `rule` names what does.
    """

    __tablename__ = "syslog_message"

    id: Mapped[Id]
    # Of the receiver: to record a spooled message again is the same as once.
    uid: Mapped[Code] = mapped_column(unique=True)
    received_at: Mapped[Instant]
    last_at: Mapped[Instant]
    agent_id: Mapped[int | None] = mapped_column(
        ForeignKey("snmp_agent.id", ondelete="SET NULL"), index=True
    )
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    source: Mapped[Code]
    form: Mapped[Code]
    facility: Mapped[int | None] = mapped_column(SmallInteger)
    level: Mapped[int] = mapped_column(SmallInteger)
    device_time: Mapped[Code] = mapped_column(default="")
    device_at: Mapped[Instant | None]
    host: Mapped[Name] = mapped_column(default="")
    app: Mapped[Code] = mapped_column(default="")
    procid: Mapped[Name] = mapped_column(default="")
    msgid: Mapped[Code] = mapped_column(default="")
    event: Mapped[Name] = mapped_column(default="")
    data: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    text: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(BigInteger, default=1)
    alarm_class: Mapped[Code] = mapped_column(default="")
    severity: Mapped[Code] = mapped_column(default="")
    rule: Mapped[Name] = mapped_column(default="")

    device: Mapped[Device | None] = relationship()

    __table_args__ = (
        CheckConstraint("form IN ('5424', '3164')", name="form"),
        CheckConstraint("facility BETWEEN 0 AND 23", name="facility"),
        CheckConstraint("level BETWEEN 0 AND 7", name="level"),
        CheckConstraint("count > 0", name="count"),
        CheckConstraint("(alarm_class = '') = (severity = '')", name="meaning"),
        Index("ix_syslog_message_received_at", sql("received_at DESC"), sql("id DESC")),
        Index("ix_syslog_message_device", "device_id", sql("received_at DESC")),
        Index("ix_syslog_message_event", "event", sql("received_at DESC")),
        Index("ix_syslog_message_unknown", "event", postgresql_where=sql("alarm_class = ''")),
    )


class SyslogMapping(Base):
    """What an operator says that an event means: whatever its text, or where it contains one."""

    __tablename__ = "syslog_mapping"

    id: Mapped[Id]
    event: Mapped[Name]
    contains: Mapped[Name] = mapped_column(default="")
    alarm_class: Mapped[Code]
    severity: Mapped[Code]
    meaning: Mapped[Name] = mapped_column(default="")
    meaning_en: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Created]

    __table_args__ = (
        UniqueConstraint("event", "contains"),
        CheckConstraint("severity IN ('critical', 'warning', 'info', 'clear')", name="severity"),
    )


class SyslogDrop(Base):
    """What wasn't taken on a UTC day, by reason; without an agent: of all other addresses."""

    __tablename__ = "syslog_drop"

    id: Mapped[Id]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("snmp_agent.id", ondelete="CASCADE"))
    day: Mapped[int]
    reason: Mapped[Code]
    count: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("agent_id", "day", "reason", postgresql_nulls_not_distinct=True),
        Index("ix_syslog_drop_day", "day"),
    )
