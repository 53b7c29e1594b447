"""Shifts handed over: what was open at that instant, what was said, and who took over when."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Created, Id, Instant, Name, Text
from dcim.db import Base


class ShiftHandover(Base):
    """Written once; `items` is what was open at `given_at` (`dcim.handovers.freezing`). Whoever
    takes it over, not the one who gave it, closes it for good."""

    __tablename__ = "shift_handover"

    id: Mapped[Id]
    given_at: Mapped[Instant] = mapped_column(index=True)
    given_by: Mapped[Name]
    giver_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    meant_for_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    meant_for: Mapped[Name]
    notes: Mapped[Text] = mapped_column(default="")
    items: Mapped[dict[str, Any]] = mapped_column(JSONB)
    taken_at: Mapped[Instant | None]
    taken_by: Mapped[Name] = mapped_column(default="")
    taker_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"), index=True)

    __table_args__ = (
        CheckConstraint("taker_id <> giver_id AND meant_for_id <> giver_id", name="two_people"),
        CheckConstraint("(taken_at IS NULL) = (taker_id IS NULL)", name="taken"),
        CheckConstraint("(taken_at IS NULL) = (taken_by = '')", name="taken_by"),
        CheckConstraint("taken_at >= given_at", name="times"),
        Index(
            "uq_shift_handover_waiting",
            "giver_id",
            unique=True,
            postgresql_where=sql("taken_at IS NULL"),
        ),
    )


class HandoverItem(Base):
    """Something to be done, entered with a handover and carried on by the next ones until somebody
    ticks it off, saying what came of it."""

    __tablename__ = "handover_item"

    id: Mapped[Id]
    handover_id: Mapped[int] = mapped_column(ForeignKey("shift_handover.id"), index=True)
    text: Mapped[Text]
    entered_at: Mapped[Instant]
    entered_by: Mapped[Name]
    ticked_at: Mapped[Instant | None]
    ticked_by: Mapped[Name] = mapped_column(default="")
    outcome: Mapped[Text] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint("(ticked_at IS NULL) = (ticked_by = '')", name="ticked"),
        Index("ix_handover_item_open", "id", postgresql_where=sql("ticked_at IS NULL")),
    )


class HandoverNote(Base):
    """What is said of a handover afterwards, a correction among it; never changed."""

    __tablename__ = "handover_note"

    id: Mapped[Id]
    handover_id: Mapped[int] = mapped_column(ForeignKey("shift_handover.id"), index=True)
    at: Mapped[Created]
    actor: Mapped[Name]
    text: Mapped[Text]
