"""Switch ports, and the bandwidth services that customers buy on them."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import BitsPerSecond, Code, Id, Instant, Name
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.inventory.models import Device


class Port(Base):
    """Our own identity of a port: device and ifName. ifIndex may change; it is never stored."""

    __tablename__ = "port"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    name: Mapped[Name]
    speed_bps: Mapped[BitsPerSecond]
    # What the network says (ifAlias); proposes, never binds.
    alias: Mapped[Name] = mapped_column(default="")
    role: Mapped[Code] = mapped_column(default="customer")

    device: Mapped[Device] = relationship()
    memberships: Mapped[list["ServiceMembership"]] = relationship(back_populates="port")

    __table_args__ = (
        UniqueConstraint("device_id", "name"),
        CheckConstraint("role IN ('customer', 'uplink', 'internal')", name="role"),
    )


class BandwidthService(Base):
    __tablename__ = "bandwidth_service"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(ForeignKey("contract_item.id"), unique=True)
    code: Mapped[Code] = mapped_column(unique=True)
    carrier: Mapped[Code]
    commit_bps: Mapped[int] = mapped_column(BigInteger)
    ceiling_bps: Mapped[int] = mapped_column(BigInteger)

    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem] = relationship()
    memberships: Mapped[list["ServiceMembership"]] = relationship(back_populates="service")

    __table_args__ = (
        CheckConstraint("commit_bps >= 0 AND ceiling_bps >= commit_bps", name="rates"),
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
