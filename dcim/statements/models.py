"""Frozen statements and the append-only ledger. Triggers refuse any change of an issued row."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Digest, Document, Id, Money, Name
from dcim.customers.models import Contract, Customer
from dcim.db import Base


class Statement(Base):
    """One month of one contract, frozen. A correction is the next revision, with a reason."""

    __tablename__ = "statement"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    number: Mapped[Code] = mapped_column(unique=True)
    # The contract's month, "2026-10".
    period: Mapped[str] = mapped_column(String(7))
    revision: Mapped[int] = mapped_column(SmallInteger, default=1)
    reason: Mapped[Name] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[Money]
    credits: Mapped[Money]
    # met | breached | needs_review: the worst of its metrics.
    verdict: Mapped[Code]
    document: Mapped[Document]
    document_sha256: Mapped[Digest]
    # Everything the document was composed from: canonical JSON, zlib. Composing it again with the
    # same rules must give the same document.
    inputs: Mapped[bytes] = mapped_column(LargeBinary)
    inputs_sha256: Mapped[Digest]
    # The file of raw samples that the manifest names; none where there are no bins.
    samples_sha256: Mapped[Digest | None]
    samples_size: Mapped[int | None] = mapped_column(BigInteger)
    issued_at: Mapped[Created]

    customer: Mapped[Customer] = relationship()
    contract: Mapped[Contract] = relationship()
    file: Mapped["StatementFile | None"] = relationship(back_populates="statement")

    __table_args__ = (
        UniqueConstraint("contract_id", "period", "revision"),
        CheckConstraint("num_nonnulls(samples_sha256, samples_size) IN (0, 2)", name="samples"),
    )


class StatementFile(Base):
    """The one issued PDF. Its bytes lie in the instance's `statements` folder under their hash."""

    __tablename__ = "statement_file"

    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    sha256: Mapped[Digest] = mapped_column(unique=True)
    unsigned_sha256: Mapped[Digest]
    size: Mapped[int]
    pages: Mapped[int]
    signer: Mapped[Name]
    created_at: Mapped[Created]

    statement: Mapped[Statement] = relationship(back_populates="file")


class MarkedCopy(Base):
    """A copy of an issued PDF for somebody, marked and signed anew; registered apart from it.

    Its bytes lie beside the original's under number and code. `code` is what is hidden in it.
    """

    __tablename__ = "marked_copy"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    recipient: Mapped[Name]
    original_sha256: Mapped[Digest]
    sha256: Mapped[Digest] = mapped_column(unique=True)
    unsigned_sha256: Mapped[Digest]
    size: Mapped[int]
    pages: Mapped[int]
    signer: Mapped[Name]
    made_by: Mapped[Name]
    created_at: Mapped[Created]

    statement: Mapped[Statement] = relationship()


class LedgerEntry(Base):
    """A line of money. Keyed by (contract, period, revision, line), so a re-run adds nothing."""

    __tablename__ = "ledger_entry"

    id: Mapped[Id]
    key: Mapped[Name] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    contract_item_id: Mapped[int | None] = mapped_column(ForeignKey("contract_item.id"))
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    kind: Mapped[Code]
    text: Mapped[Name]
    text_en: Mapped[Name]
    amount: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint(
            "kind IN ('rent', 'usage', 'credit', 'cap', 'carried', 'tax', 'correction')",
            name="kind",
        ),
    )
