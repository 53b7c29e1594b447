"""What lines, carriers, sites, customers and LAGs carried, day by day, as last worked out."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import BitsPerSecond, Day, Id, Instant
from dcim.db import Base


class TrafficDay(Base):
    """A UTC day of one circuit, carrier, site, customer or LAG (by its own port): the sum of its
    ports, bin by bin.

    Written over by each round until the day is settled; nothing hangs on it. `bins` is
    `dcim.metering.day_bins` of five minutes; rates in bit/s are of its bins, none where no bin was
    measured. Of `members` ports or lines `unmeasured` aren't in the sum: no series measures them.
    """

    __tablename__ = "traffic_day"

    id: Mapped[Id]
    day: Mapped[Day]
    circuit_id: Mapped[int | None] = mapped_column(ForeignKey("circuit.id", ondelete="CASCADE"))
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id", ondelete="CASCADE"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customer.id", ondelete="CASCADE"), index=True
    )
    lag_port_id: Mapped[int | None] = mapped_column(
        ForeignKey("port.id", ondelete="CASCADE"), index=True
    )
    measured_at: Mapped[Instant]
    members: Mapped[int]
    unmeasured: Mapped[int] = mapped_column(default=0)
    in_p95_bps: Mapped[BitsPerSecond | None]
    out_p95_bps: Mapped[BitsPerSecond | None]
    in_max_bps: Mapped[BitsPerSecond | None]
    out_max_bps: Mapped[BitsPerSecond | None]
    present: Mapped[int] = mapped_column(default=0)
    bins: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint(
            "circuit_id", "carrier_id", "site_id", "customer_id", "lag_port_id", "day",
            name="uq_traffic_day_of", postgresql_nulls_not_distinct=True,
        ),
        Index("ix_traffic_day_day", "day"),
        CheckConstraint(
            "num_nonnulls(circuit_id, carrier_id, site_id, customer_id, lag_port_id) = 1",
            name="one_subject",
        ),
    )  # fmt: skip
