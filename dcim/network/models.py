"""Ports and what joins them, carriers, circuits, and the services customers buy on ports."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import BitsPerSecond, Code, Day, Id, Instant, Money, Name
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.inventory.models import Device, Room, Site

FRONT, REAR = "front", "rear"


class Carrier(Base):
    """A company whose lines reach our rooms. `code` is what a service's own carrier text says."""

    __tablename__ = "carrier"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    name_en: Mapped[Name] = mapped_column(default="")
    kind: Mapped[Code] = mapped_column(default="other")
    asn: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[Name] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint(
            "kind IN ('telecom', 'unicom', 'mobile', 'bgp', 'education', 'broadcast', 'foreign',"
            " 'other')",
            name="kind",
        ),
        CheckConstraint("asn BETWEEN 1 AND 4294967295", name="asn"),
    )


class RoomCarrier(Base):
    """That a carrier is present in a room, and where its lines come in."""

    __tablename__ = "room_carrier"

    id: Mapped[Id]
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"))
    carrier_id: Mapped[int] = mapped_column(ForeignKey("carrier.id"), index=True)
    entry_point: Mapped[Name] = mapped_column(default="")

    room: Mapped[Room] = relationship()
    carrier: Mapped[Carrier] = relationship()

    __table_args__ = (UniqueConstraint("room_id", "carrier_id"),)


class Port(Base):
    """Our own identity of a port: device and ifName. ifIndex may change; it is never stored.

    A port of a patch panel has a front and a rear; any other has a front alone.
    """

    __tablename__ = "port"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), index=True)
    name: Mapped[Name]
    kind: Mapped[Code] = mapped_column(default="switch")
    # Zero where the speed isn't the port's own, as on a panel.
    speed_bps: Mapped[BitsPerSecond]
    media: Mapped[Code] = mapped_column(default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    mac: Mapped[Code | None]
    # What the network says (ifAlias); proposes, never binds.
    alias: Mapped[Name] = mapped_column(default="")
    # What we say.
    description: Mapped[Name] = mapped_column(default="")
    role: Mapped[Code] = mapped_column(default="customer")

    device: Mapped[Device] = relationship()
    memberships: Mapped[list["ServiceMembership"]] = relationship(back_populates="port")
    cable_ends: Mapped[list["CableEnd"]] = relationship(back_populates="port")

    __table_args__ = (
        UniqueConstraint("device_id", "name"),
        Index("ix_port_mac", "mac"),
        CheckConstraint("kind IN ('switch', 'panel', 'server', 'other')", name="kind"),
        CheckConstraint("media IN ('', 'smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')", name="media"),
        CheckConstraint("role IN ('customer', 'uplink', 'internal')", name="role"),
    )


class Cable(Base):
    """One cable with two ends. `cross_connect_id` names the order that had it laid."""

    __tablename__ = "cable"

    id: Mapped[Id]
    code: Mapped[Code | None] = mapped_column(unique=True)
    media: Mapped[Code]
    colour: Mapped[Code] = mapped_column(default="")
    length_m: Mapped[Money | None] = mapped_column(Numeric(8, 2))
    state: Mapped[Code] = mapped_column(default="connected")
    installed_at: Mapped[Instant | None]
    note: Mapped[Name] = mapped_column(default="")
    cross_connect_id: Mapped[int | None] = mapped_column(ForeignKey("cross_connect.id"), index=True)

    ends: Mapped[list["CableEnd"]] = relationship(
        back_populates="cable", order_by="CableEnd.side", cascade="all, delete-orphan"
    )

    __table_args__ = (
        CheckConstraint("media IN ('smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')", name="media"),
        CheckConstraint("state IN ('planned', 'connected')", name="state"),
        CheckConstraint("length_m > 0", name="length"),
    )


class CableEnd(Base):
    """Where one end is plugged in. The unique key lets a port's face take one cable."""

    __tablename__ = "cable_end"

    id: Mapped[Id]
    cable_id: Mapped[int] = mapped_column(ForeignKey("cable.id", ondelete="CASCADE"))
    side: Mapped[str] = mapped_column(String(8))
    port_id: Mapped[int] = mapped_column(ForeignKey("port.id"))
    face: Mapped[str] = mapped_column(String(8), default=FRONT)

    cable: Mapped[Cable] = relationship(back_populates="ends")
    port: Mapped[Port] = relationship(back_populates="cable_ends")

    __table_args__ = (
        UniqueConstraint("port_id", "face"),
        UniqueConstraint("cable_id", "side"),
        CheckConstraint("side IN ('a', 'z')", name="side"),
        CheckConstraint("face IN ('front', 'rear')", name="face"),
    )


class Circuit(Base):
    """A line we buy from a carrier; `ends_on` is the first day without it."""

    __tablename__ = "circuit"

    id: Mapped[Id]
    number: Mapped[Code] = mapped_column(unique=True)
    carrier_id: Mapped[int] = mapped_column(ForeignKey("carrier.id"), index=True)
    kind: Mapped[Code]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)
    z_end: Mapped[Name] = mapped_column(default="")
    capacity_bps: Mapped[BitsPerSecond]
    commit_bps: Mapped[BitsPerSecond] = mapped_column(default=0)
    charging_mode: Mapped[Code] = mapped_column(default="flat")
    monthly_fee: Mapped[Money]
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"), unique=True)
    state: Mapped[Code] = mapped_column(default="active")
    note: Mapped[Name] = mapped_column(default="")

    carrier: Mapped[Carrier] = relationship()
    site: Mapped[Site] = relationship()
    room: Mapped[Room | None] = relationship()
    port: Mapped[Port | None] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('transit', 'peering', 'dedicated', 'dark_fibre')", name="kind"),
        CheckConstraint("state IN ('ordered', 'active', 'suspended', 'ended')", name="state"),
        CheckConstraint(
            "charging_mode IN ('flat', 'committed_burst', 'p95', 'traffic')", name="charging_mode"
        ),
        CheckConstraint(
            "capacity_bps >= 0 AND commit_bps BETWEEN 0 AND capacity_bps", name="rates"
        ),
        CheckConstraint("monthly_fee >= 0", name="fee"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
    )


