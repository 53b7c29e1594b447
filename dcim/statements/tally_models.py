"""What statements say, in rows that can be added up over months and customers. Written with each
statement and never changed, as it is."""

from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy import Text as Unbounded
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Id, Money, Name
from dcim.db import Base


class StatementResult(Base):
    """One metric of one item; see `tallies.ResultTally`."""

    __tablename__ = "statement_result"

    id: Mapped[Id]
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    result: Mapped[Name]
    kind: Mapped[Code]
    # As long as the statement's: nothing that is said there may keep it from being issued.
    title: Mapped[str] = mapped_column(Unbounded)
    title_en: Mapped[str] = mapped_column(Unbounded)
    item: Mapped[Name]
    name: Mapped[str] = mapped_column(Unbounded)
    name_en: Mapped[str] = mapped_column(Unbounded)
    site: Mapped[Name]
    verdict: Mapped[Code]
    downtime_ms: Mapped[int] = mapped_column(BigInteger)
    denominator_ms: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[Money] = mapped_column(default=Decimal(0))


class StatementCause(Base):
    """A credit's share that one incident caused, or none did; see `tallies.CauseTally`."""

    __tablename__ = "statement_cause"

    id: Mapped[Id]
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    incident: Mapped[Name]
    cause: Mapped[str] = mapped_column(Unbounded)
    cause_en: Mapped[str] = mapped_column(Unbounded)
    kind: Mapped[Code]
    site: Mapped[Name]
    credit: Mapped[Money]
