"""Customers, their contracts, the dated terms and the items that are paid for."""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from dcim.columns import Code, Created, Day, Digest, Id, Instant, Money, Name, Text
from dcim.db import Base

CUSTOMER_KINDS = ("enterprise", "individual", "government", "school", "other")
IDENTITY_KINDS = ("credit_code", "id_card", "passport", "foreign", "other")
TIERS = ("standard", "key", "strategic")
CUSTOMER_STATES = ("prospect", "active", "suspended", "leaving", "left")
# In these a customer is served, and counts as active.
SERVED_STATES = ("active", "suspended", "leaving")
CONTRACT_STATES = ("draft", "signed", "ended")
# Whether a month with a result left open needs approval; "" as the operator's rule says.
APPROVE_OPEN = ("", "always", "never")
ITEM_KINDS = (
    "cabinet", "rack", "space", "server", "bandwidth", "cross_connect", "address", "service",
)  # fmt: skip
DAY_KINDS = ("holiday", "worked")
DOCUMENT_KINDS = ("", "id_card", "passport", "permit", "other")
UNITS = (
    "cabinet", "rack", "u", "server", "mbps", "ip", "port", "kva", "kwh", "visit", "hour", "item",
)  # fmt: skip


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL of a CHECK that a column holds one of these codes."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _state_of_activity(context: Any) -> str:
    return "active" if context.get_current_parameters().get("active", True) else "left"


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    name_en: Mapped[Name]
    # Statements, mails and the portal speak it: "zh" or "en".
    language: Mapped[str] = mapped_column(String(8), default="zh")
    timezone: Mapped[Code] = mapped_column(default="Asia/Shanghai")
    # Kept in step with `state` (see `follow_state`); what older code and filters ask for.
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]

    kind: Mapped[Code] = mapped_column(default="enterprise")
    legal_name: Mapped[Name] = mapped_column(default="")
    identity_kind: Mapped[Code] = mapped_column(default="credit_code")
    # 统一社会信用代码 (GB 32100-2015), or the number of the document `identity_kind` names.
    credit_code: Mapped[Code | None] = mapped_column(unique=True)
    legal_person: Mapped[Name] = mapped_column(default="")
    # 增值电信业务经营许可证, 网站备案号, 互联网接入许可 of a customer that serves others.
    icp_licence: Mapped[Code] = mapped_column(default="")
    icp_record: Mapped[Code] = mapped_column(default="")
    isp_licence: Mapped[Code] = mapped_column(default="")
    business: Mapped[Name] = mapped_column(default="")
    address: Mapped[Name] = mapped_column(default="")
    # 网络信息安全责任人
    security_contact: Mapped[Name] = mapped_column(default="")
    security_phone: Mapped[Code] = mapped_column(default="")
    security_email: Mapped[Name] = mapped_column(default="")
    tier: Mapped[Code] = mapped_column(default="standard")
    industry: Mapped[Code] = mapped_column(default="")
    state: Mapped[Code] = mapped_column(default=_state_of_activity)
    # Sorts Chinese names; PostgreSQL is built without ICU. Empty sorts by code.
    pinyin: Mapped[Name] = mapped_column(default="")
    account_manager: Mapped[Name] = mapped_column(default="")
    note: Mapped[Text] = mapped_column(default="")

    contacts: Mapped[list["Contact"]] = relationship(back_populates="customer")
    contracts: Mapped[list["Contract"]] = relationship(back_populates="customer")

    __table_args__ = (
        CheckConstraint("language IN ('zh', 'en')", name="language"),
        CheckConstraint(one_of("kind", CUSTOMER_KINDS), name="kind"),
        CheckConstraint(one_of("identity_kind", IDENTITY_KINDS), name="identity_kind"),
        CheckConstraint(one_of("tier", TIERS), name="tier"),
        CheckConstraint(one_of("state", CUSTOMER_STATES), name="state"),
        CheckConstraint(f"active = ({one_of('state', SERVED_STATES)})", name="active_state"),
    )

    @validates("state")
    def follow_state(self, _name: str, state: str) -> str:
        self.active = state in SERVED_STATES
        return state


