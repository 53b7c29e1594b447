"""Cross-connect orders, their ends, steps and files."""

from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Numeric,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Day, Digest, Document, Id, Instant, Name
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.network.models import Cable, Port


class CrossConnect(Base):
    """An order to join two ports, from the request to the day they are parted.

    The Z side is another of the customer's own ports, or somebody else's (`z_party`), who must
    have authorised it in a letter (LOA/CFA) that is still valid on the day of patching.
    """

    __tablename__ = "cross_connect"

    id: Mapped[Id]
    number: Mapped[Code] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    z_party: Mapped[Name] = mapped_column(default="")
    # What the customer says of the ends, before staff choose ports.
    a_wish: Mapped[Name] = mapped_column(default="")
    z_wish: Mapped[Name] = mapped_column(default="")
    media: Mapped[Code]
    connector: Mapped[Code] = mapped_column(default="lc")
    state: Mapped[Code] = mapped_column(default="requested")
    requested_by: Mapped[Name]
    requested_at: Mapped[Instant]
    approved_at: Mapped[Instant | None]
    patched_at: Mapped[Instant | None]
    tested_at: Mapped[Instant | None]
    billed_from: Mapped[Day | None]
    ended_at: Mapped[Instant | None]
    # Measured at the test: loss in dB, light received in dBm.
    loss_db: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    light_dbm: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    note: Mapped[Name] = mapped_column(default="")

    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem | None] = relationship(viewonly=True)
    ends: Mapped[list["CrossConnectEnd"]] = relationship(
        back_populates="order", order_by="CrossConnectEnd.side", cascade="all, delete-orphan"
    )
    steps: Mapped[list["CrossConnectStep"]] = relationship(
        back_populates="order", order_by="CrossConnectStep.id"
    )
    files: Mapped[list["CrossConnectFile"]] = relationship(
        back_populates="order", order_by="CrossConnectFile.id"
    )
    cables: Mapped[list[Cable]] = relationship(order_by=Cable.id)

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_cross_connect_item_of_customer",
        ),
        UniqueConstraint("id", "customer_id"),
        CheckConstraint("media IN ('smf', 'mmf', 'utp', 'coax')", name="media"),
        CheckConstraint("connector IN ('lc', 'sc', 'fc', 'mpo', 'rj45', 'bnc')", name="connector"),
        CheckConstraint(
            "state IN ('requested', 'approved', 'patched', 'tested', 'billing', 'disconnected',"
            " 'refused', 'cancelled')",
            name="state",
        ),
    )


class CrossConnectEnd(Base):
    """A port that an order holds, from its choice until the order ends: one order a port."""

    __tablename__ = "cross_connect_end"

    id: Mapped[Id]
    cross_connect_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    side: Mapped[str] = mapped_column(String(8))
    port_id: Mapped[int] = mapped_column(ForeignKey("port.id"), unique=True)

    order: Mapped[CrossConnect] = relationship(back_populates="ends")
    port: Mapped[Port] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_end_order",
            ondelete="CASCADE",
        ),
        UniqueConstraint("cross_connect_id", "side"),
        CheckConstraint("side IN ('a', 'z')", name="side"),
    )


class CrossConnectStep(Base):
    """One step of an order: who did what when, and what was given with it."""

    __tablename__ = "cross_connect_step"

    id: Mapped[Id]
    cross_connect_id: Mapped[int] = mapped_column(BigInteger, index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    action: Mapped[Code]
    state: Mapped[Code]
    at: Mapped[Instant]
    actor: Mapped[Name]
    note: Mapped[Name] = mapped_column(default="")
    # What staff noted with it: ports by name, cables, readings. Not shown to customers.
    detail: Mapped[Document] = mapped_column(default=dict)

    order: Mapped[CrossConnect] = relationship(back_populates="steps")

    __table_args__ = (
        ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_step_order",
        ),
    )


class StoredFile(Base):
    """A file that was handed in, kept as its exact bytes. `expires_on`: first day not valid."""

    __tablename__ = "stored_file"

    id: Mapped[Id]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[Code]
    name: Mapped[Name]
    media_type: Mapped[Code]
    size: Mapped[int]
    sha256: Mapped[Digest]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    expires_on: Mapped[Day | None]
    uploaded_by: Mapped[Name]
    uploaded_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("kind IN ('loa', 'cfa', 'other', 'photo')", name="kind"),
        CheckConstraint("size BETWEEN 1 AND 10485760", name="size"),
    )


class CrossConnectFile(Base):
    """Which files belong to which order."""

    __tablename__ = "cross_connect_file"

    id: Mapped[Id]
    cross_connect_id: Mapped[int] = mapped_column(BigInteger, index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    stored_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), unique=True)

    order: Mapped[CrossConnect] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_file_order",
        ),
    )
