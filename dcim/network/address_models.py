"""VLANs, AS numbers, prefixes, and who has which address when."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Id, Name, Network
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.inventory.models import Device, Site
from dcim.network.models import Carrier, Port


class VlanGroup(Base):
    """Where a VLAN's number is unique: usually the switches of one site."""

    __tablename__ = "vlan_group"

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    code: Mapped[Code]
    note: Mapped[Name] = mapped_column(default="")

    site: Mapped[Site] = relationship()

    __table_args__ = (UniqueConstraint("site_id", "code"),)


class Vlan(Base):
    __tablename__ = "vlan"

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("vlan_group.id"))
    vid: Mapped[int]
    name: Mapped[Name]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)

    group: Mapped[VlanGroup] = relationship()
    customer: Mapped[Customer | None] = relationship()

    __table_args__ = (
        UniqueConstraint("group_id", "vid"),
        CheckConstraint("vid BETWEEN 1 AND 4094", name="vid"),
    )


class Asn(Base):
    """An autonomous system's number (RFC 6793: 32 bits), ours, a carrier's or a customer's."""

    __tablename__ = "asn"

    id: Mapped[Id]
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    name: Mapped[Name]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"), index=True)

    customer: Mapped[Customer | None] = relationship()
    carrier: Mapped[Carrier | None] = relationship()

    __table_args__ = (CheckConstraint("number BETWEEN 1 AND 4294967295", name="number"),)


class Prefix(Base):
    """A network we have. Its place in the tree is what its numbers say: containment.

    A container is divided into prefixes and gives no addresses itself; an infrastructure prefix
    gives them to our own devices alone.
    """

    __tablename__ = "prefix"

    id: Mapped[Id]
    network: Mapped[Network] = mapped_column(unique=True)
    role: Mapped[Code] = mapped_column(default="assignable")
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    vlan_id: Mapped[int | None] = mapped_column(ForeignKey("vlan.id"), index=True)
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"), index=True)
    # Set aside for one customer: nobody else gets an address of it.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    note: Mapped[Name] = mapped_column(default="")

    site: Mapped[Site | None] = relationship()
    vlan: Mapped[Vlan | None] = relationship()
    carrier: Mapped[Carrier | None] = relationship()
    customer: Mapped[Customer | None] = relationship()

    __table_args__ = (
        CheckConstraint("role IN ('container', 'assignable', 'infrastructure')", name="role"),
        Index(
            "ix_prefix_containment",
            "network",
            postgresql_using="gist",
            postgresql_ops={"network": "inet_ops"},
        ),
    )


class AddressAssignment(Base):
    """Who has an address, or a prefix of them, from when to when; nobody has it twice at a time.

    `customer_id` none is our own infrastructure.
    """

    __tablename__ = "address_assignment"

    id: Mapped[Id]
    network: Mapped[Network]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    port_id: Mapped[int | None] = mapped_column(ForeignKey("port.id"), index=True)
    hostname: Mapped[Name] = mapped_column(default="")
    # Half-open; no upper end while it lasts.
    period: Mapped[Range[dt.datetime]] = mapped_column(TSTZRANGE)
    note: Mapped[Name] = mapped_column(default="")

    customer: Mapped[Customer | None] = relationship()
    contract_item: Mapped[ContractItem | None] = relationship(viewonly=True)
    device: Mapped[Device | None] = relationship()
    port: Mapped[Port | None] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_address_assignment_item_of_customer",
        ),
        # MATCH SIMPLE lets an item without a customer past the key above.
        CheckConstraint("contract_item_id IS NULL OR customer_id IS NOT NULL", name="item"),
        CheckConstraint(
            "NOT isempty(period) AND lower(period) IS NOT NULL AND lower_inc(period)"
            " AND NOT upper_inc(period)",
            name="period",
        ),
        ExcludeConstraint(
            ("network", "&&"),
            ("period", "&&"),
            name="ex_address_assignment_once_at_a_time",
            using="gist",
            ops={"network": "inet_ops"},
        ),
    )
