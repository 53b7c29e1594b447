"""Calendars of who is on call, policies of whom to tell when nobody takes an alarm on, and what was
told by them."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    SmallInteger,
    Table,
    Time,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.accounts.models import User
from dcim.alarms.rules.limits import SEVERITIES
from dcim.columns import Code, Created, Day, Id, Instant, Name
from dcim.customers.models import one_of
from dcim.db import Base

# Whom a step tells: who is on call by a calendar, one of the staff, a robot, webhook or syslog.
STEP_KINDS = ("calendar", "person", "endpoint")
# Told, or why nobody was: nobody is on call; the account is switched off or has no mail address;
# mail isn't set up; the endpoint is off or deleted.
OUTCOMES = ("told", "gap", "inactive", "no_mail", "endpoint_off")


class OnCallCalendar(Base):
    """See `dcim.alarms.escalation.Rotation`: `handover` is wall-clock time of `timezone`."""

    __tablename__ = "on_call_calendar"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    timezone: Mapped[Code]
    handover: Mapped[dt.time] = mapped_column(Time)
    first_day: Mapped[Day]
    days: Mapped[int] = mapped_column(SmallInteger)
    ends_on: Mapped[Day | None]
    changed_at: Mapped[Created]
    changed_by: Mapped[Name] = mapped_column(default="")

    turns: Mapped[list["OnCallTurn"]] = relationship(
        cascade="all, delete-orphan", order_by="OnCallTurn.position"
    )
    holidays: Mapped[list["OnCallHoliday"]] = relationship(
        cascade="all, delete-orphan", order_by="OnCallHoliday.day"
    )
    stand_ins: Mapped[list["OnCallStandIn"]] = relationship(
        cascade="all, delete-orphan", order_by="OnCallStandIn.id"
    )

    __table_args__ = (
        CheckConstraint("days BETWEEN 1 AND 366", name="days"),
        CheckConstraint("ends_on > first_day", name="ends"),
    )


class OnCallTurn(Base):
    """One of the people in turn, from position 0 on; somebody may have several turns."""

    __tablename__ = "on_call_turn"

    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("on_call_calendar.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)

    user: Mapped[User] = relationship()


class OnCallHoliday(Base):
    """Who has the duty day of a date instead of whose turn it is."""

    __tablename__ = "on_call_holiday"

    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("on_call_calendar.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[Day] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)

    user: Mapped[User] = relationship()


class OnCallStandIn(Base):
    """Somebody stands in from `starts_at` to `ends_at`; of several at once the last entered."""

    __tablename__ = "on_call_stand_in"

    id: Mapped[Id]
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("on_call_calendar.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    reason: Mapped[Name] = mapped_column(default="")
    entered_at: Mapped[Created]
    entered_by: Mapped[Name] = mapped_column(default="")

    user: Mapped[User] = relationship()

    __table_args__ = (CheckConstraint("ends_at > starts_at", name="times"),)


escalation_policy_rule = Table(
    "escalation_policy_rule",
    Base.metadata,
    Column(
        "policy_id",
        BigInteger,
        ForeignKey("escalation_policy.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    # Not by cascade: a policy of one rule must not become one of all rules.
    Column("rule_id", BigInteger, ForeignKey("alarm_rule.id"), primary_key=True, index=True),
)


class EscalationPolicy(Base):
    """Covers open alarms of a severity and graver, of one site or all, of some rules or all.

    `counts_from`: what it says holds since then; minutes of an older alarm count from there.
    """

    __tablename__ = "escalation_policy"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    severity: Mapped[Code]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    counts_from: Mapped[Instant]
    changed_at: Mapped[Created]
    changed_by: Mapped[Name] = mapped_column(default="")

    steps: Mapped[list["EscalationStep"]] = relationship(
        cascade="all, delete-orphan", order_by="EscalationStep.number"
    )

    __table_args__ = (CheckConstraint(one_of("severity", SEVERITIES), name="severity"),)


class EscalationStep(Base):
    """`number` from 0; tells one of the three after so many minutes unacknowledged."""

    __tablename__ = "escalation_step"

    policy_id: Mapped[int] = mapped_column(
        ForeignKey("escalation_policy.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    after_min: Mapped[int] = mapped_column(Integer)
    kind: Mapped[Code]
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("on_call_calendar.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("endpoint.id"), index=True)

    __table_args__ = (
        CheckConstraint(one_of("kind", STEP_KINDS), name="kind"),
        CheckConstraint("after_min BETWEEN 0 AND 10080", name="after"),
        CheckConstraint("(kind = 'calendar') = (calendar_id IS NOT NULL)", name="calendar"),
        CheckConstraint("(kind = 'person') = (user_id IS NOT NULL)", name="person"),
        CheckConstraint("(kind = 'endpoint') = (endpoint_id IS NOT NULL)", name="endpoint"),
    )


class EscalationDeed(Base):
    """A step of an alarm, done once for each time its minutes began to count.

    `at` is the step's own instant, `done_at` when it was done; `by` is how the calendar came to
    that person, `who` the address or the endpoint's name, as they were then.
    """

    __tablename__ = "escalation_deed"

    id: Mapped[Id]
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"), index=True)
    policy_id: Mapped[int | None] = mapped_column(
        ForeignKey("escalation_policy.id", ondelete="SET NULL"), index=True
    )
    counted_from: Mapped[Instant]
    number: Mapped[int] = mapped_column(SmallInteger)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("alarm_event.id"), unique=True)
    at: Mapped[Instant]
    done_at: Mapped[Instant]
    outcome: Mapped[Code]
    who: Mapped[Name] = mapped_column(default="")
    by: Mapped[Code] = mapped_column(default="")
    calendar: Mapped[Name] = mapped_column(default="")
    policy: Mapped[Name] = mapped_column(default="")

    __table_args__ = (
        UniqueConstraint("alarm_id", "policy_id", "counted_from", "number"),
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome"),
    )