class Contact(Base):
    """A person of the customer, and what this person may ask of us."""

    __tablename__ = "contact"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[Name]
    title: Mapped[Name] = mapped_column(default="")
    email: Mapped[Name]
    phone: Mapped[Code] = mapped_column(default="")
    mobile: Mapped[Code] = mapped_column(default="")
    may_order: Mapped[bool] = mapped_column(default=False)
    may_enter: Mapped[bool] = mapped_column(default=False)
    may_ticket: Mapped[bool] = mapped_column(default=False)
    may_see_bills: Mapped[bool] = mapped_column(default=False)
    gets_statements: Mapped[bool] = mapped_column(default=True)
    # What the guard compares at the door: the document's kind and its last four characters. The
    # whole number is never kept.
    document_kind: Mapped[Code] = mapped_column(default="")
    document_hint: Mapped[str] = mapped_column(String(4), default="")
    # The last day on which the rights hold; none is until they are taken away.
    valid_until: Mapped[Day | None]

    customer: Mapped[Customer] = relationship(back_populates="contacts")

    __table_args__ = (CheckConstraint(one_of("document_kind", DOCUMENT_KINDS), name="document"),)


class CalendarDay(Base):
    """A day that isn't what its weekday says: a holiday, or a weekend day that is worked."""

    __tablename__ = "calendar_day"

    id: Mapped[Id]
    day: Mapped[Day] = mapped_column(unique=True)
    kind: Mapped[Code] = mapped_column(default="holiday")
    name: Mapped[Name] = mapped_column(default="")
    name_en: Mapped[Name] = mapped_column(default="")

    __table_args__ = (CheckConstraint(one_of("kind", DAY_KINDS), name="kind"),)


class CatalogueItem(Base):
    """Something we sell, with its list price; a contract's item may have been priced otherwise."""

    __tablename__ = "catalogue_item"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[Code]
    name: Mapped[Name]
    name_en: Mapped[Name] = mapped_column(default="")
    unit: Mapped[Code]
    list_price: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    min_term_months: Mapped[int] = mapped_column(SmallInteger, default=12)
    notice_days: Mapped[int] = mapped_column(SmallInteger, default=30)
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        CheckConstraint(one_of("kind", ITEM_KINDS), name="kind"),
        CheckConstraint(one_of("unit", UNITS), name="unit"),
        CheckConstraint("list_price >= 0", name="price"),
        CheckConstraint("min_term_months >= 0 AND notice_days >= 0", name="term"),
    )


class Contract(Base):
    """Dated, in one currency and one zone; `ends_on` is the first day no longer covered.

    A draft binds nobody and is never billed. `ended` is a signed contract whose end has come; its
    last month is billed like any other.
    """

    __tablename__ = "contract"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    number: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[Name] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    timezone: Mapped[Code] = mapped_column(default="Asia/Shanghai")
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]
    signed_at: Mapped[Instant | None]
    # The term agreed, counted from `starts_on`; none runs until notice is given.
    term_months: Mapped[int | None] = mapped_column(SmallInteger)
    notice_days: Mapped[int] = mapped_column(SmallInteger, default=30)
    auto_renew: Mapped[bool] = mapped_column(default=False)
    renewal_months: Mapped[int] = mapped_column(SmallInteger, default=12)
    # A closed month is issued from this hour of this day of the next one on, in `timezone`.
    statement_day: Mapped[int] = mapped_column(SmallInteger, default=1)
    statement_hour: Mapped[int] = mapped_column(SmallInteger, default=2)
    # Whether a second person approves a month before it is issued: as the operator's rule says for
    # the currency, or by what is said here.
    approve_open: Mapped[Code] = mapped_column(default="")
    approve_above: Mapped[Money | None]
    # `dcim.customers.contracts` makes drafts; a row made otherwise (a load) is in force.
    state: Mapped[Code] = mapped_column(default="signed")
    supersedes_id: Mapped[int | None] = mapped_column(BigInteger)

    customer: Mapped[Customer] = relationship(back_populates="contracts")
    items: Mapped[list["ContractItem"]] = relationship(
        back_populates="contract", order_by="ContractItem.code"
    )
    terms: Mapped[list["ContractTerms"]] = relationship(
        back_populates="contract", order_by="ContractTerms.version"
    )

    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        CheckConstraint(one_of("state", CONTRACT_STATES), name="state"),
        CheckConstraint("term_months > 0 AND notice_days >= 0 AND renewal_months > 0", name="term"),
        CheckConstraint(
            "statement_day BETWEEN 1 AND 28 AND statement_hour BETWEEN 0 AND 23", name="statement"
        ),
        CheckConstraint(one_of("approve_open", APPROVE_OPEN), name="approve_open"),
        CheckConstraint("approve_above >= 0", name="approve_above"),
        # So that an item, a statement or a service can't name another customer's contract.
        UniqueConstraint("id", "customer_id"),
        ForeignKeyConstraint(
            ["supersedes_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_contract_supersedes_of_customer",
        ),
    )


