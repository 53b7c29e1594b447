"""The chain from the utility to the outlet: one tree per feed, A and B."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Id, Name, Watts
from dcim.db import Base
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device, Rack

NODE_KINDS = (
    "utility", "generator", "transformer", "switchgear", "ats", "ups", "panel", "breaker", "pdu",
    "bank",
)  # fmt: skip
# "AB" is what both feeds share: a common utility, or what takes either (ATS, dual input).
FEEDS = ("A", "B", "AB")
# The phases of a three-phase supply that a circuit hangs on; "" is not recorded.
PHASES = ("", "L1", "L2", "L3", "L12", "L23", "L31", "L123")


def standard_volts(context: Any) -> int:
    """220/380 V (GB/T 156-2017, nominal system voltages)."""
    return 380 if context.get_current_parameters().get("phases") == 3 else 220


class PowerNode(Base):
    """A thing current flows through; `parent_id` is where it comes from.

    `second_parent_id` is the other source of what has two: a transfer switch, a dual input.
    """

    __tablename__ = "power_node"

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    second_parent_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    kind: Mapped[Code]
    code: Mapped[Code]
    name: Mapped[Name] = mapped_column(default="")
    feed: Mapped[str] = mapped_column(String(2))
    rated_a: Mapped[int] = mapped_column(SmallInteger)
    # From phase to neutral, or above 300 V of three phases between them (see chain.Node.phase_v).
    volts: Mapped[int] = mapped_column(SmallInteger, default=standard_volts)
    phases: Mapped[int] = mapped_column(SmallInteger, default=1)
    # What an apparatus may give by its own plate, W; none: what volts and amps come to.
    capacity_w: Mapped[Watts | None]
    # kW of each kVA: circuits are protected in amps but sold in kW.
    power_factor_pct: Mapped[int] = mapped_column(SmallInteger, default=100)
    phase: Mapped[Code] = mapped_column(default="")
    poles: Mapped[int | None] = mapped_column(SmallInteger)
    # The place in the panel, as printed on its card: "Q07", "13".
    position: Mapped[Code] = mapped_column(default="")
    # A breaker's or switch's state as recorded; an open one passes nothing.
    closed: Mapped[bool] = mapped_column(default=True)
    # The share of the breaker's rating that may be drawn for long; NEC and most contracts: 80.
    derate_pct: Mapped[int] = mapped_column(SmallInteger, default=80)
    # The rack a PDU (or the breaker that feeds it) serves.
    rack_id: Mapped[int | None] = mapped_column(ForeignKey("rack.id"), index=True)
    # The device that measures this node, and the reading's place on it (e.g. "input", "branch-07").
    meter_device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    meter_place: Mapped[Code | None]

    parent: Mapped["PowerNode | None"] = relationship(
        remote_side="PowerNode.id", foreign_keys=[parent_id]
    )
    second_parent: Mapped["PowerNode | None"] = relationship(
        remote_side="PowerNode.id", foreign_keys=[second_parent_id]
    )
    rack: Mapped[Rack | None] = relationship()
    meter_device: Mapped[Device | None] = relationship()

    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        UniqueConstraint("meter_device_id", "meter_place"),
        CheckConstraint(
            "kind IN ('utility', 'generator', 'transformer', 'switchgear', 'ats', 'ups', 'panel',"
            " 'breaker', 'pdu', 'bank')",
            name="kind",
        ),
        CheckConstraint("feed IN ('A', 'B', 'AB')", name="feed"),
        CheckConstraint("second_parent_id <> parent_id", name="two_sources"),
        CheckConstraint("power_factor_pct BETWEEN 50 AND 100", name="power_factor"),
        CheckConstraint(
            "phase IN ('', 'L1', 'L2', 'L3', 'L12', 'L23', 'L31', 'L123')", name="phase"
        ),
        CheckConstraint("derate_pct BETWEEN 1 AND 100", name="derate"),
    )


class Outlet(Base):
    """A PDU's socket; one row each, so that two devices can't be plugged into one."""

    __tablename__ = "outlet"

    id: Mapped[Id]
    pdu_id: Mapped[int] = mapped_column(ForeignKey("power_node.id"), index=True)
    # The group of sockets behind one of the PDU's own fuses.
    bank_id: Mapped[int | None] = mapped_column(ForeignKey("power_node.id"), index=True)
    number: Mapped[int] = mapped_column(SmallInteger)
    connector: Mapped[Code] = mapped_column(default="C13")
    rating_a: Mapped[int | None] = mapped_column(SmallInteger)
    phase: Mapped[Code] = mapped_column(default="")
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    # Which of the device's supplies; its device is `device_id` (see dcim.power.plugging).
    supply_id: Mapped[int | None] = mapped_column(
        ForeignKey("device_supply.id", ondelete="SET NULL"), unique=True
    )

    pdu: Mapped[PowerNode] = relationship(foreign_keys=[pdu_id])
    bank: Mapped[PowerNode | None] = relationship(foreign_keys=[bank_id])
    device: Mapped[Device | None] = relationship()
    supply: Mapped[DeviceSupply | None] = relationship()

    __table_args__ = (
        UniqueConstraint("pdu_id", "number"),
        CheckConstraint(
            "phase IN ('', 'L1', 'L2', 'L3', 'L12', 'L23', 'L31', 'L123')", name="phase"
        ),
    )
