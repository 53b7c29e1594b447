"""Rules, the alarms they raised with all that became of them, and what evaluation remembers."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.alarms.rules.limits import KINDS, SEVERITIES, WAYS
from dcim.alarms.rules.quantities import QUANTITIES, SUBJECT_KINDS
from dcim.columns import Code, Created, Document, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

# Nearest first: of several that fit a subject the first one holds.
SCOPES = ("subject", "device", "customer", "class", "site")
EVENT_KINDS = (
    "raised", "cleared", "flapping", "steady", "ended", "silenced", "unsilenced", "notified",
    "folded", "unfolded", "acknowledged", "assigned", "noted", "snoozed", "unsnoozed",
    "incident", "customers_told",
    "escalated", "unreached",
)  # fmt: skip
# Why it is over: measured so; its rule no longer holds for it; what it is about is gone.
ENDINGS = ("", "cleared", "ended")
TRIAL_STATES = ("waiting", "running", "done", "failed")


class AlarmRule(Base):
    """See `dcim.alarms.rules.limits.Rule`; `quantity` and `kind` never change. Built-in ones can be
    changed and switched off, not deleted.

    `incident_after_min`: an alarm that has lasted so many minutes opens an incident;
    `tell_after_min`: and customers who are hit are told; null: no.
    """

    __tablename__ = "alarm_rule"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    name_en: Mapped[Name]
    built_in: Mapped[bool] = mapped_column(Boolean, default=False)
    enabled: Mapped[bool] = mapped_column(Boolean, default=False)
    kind: Mapped[Code]
    quantity: Mapped[Code]
    way: Mapped[Code] = mapped_column(default="above")
    raise_at: Mapped[float] = mapped_column(Float)
    clear_at: Mapped[float] = mapped_column(Float)
    raise_for_s: Mapped[int] = mapped_column(Integer, default=0)
    clear_for_s: Mapped[int] = mapped_column(Integer, default=0)
    severity: Mapped[Code]
    window_s: Mapped[int] = mapped_column(Integer, default=0)
    horizon_s: Mapped[int] = mapped_column(Integer, default=0)
    flap_changes: Mapped[int] = mapped_column(SmallInteger, default=0)
    flap_within_s: Mapped[int] = mapped_column(Integer, default=0)
    subject_class: Mapped[Code] = mapped_column(default="")
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    incident_after_min: Mapped[int | None] = mapped_column(Integer)
    tell_after_min: Mapped[int | None] = mapped_column(Integer)
    changed_at: Mapped[Created]
    changed_by: Mapped[Name] = mapped_column(default="")

    overrides: Mapped[list["AlarmOverride"]] = relationship(
        back_populates="rule", cascade="all, delete-orphan", order_by="AlarmOverride.id"
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(one_of("quantity", tuple(QUANTITIES)), name="quantity"),
        CheckConstraint(one_of("way", WAYS), name="way"),
        CheckConstraint(one_of("severity", SEVERITIES), name="severity"),
        CheckConstraint(
            "(way = 'above' AND clear_at <= raise_at) OR (way = 'below' AND clear_at >= raise_at)",
            name="limits",
        ),
        CheckConstraint("incident_after_min BETWEEN 0 AND 1440", name="incident_after_min"),
        CheckConstraint("tell_after_min BETWEEN 0 AND 1440", name="tell_after_min"),
    )


class AlarmOverride(Base):
    """What holds otherwise for some subjects of a rule; null: as the rule says.

    `target_id` is the site, customer or device, or of scope "subject" the port, power node, series
    or agent that the rule's quantity is about; a class has `target_class` instead. What it names
    may be gone: then it fits nothing.
    """

    __tablename__ = "alarm_override"

    id: Mapped[Id]
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarm_rule.id", ondelete="CASCADE"))
    scope: Mapped[Code]
    target_id: Mapped[int | None] = mapped_column(BigInteger)
    target_class: Mapped[Code] = mapped_column(default="")
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    raise_at: Mapped[float | None] = mapped_column(Float)
    clear_at: Mapped[float | None] = mapped_column(Float)
    raise_for_s: Mapped[int | None] = mapped_column(Integer)
    clear_for_s: Mapped[int | None] = mapped_column(Integer)
    severity: Mapped[Code | None]
    changed_at: Mapped[Created]
    changed_by: Mapped[Name] = mapped_column(default="")

    rule: Mapped[AlarmRule] = relationship(back_populates="overrides")

    __table_args__ = (
        UniqueConstraint(
            "rule_id", "scope", "target_id", "target_class", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint(one_of("scope", SCOPES), name="scope"),
        CheckConstraint("(scope = 'class') = (target_id IS NULL)", name="target"),
        CheckConstraint("(scope = 'class') = (target_class <> '')", name="target_class"),
    )


class Alarm(Base):
    """One alarm of a rule on one subject; open until `cleared_at`.

    `began_at`, `raised_at` and `cleared_at` are times of samples: the first one beyond the limit,
    the one that raised it, the one that ended it. `seen_at` is when we saw that. `label` is what
    the subject was called then. `detail`: which part of it raised it (`alarms.details`).
    `root_id`: the alarm that this one is a consequence of. `incident_id`: the incident that it was,
    as a person or its rule said.
    """

    __tablename__ = "alarm"

    id: Mapped[Id]
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarm_rule.id"), index=True)
    subject_kind: Mapped[Code]
    subject_id: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[Name]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    severity: Mapped[Code]
    began_at: Mapped[Instant]
    raised_at: Mapped[Instant]
    seen_at: Mapped[Instant]
    cleared_at: Mapped[Instant | None]
    ending: Mapped[Code] = mapped_column(default="")
    # What raised it, and the limit it passed, in the quantity's unit.
    value: Mapped[float] = mapped_column(Float)
    limit: Mapped[float] = mapped_column(Float)
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    flapping: Mapped[bool] = mapped_column(Boolean, default=False)
    acknowledged_at: Mapped[Instant | None]
    acknowledged_by: Mapped[Name] = mapped_column(default="")
    assigned_to: Mapped[Name] = mapped_column(default="")
    snoozed_until: Mapped[Instant | None]
    silenced_by: Mapped[int | None] = mapped_column(ForeignKey("maintenance.id"), index=True)
    root_id: Mapped[int | None] = mapped_column(ForeignKey("alarm.id"), index=True)
    notified_at: Mapped[Instant | None]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)

    rule: Mapped[AlarmRule] = relationship()

    __table_args__ = (
        UniqueConstraint("rule_id", "subject_kind", "subject_id", "raised_at"),
        Index(
            "uq_alarm_open",
            "rule_id",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=sql("cleared_at IS NULL"),
        ),
        Index("ix_alarm_raised_at", "raised_at"),
        CheckConstraint(one_of("subject_kind", SUBJECT_KINDS), name="subject_kind"),
        CheckConstraint(one_of("severity", SEVERITIES), name="severity"),
        CheckConstraint(one_of("ending", ENDINGS), name="ending"),
        CheckConstraint("(cleared_at IS NULL) = (ending = '')", name="ended"),
        CheckConstraint("began_at <= raised_at", name="began"),
        CheckConstraint("cleared_at >= raised_at", name="times"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by = '')", name="acknowledged"),
        CheckConstraint("root_id <> id", name="root"),
    )


class AlarmEvent(Base):
    """What happened to an alarm and who did it; never changed. `at` of what was measured is the
    sample's time. `until` of a snooze."""

    __tablename__ = "alarm_event"

    id: Mapped[Id]
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"), index=True)
    at: Mapped[Instant]
    recorded_at: Mapped[Created]
    kind: Mapped[Code]
    actor: Mapped[Name] = mapped_column(default="")
    text: Mapped[Text] = mapped_column(default="")
    until: Mapped[Instant | None]

    alarm: Mapped[Alarm] = relationship()

    __table_args__ = (CheckConstraint(one_of("kind", EVENT_KINDS), name="kind"),)