class ContractTerms(Base):
    """One version of a contract's SLA and usage terms: the YAML as agreed, and its hash."""

    __tablename__ = "contract_terms"

    id: Mapped[Id]
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    version: Mapped[int]
    effective_from: Mapped[Day]
    document: Mapped[str] = mapped_column(LongText)
    sha256: Mapped[Digest]

    contract: Mapped[Contract] = relationship(back_populates="terms")

    __table_args__ = (
        UniqueConstraint("contract_id", "version"),
        UniqueConstraint("contract_id", "effective_from"),
    )


class ContractAmendment(Base):
    """A change both sides agreed on; what it changed are the item versions that name it."""

    __tablename__ = "contract_amendment"

    id: Mapped[Id]
    contract_id: Mapped[int] = mapped_column(BigInteger, index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    number: Mapped[Code]
    effective_from: Mapped[Day]
    summary: Mapped[Text] = mapped_column(default="")
    signed_at: Mapped[Instant | None]
    created_at: Mapped[Created]

    contract: Mapped[Contract] = relationship(viewonly=True)

    __table_args__ = (
        UniqueConstraint("contract_id", "number"),
        UniqueConstraint("id", "customer_id"),
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_contract_amendment_contract_of_customer",
        ),
    )


class ContractItem(Base):
    """A line that is paid monthly: a cabinet, some U, a bandwidth service, a cross-connect.

    `quantity`, `unit_price`, `monthly_fee` and `contracted_w` are those in force now; a month is
    always billed by the version in force in it (`dcim.customers.versions`).
    """

    __tablename__ = "contract_item"

    id: Mapped[Id]
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    catalogue_item_id: Mapped[int | None] = mapped_column(
        ForeignKey("catalogue_item.id"), index=True
    )
    code: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[Code]
    label: Mapped[Name]
    label_en: Mapped[Name]
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 3), default=Decimal(1))
    unit: Mapped[Code] = mapped_column(default="")
    unit_price: Mapped[Money | None]
    monthly_fee: Mapped[Money]
    # What the customer may draw, in watts, on all feeds together; none where power isn't sold.
    contracted_w: Mapped[int | None]
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]
    # The amendment that added it; none came with the contract.
    amendment_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[Text] = mapped_column(default="")

    contract: Mapped[Contract] = relationship(back_populates="items")
    versions: Mapped[list["ItemVersion"]] = relationship(
        back_populates="item",
        order_by="ItemVersion.effective_from",
        cascade="all, delete-orphan",
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", ITEM_KINDS), name="kind"),
        CheckConstraint(one_of("unit", ("", *UNITS)), name="unit"),
        CheckConstraint("monthly_fee >= 0", name="fee"),
        CheckConstraint("quantity > 0 AND unit_price >= 0", name="price"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        UniqueConstraint("id", "customer_id"),
        ForeignKeyConstraint(
            ["amendment_id", "customer_id"],
            ["contract_amendment.id", "contract_amendment.customer_id"],
            name="fk_contract_item_amendment_of_customer",
        ),
    )


class ItemVersion(Base):
    """What an item costs and grants from a day on, until the next version's day."""

    __tablename__ = "item_version"

    id: Mapped[Id]
    item_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    # The daily look for versions that come into force goes by it.
    effective_from: Mapped[Day] = mapped_column(index=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 3))
    unit_price: Mapped[Money | None]
    monthly_fee: Mapped[Money]
    contracted_w: Mapped[int | None]
    amendment_id: Mapped[int | None] = mapped_column(BigInteger)

    item: Mapped[ContractItem] = relationship(back_populates="versions")

    __table_args__ = (
        UniqueConstraint("item_id", "effective_from"),
        CheckConstraint("monthly_fee >= 0", name="fee"),
        CheckConstraint("quantity > 0 AND unit_price >= 0", name="price"),
        ForeignKeyConstraint(
            ["item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_item_version_item_of_customer",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["amendment_id", "customer_id"],
            ["contract_amendment.id", "contract_amendment.customer_id"],
            name="fk_item_version_amendment_of_customer",
        ),
    )
