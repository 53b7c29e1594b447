"""What is measured: one series per port, power node or sensor, its hot samples and day blocks."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Document, Name
from dcim.db import Base
from dcim.inventory.models import Device

FAMILIES = ("traffic", "power", "climate", "state")


class Series(Base):
    """One thing measured on one device. `slot` is its stable name there, never an ifIndex.

    At most one of port, power node and room says what in the inventory it measures.
    """

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    family: Mapped[Code]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    slot: Mapped[Name]
    step_s: Mapped[int] = mapped_column(SmallInteger, default=60)
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"), index=True)
    power_node_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)

    device: Mapped[Device] = relationship()

    __table_args__ = (
        UniqueConstraint("family", "device_id", "slot"),
        CheckConstraint("family IN ('traffic', 'power', 'climate', 'state')", name="family"),
        CheckConstraint("num_nonnulls(port_id, power_node_id, room_id) <= 1", name="one_subject"),
    )


class CounterMemory(Base):
    """The last raw counters of a series, committed with the samples made from them."""

    __tablename__ = "counter_memory"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("series.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[Document]


class SampleBlock(Base):
    """One series' day, compressed; `day` counts UTC days since the epoch."""

    __tablename__ = "sample_block"

    series_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    first_ms: Mapped[int] = mapped_column(BigInteger)
    last_ms: Mapped[int] = mapped_column(BigInteger)
    codec: Mapped[int] = mapped_column(SmallInteger)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class _Hot:
    """Columns every family shares. The key begins with the time: a cycle appends at the edge."""

    ts: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    series_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    # Elapsed milliseconds the deltas cover, by the poller's monotonic clock; 0 for a reading.
    span_ms: Mapped[int] = mapped_column(Integer, default=0)
    flags: Mapped[int] = mapped_column(SmallInteger, default=0)


class TrafficSample(_Hot, Base):
    """Octets and errors since the sample before (IF-MIB ifHCInOctets, ifHCOutOctets, ...)."""

    __tablename__ = "traffic_hot"

    in_octets: Mapped[int] = mapped_column(BigInteger)
    out_octets: Mapped[int] = mapped_column(BigInteger)
    in_errors: Mapped[int] = mapped_column(BigInteger)
    out_errors: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_traffic_hot_series_id", "series_id", "ts"),)


class PowerSample(_Hot, Base):
    """Millivolts, milliamperes, milliwatts; watt-hours since the sample before."""

    __tablename__ = "power_hot"

    mv: Mapped[int] = mapped_column(BigInteger)
    ma: Mapped[int] = mapped_column(BigInteger)
    mw: Mapped[int] = mapped_column(BigInteger)
    wh: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_power_hot_series_id", "series_id", "ts"),)


class ClimateSample(_Hot, Base):
    """Thousandths of a degree Celsius; relative humidity in thousandths, -1 where none."""

    __tablename__ = "climate_hot"

    mc: Mapped[int] = mapped_column(BigInteger)
    rh: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_climate_hot_series_id", "series_id", "ts"),)


class StateSample(_Hot, Base):
    """1 up (alive), 2 down (dead), 0 the agent itself said it doesn't know."""

    __tablename__ = "state_hot"

    state: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_state_hot_series_id", "series_id", "ts"),)


class LatestSample(Base):
    """The newest sample of each series, for boards that show all of them at once."""

    __tablename__ = "series_latest"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("series.id", ondelete="CASCADE"), primary_key=True
    )
    ts: Mapped[int] = mapped_column(BigInteger)
    span_ms: Mapped[int] = mapped_column(Integer)
    flags: Mapped[int] = mapped_column(SmallInteger)
    # The family's columns in their order.
    values: Mapped[Document]


__all__ = [
    "FAMILIES",
    "ClimateSample",
    "CounterMemory",
    "LatestSample",
    "PowerSample",
    "SampleBlock",
    "Series",
    "StateSample",
    "TrafficSample",
]
