"""What each bandwidth service used by the month, as last worked out."""

from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import BitsPerSecond, Code, Id, Instant, Money, Text
from dcim.db import Base


class UsageMonth(Base):
    """One row for a service and its month, written over by each round; nothing hangs on it.

    A statement is what is owed; this is for boards and charts, where working it out for every port
    would take too long. `as_of` is up to when it was worked out, `problem` says why it couldn't be;
    the figures are then the older ones. Of services billed together (`ports` more than one) the
    figures are those of all of them. `line` is what the point that decided is of: in, out, higher,
    sum or mean; empty where no single point did.
    """

    __tablename__ = "usage_month"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("bandwidth_service.id", ondelete="CASCADE"))
    # The contract's month, "2026-10", and the instants at which it begins and ends.
    period: Mapped[str] = mapped_column(String(7))
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    tried_at: Mapped[Instant]
    as_of: Mapped[Instant | None]
    problem: Mapped[Text] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(String(3))
    percentile: Mapped[Code]
    interval_s: Mapped[int]
    min_cover: Mapped[Decimal] = mapped_column(Numeric(6, 3))
    ports: Mapped[int]
    line: Mapped[Code] = mapped_column(default="")
    # The point itself, and what is billed by it: bounds and rounding of the terms lie between.
    point_bps: Mapped[BitsPerSecond | None]
    billed_bps: Mapped[BitsPerSecond | None]
    in_bps: Mapped[BitsPerSecond | None]
    out_bps: Mapped[BitsPerSecond | None]
    commit_bps: Mapped[BitsPerSecond | None]
    over_bps: Mapped[BitsPerSecond | None]
    over_amount: Mapped[Money | None]
    expected: Mapped[int] = mapped_column(BigInteger, default=0)
    present: Mapped[int] = mapped_column(BigInteger, default=0)
    # Where the month will likely end.
    forecast_bps: Mapped[BitsPerSecond | None]

    __table_args__ = (
        UniqueConstraint("service_id", "period"),
        Index("ix_usage_month_ends_at", "ends_at"),
        CheckConstraint("as_of IS NOT NULL OR problem <> ''", name="told"),
    )
