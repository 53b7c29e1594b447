"""What each contract's running month may cost in credits, as last worked out."""

from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Id, Instant, Money, Text
from dcim.db import Base


class CreditRisk(Base):
    """One row for a contract and its month, written over by each round; nothing hangs on it.

    A month that is over stays until its statement is issued. `as_of` is up to when it was judged,
    `tried_at` when that was last tried: `problem` says why it didn't work, and the figures are
    then the older ones (none where it never did). `lines` and `reviews`: see `credit_risk.py`.
    """

    __tablename__ = "credit_risk"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    # The contract's month, "2026-10".
    period: Mapped[str] = mapped_column(String(7))
    currency: Mapped[str] = mapped_column(String(3))
    is_closed: Mapped[bool] = mapped_column(default=False)
    tried_at: Mapped[Instant]
    took_ms: Mapped[int] = mapped_column(default=0)
    problem: Mapped[Text] = mapped_column(default="")
    as_of: Mapped[Instant | None]
    # Credits as if nothing more happened, at the rate of the last days, and if what is open lasts.
    owed: Mapped[Money] = mapped_column(default=Decimal(0))
    owed_least: Mapped[Money] = mapped_column(default=Decimal(0))
    owed_most: Mapped[Money] = mapped_column(default=Decimal(0))
    at_rate: Mapped[Money | None]
    at_rate_least: Mapped[Money | None]
    at_rate_most: Mapped[Money | None]
    if_open: Mapped[Money | None]
    if_open_least: Mapped[Money | None]
    if_open_most: Mapped[Money | None]
    # The highest of the three: what boards are sorted by.
    at_risk: Mapped[Money] = mapped_column(default=Decimal(0))
    window_s: Mapped[int] = mapped_column(default=0)
    open_since: Mapped[Instant | None]
    # The next outage of so many seconds costs so much more; of what is open where something is.
    step_s: Mapped[int | None]
    step_amount: Mapped[Money | None]
    dark: Mapped[int] = mapped_column(default=0)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    reviews: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)

    __table_args__ = (
        UniqueConstraint("contract_id", "period"),
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_credit_risk_contract_of_customer",
        ),
        CheckConstraint("as_of IS NOT NULL OR problem <> ''", name="judged"),
    )