class AlarmState(Base):
    """What a rule remembers of a subject that isn't calm (`rules.episodes.State`)."""

    __tablename__ = "alarm_state"

    rule_id: Mapped[int] = mapped_column(
        ForeignKey("alarm_rule.id", ondelete="CASCADE"), primary_key=True
    )
    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[Document]


class AlarmRound(Base):
    """The last evaluation: one row. `marks` tell whether anything came since; `burned`, up to when
    it judged what promises leave (`burns.write_span`)."""

    __tablename__ = "alarm_round"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    marks: Mapped[Text]
    took_ms: Mapped[int] = mapped_column(Integer)
    subjects: Mapped[int] = mapped_column(Integer)
    burned: Mapped[Document | None]

    __table_args__ = (CheckConstraint("id = 1", name="one"),)


class AlarmRecipient(Base):
    """Who is mailed about alarms of a severity or graver, of one site or all, in which language."""

    __tablename__ = "alarm_recipient"

    id: Mapped[Id]
    address: Mapped[Name]
    language: Mapped[Code] = mapped_column(default="zh")
    severity: Mapped[Code]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    created_at: Mapped[Created]

    __table_args__ = (
        UniqueConstraint("address", "site_id", postgresql_nulls_not_distinct=True),
        CheckConstraint(one_of("severity", SEVERITIES), name="severity"),
        CheckConstraint("language IN ('zh', 'en')", name="language"),
    )


class AlarmTrial(Base):
    """A rule as typed, tried on the stored samples of [start, end); see `dcim.alarms.trying`.

    `rule` is the Rule; `rule_id` the one it was tried for, with whose overrides. `result` is
    written when it is done.
    """

    __tablename__ = "alarm_trial"

    id: Mapped[Id]
    rule_id: Mapped[int | None] = mapped_column(
        ForeignKey("alarm_rule.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[Name] = mapped_column(default="")
    rule: Mapped[Document]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    state: Mapped[Code] = mapped_column(default="waiting")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    asked_at: Mapped[Created]
    asked_by: Mapped[Name] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint(one_of("state", TRIAL_STATES), name="state"),
        CheckConstraint("ends_at > starts_at", name="window"),
        CheckConstraint("(state = 'done') = (result IS NOT NULL)", name="result"),
    )
