"""The chain from the utility to the outlet: one tree per feed, A and B."""

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Id
from dcim.db import Base
from dcim.inventory.models import Device, Rack

NODE_KINDS = ("utility", "generator", "transformer", "ats", "ups", "panel", "breaker", "pdu")


class PowerNode(Base):
    """A thing current flows through; `parent_id` is where it comes from."""

    __tablename__ = "power_node"

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    kind: Mapped[Code]
    code: Mapped[Code]
    feed: Mapped[str] = mapped_column(String(1))
    rated_a: Mapped[int] = mapped_column(SmallInteger)
    volts: Mapped[int] = mapped_column(SmallInteger, default=230)
    phases: Mapped[int] = mapped_column(SmallInteger, default=1)
    # The share of the breaker's rating that may be drawn for long; NEC and most contracts: 80.
    derate_pct: Mapped[int] = mapped_column(SmallInteger, default=80)
    # The rack a PDU (or the breaker that feeds it) serves.
    rack_id: Mapped[int | None] = mapped_column(ForeignKey("rack.id"), index=True)
    # The device that measures this node, and the reading's place on it (e.g. "input", "branch-07").
    meter_device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    meter_place: Mapped[Code | None]

    parent: Mapped["PowerNode | None"] = relationship(remote_side="PowerNode.id")
    rack: Mapped[Rack | None] = relationship()
    meter_device: Mapped[Device | None] = relationship()

    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        UniqueConstraint("meter_device_id", "meter_place"),
        CheckConstraint(
            "kind IN ('utility', 'generator', 'transformer', 'ats', 'ups', 'panel', 'breaker',"
            " 'pdu')",
            name="kind",
        ),
        CheckConstraint("feed IN ('A', 'B')", name="feed"),
        CheckConstraint("derate_pct BETWEEN 1 AND 100", name="derate"),
    )


class Outlet(Base):
    """A PDU's socket; one row each, so that two devices can't be plugged into one."""

    __tablename__ = "outlet"

    id: Mapped[Id]
    pdu_id: Mapped[int] = mapped_column(ForeignKey("power_node.id"), index=True)
    number: Mapped[int] = mapped_column(SmallInteger)
    connector: Mapped[Code] = mapped_column(default="C13")
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)

    pdu: Mapped[PowerNode] = relationship()
    device: Mapped[Device | None] = relationship()

    __table_args__ = (UniqueConstraint("pdu_id", "number"),)
