"""What counted against promises, as it was known at each instant."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Id, Instant, Name, Text
from dcim.db import Base


class BurnedStretch(Base):
    """Counted downtime of one promise of an item, `metric` of its terms, which leave `left_share`
    of the time; see `dcim.sla.rules.burned`. Appended and closed: `ended_at` grows while it lasts,
    `undone_at` is written once."""

    __tablename__ = "burned_stretch"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(BigInteger)
    metric: Mapped[Name]
    left_share: Mapped[float] = mapped_column(Float)
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant]
    known_at: Mapped[Instant]
    undone_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_burned_stretch_item_of_customer",
        ),
        Index("ix_burned_stretch_item_ended_at", "contract_item_id", "ended_at"),
        Index("ix_burned_stretch_ended_at", "ended_at"),
        CheckConstraint("left_share > 0", name="left_share"),
        CheckConstraint("ended_at > started_at", name="times"),
        CheckConstraint("undone_at >= known_at", name="undone"),
    )


class BurnRound(Base):
    """How far it is known of all contracts but those that are behind (`BurnProgress`): one row. Up
    to `until` it may be acted upon, and is never seen otherwise again. `since`: from when on there
    are stretches at all."""

    __tablename__ = "burn_round"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    since: Mapped[Instant | None]
    until: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint("id = 1", name="one"),
        CheckConstraint("(since IS NULL) = (until IS NULL) AND until >= since", name="span"),
    )


class BurnProgress(Base):
    """A contract that was judged or is to be. `until`: it is behind, known up to there and no
    further; empty: as far as all others. `problem`: why it can't be judged, as of `tried_at`; empty
    while it only waits. What is written of it next is known from `known_at` on, or later."""

    __tablename__ = "burn_progress"

    contract_id: Mapped[int] = mapped_column(
        ForeignKey("contract.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    until: Mapped[Instant | None]
    known_at: Mapped[Instant | None]
    tried_at: Mapped[Instant | None]
    problem: Mapped[Text] = mapped_column(default="", server_default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_burn_progress_contract_of_customer",
            ondelete="CASCADE",
        ),
        Index("ix_burn_progress_behind", "contract_id", postgresql_where=sql("until IS NOT NULL")),
    )