class DedicatedLine(Base):
    """A point-to-point line that a customer buys from us."""

    __tablename__ = "dedicated_line"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(BigInteger, index=True)
    code: Mapped[Code] = mapped_column(unique=True)
    a_end: Mapped[Name]
    z_end: Mapped[Name]
    capacity_bps: Mapped[BitsPerSecond]
    media: Mapped[Code] = mapped_column(default="smf")
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"), index=True)
    state: Mapped[Code] = mapped_column(default="ordered")
    note: Mapped[Name] = mapped_column(default="")

    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem] = relationship(viewonly=True)
    carrier: Mapped[Carrier | None] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_dedicated_line_item_of_customer",
        ),
        CheckConstraint("media IN ('smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')", name="media"),
        CheckConstraint("state IN ('ordered', 'active', 'suspended', 'ended')", name="state"),
        CheckConstraint("capacity_bps >= 0", name="capacity"),
    )


class BandwidthService(Base):
    """What a customer buys on ports: at least `commit_bps` paid, at most `ceiling_bps` given.

    `direction` says which of a port's two rates counts; terms decide what a statement charges.
    """

    __tablename__ = "bandwidth_service"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(ForeignKey("contract_item.id"), unique=True)
    code: Mapped[Code] = mapped_column(unique=True)
    carrier: Mapped[Code]
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"), index=True)
    commit_bps: Mapped[int] = mapped_column(BigInteger)
    ceiling_bps: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[Code] = mapped_column(default="max")
    charging_mode: Mapped[Code] = mapped_column(default="p95")

    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem] = relationship(foreign_keys=[contract_item_id])
    memberships: Mapped[list["ServiceMembership"]] = relationship(back_populates="service")

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_bandwidth_service_item_of_customer",
        ),
        CheckConstraint("commit_bps >= 0 AND ceiling_bps >= commit_bps", name="rates"),
        CheckConstraint("direction IN ('max', 'in', 'out', 'sum')", name="direction"),
        CheckConstraint(
            "charging_mode IN ('flat', 'committed_burst', 'p95', 'traffic')", name="charging_mode"
        ),
    )


class ServiceMembership(Base):
    """Which port carries which service from when to when, half-open; one service at a time."""

    __tablename__ = "service_membership"

    id: Mapped[Id]
    service_id: Mapped[int] = mapped_column(ForeignKey("bandwidth_service.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    port_id: Mapped[int] = mapped_column(ForeignKey("port.id"), index=True)
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant | None]

    service: Mapped[BandwidthService] = relationship(back_populates="memberships")
    port: Mapped[Port] = relationship(back_populates="memberships")

    __table_args__ = (
        CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="dates"),
        Index(
            "uq_service_membership_open_port",
            "port_id",
            unique=True,
            postgresql_where="ends_at IS NULL",
        ),
    )
