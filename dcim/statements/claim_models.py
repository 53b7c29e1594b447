"""A customer's claim for credits of a month."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Created, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

CLAIM_STATES = ("open", "accepted", "refused")


class CreditClaim(Base):
    """Made once, never deleted; a trigger lets nothing of it change but the decision.

    `results` are those it is for, like "power.A05"; none are all of the month. `made_at` is when
    it arrived, which the deadline asks for, `entered_at` when it was written down here.
    """

    __tablename__ = "credit_claim"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    # The contract's month, "2026-10".
    period: Mapped[str] = mapped_column(String(7))
    results: Mapped[list[str]] = mapped_column(JSONB)
    text: Mapped[Text] = mapped_column(default="")
    made_at: Mapped[Instant]
    entered_at: Mapped[Created]
    entered_by: Mapped[Name]
    state: Mapped[Code] = mapped_column(default="open")
    reason: Mapped[Text] = mapped_column(default="")
    decided_by: Mapped[Name] = mapped_column(default="")
    decided_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_credit_claim_contract_of_customer",
        ),
        CheckConstraint(one_of("state", CLAIM_STATES), name="state"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (reason = '')",
            name="decided",
        ),
    )
