"""Customers, their contracts, the dated terms and the items that are paid for."""

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Day, Digest, Id, Instant, Money, Name
from dcim.db import Base


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    name_en: Mapped[Name]
    # Statements, mails and the portal speak it: "zh" or "en".
    language: Mapped[str] = mapped_column(String(8), default="zh")
    timezone: Mapped[Code] = mapped_column(default="Asia/Shanghai")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]

    contacts: Mapped[list["Contact"]] = relationship(back_populates="customer")
    contracts: Mapped[list["Contract"]] = relationship(back_populates="customer")

    __table_args__ = (CheckConstraint("language IN ('zh', 'en')", name="language"),)


class Contact(Base):
    __tablename__ = "contact"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[Name]
    email: Mapped[Name]
    phone: Mapped[Code] = mapped_column(default="")
    may_order: Mapped[bool] = mapped_column(default=False)
    may_enter: Mapped[bool] = mapped_column(default=False)
    gets_statements: Mapped[bool] = mapped_column(default=True)

    customer: Mapped[Customer] = relationship(back_populates="contacts")


class Contract(Base):
    """Dated, in one currency and one zone; `ends_on` is the first day no longer covered."""

    __tablename__ = "contract"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    number: Mapped[Code] = mapped_column(unique=True)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    timezone: Mapped[Code] = mapped_column(default="Asia/Shanghai")
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]
    signed_at: Mapped[Instant | None]

    customer: Mapped[Customer] = relationship(back_populates="contracts")
    items: Mapped[list["ContractItem"]] = relationship(
        back_populates="contract", order_by="ContractItem.code"
    )
    terms: Mapped[list["ContractTerms"]] = relationship(
        back_populates="contract", order_by="ContractTerms.version"
    )

    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        # So that an item, a statement or a service can't name another customer's contract.
        UniqueConstraint("id", "customer_id"),
    )


class ContractTerms(Base):
    """One version of a contract's SLA and usage terms: the YAML as agreed, and its hash."""

    __tablename__ = "contract_terms"

    id: Mapped[Id]
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    version: Mapped[int]
    effective_from: Mapped[Day]
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[Digest]

    contract: Mapped[Contract] = relationship(back_populates="terms")

    __table_args__ = (
        UniqueConstraint("contract_id", "version"),
        UniqueConstraint("contract_id", "effective_from"),
    )


class ContractItem(Base):
    """A line that is paid monthly: a cabinet, some U, a bandwidth service, a cross-connect."""

    __tablename__ = "contract_item"

    id: Mapped[Id]
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    code: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[Code]
    label: Mapped[Name]
    label_en: Mapped[Name]
    monthly_fee: Mapped[Money]
    # What the customer may draw, in watts, on all feeds together; none where power isn't sold.
    contracted_w: Mapped[int | None]
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]

    contract: Mapped[Contract] = relationship(back_populates="items")

    __table_args__ = (
        CheckConstraint(
            "kind IN ('cabinet', 'rack', 'space', 'server', 'bandwidth', 'cross_connect',"
            " 'address', 'service')",
            name="kind",
        ),
        CheckConstraint("monthly_fee >= 0", name="fee"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        UniqueConstraint("id", "customer_id"),
    )
