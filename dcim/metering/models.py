"""What is measured: one series per port, power node or sensor, its hot samples and day blocks."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Document, Id, Name
from dcim.db import Base
from dcim.inventory.models import Device

FAMILIES = ("traffic", "power", "climate", "state", "probe", "discards", "optics")


class Series(Base):
    """One thing measured on one device, or by echoes to one target. `slot` is its stable name
    there, never an ifIndex.

    At most one of port, power node and room says what in the inventory it measures; a port since
    `bound_since_ms` (UTC epoch ms; null: since the first sample), see `dcim.metering.bindings`.
    """

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    family: Mapped[Code]
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    probe_target_id: Mapped[int | None] = mapped_column(ForeignKey("probe_target.id"), unique=True)
    slot: Mapped[Name]
    step_s: Mapped[int] = mapped_column(SmallInteger, default=60)
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"), index=True)
    power_node_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)
    bound_since_ms: Mapped[int | None] = mapped_column(BigInteger)

    device: Mapped[Device | None] = relationship()

    __table_args__ = (
        UniqueConstraint("family", "device_id", "slot"),
        CheckConstraint(
            "family IN ('traffic', 'power', 'climate', 'state', 'probe', 'discards', 'optics')",
            name="family",
        ),
        CheckConstraint("num_nonnulls(device_id, probe_target_id) = 1", name="one_source"),
        CheckConstraint("num_nonnulls(port_id, power_node_id, room_id) <= 1", name="one_subject"),
        CheckConstraint("bound_since_ms IS NULL OR port_id IS NOT NULL", name="bound_since"),
        Index(
            "uq_series_one_of_port",
            "port_id",
            "family",
            unique=True,
            postgresql_where=text("port_id IS NOT NULL"),
        ),
    )


class FormerBinding(Base):
    """A port that a series once measured, in [start, end) UTC epoch ms; null: from the first
    sample on."""

    __tablename__ = "former_binding"

    id: Mapped[Id]
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"))
    port_id: Mapped[int] = mapped_column(ForeignKey("port.id"), index=True)
    start_ms: Mapped[int | None] = mapped_column(BigInteger)
    end_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("series_id", "end_ms"),
        CheckConstraint("start_ms < end_ms", name="span"),
    )


class CounterMemory(Base):
    """The last raw counters of a series, committed with the samples made from them."""

    __tablename__ = "counter_memory"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("series.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[Document]


class SampleBlock(Base):
    """One series' day, compressed; `day` counts UTC days since the epoch.

    In partitions of a month (`metering.partitions`).
    """

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

    __table_args__ = ({"postgresql_partition_by": "RANGE (day)"},)


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


class ProbeSample(_Hot, Base):
    """One round of echoes to one target (`metering.families.PROBE`)."""

    __tablename__ = "probe_hot"

    sent: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    unsent: Mapped[int] = mapped_column(BigInteger)
    min_us: Mapped[int] = mapped_column(BigInteger)
    mean_us: Mapped[int] = mapped_column(BigInteger)
    max_us: Mapped[int] = mapped_column(BigInteger)
    jitter_us: Mapped[int] = mapped_column(BigInteger)
    pdv_us: Mapped[int] = mapped_column(BigInteger)
    way: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_probe_hot_series_id", "series_id", "ts"),)


class DiscardSample(_Hot, Base):
    """Packets dropped since the sample before (ifInDiscards, ifOutDiscards); -1: not told."""

    __tablename__ = "discards_hot"

    in_discards: Mapped[int] = mapped_column(BigInteger)
    out_discards: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_discards_hot_series_id", "series_id", "ts"),)


class OpticsSample(_Hot, Base):
    """One reading of one lane of a transceiver (`metering.families.OPTICS`)."""

    __tablename__ = "optics_hot"

    rx_mdbm: Mapped[int] = mapped_column(BigInteger)
    tx_mdbm: Mapped[int] = mapped_column(BigInteger)
    bias_ua: Mapped[int] = mapped_column(BigInteger)
    mc: Mapped[int] = mapped_column(BigInteger)
    mv: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_optics_hot_series_id", "series_id", "ts"),)


class FrameLayout(Base):
    """Which port stands where in a device's frames; never changed, only followed by another."""

    __tablename__ = "frame_layout"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    names: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # Series ids in the order of names, 0 where there is no such series.
    traffic_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    state_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    discard_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __table_args__ = (UniqueConstraint("device_id", "digest"),)


class PortFrame(Base):
    """One poll of one device's ports (`metering.frames`), until its day is closed."""

    __tablename__ = "port_frame"

    device_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    ts: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    layout_id: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes] = mapped_column(LargeBinary)

    # PostgreSQL can't hold a foreign key cheaply at ten thousand rows a minute; layouts stay.
    __table_args__ = ({"postgresql_partition_by": "RANGE (ts)"},)


class PortMemoryRow(Base):
    """A device's raw counters and newest samples, committed with the frame made from them."""

    __tablename__ = "port_memory"

    device_id: Mapped[int] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    ts: Mapped[int] = mapped_column(BigInteger)
    layout_id: Mapped[int] = mapped_column(ForeignKey("frame_layout.id"))
    clock: Mapped[Code]
    counters: Mapped[bytes] = mapped_column(LargeBinary)
    newest: Mapped[bytes] = mapped_column(LargeBinary)


class FrameClosing(Base):
    """How far a day's frames are in blocks: all devices up to `device_id`."""

    __tablename__ = "frame_closing"

    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    device_id: Mapped[int] = mapped_column(BigInteger)


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
    "DiscardSample",
    "FormerBinding",
    "FrameClosing",
    "FrameLayout",
    "LatestSample",
    "OpticsSample",
    "PortFrame",
    "PortMemoryRow",
    "PowerSample",
    "SampleBlock",
    "Series",
    "StateSample",
    "TrafficSample",
]
