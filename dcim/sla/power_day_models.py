"""What sites and rooms drew, day by day, as last worked out."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Day, Id, Instant, Watts
from dcim.db import Base


class PowerDay(Base):
    """A UTC day of one site or room: the sum of its racks' feeds, by five minutes.

    Written over by each round until the day is settled; nothing hangs on it. Of the day's 288 bins
    `known` are known: its `feeds` together were read for most of them (`power_rounds`); `mean_w`
    and `peak_w` are of those, none where there are none. Of the feeds `unmeasured` have no meter.
    `contracted_w` and `derated_w` are what was sold there and what one feed might carry when the
    day was last added up while it ran; none where it wasn't.
    """

    __tablename__ = "power_day"

    id: Mapped[Id]
    day: Mapped[Day]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id", ondelete="CASCADE"))
    measured_at: Mapped[Instant]
    feeds: Mapped[int]
    unmeasured: Mapped[int]
    known: Mapped[int]
    mean_w: Mapped[Watts | None]
    peak_w: Mapped[Watts | None]
    contracted_w: Mapped[Watts | None]
    derated_w: Mapped[Watts | None]

    __table_args__ = (
        UniqueConstraint(
            "site_id", "room_id", "day", name="uq_power_day_of", postgresql_nulls_not_distinct=True
        ),
        Index("ix_power_day_day", "day"),
        CheckConstraint("num_nonnulls(site_id, room_id) = 1", name="one_subject"),
        CheckConstraint("known BETWEEN 0 AND 288", name="known"),
    )
