"""How time nobody measured counts for a result of a month: one proposes, another decides."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dcim.accounts.proposals import FOUR_EYES, PROPOSAL_STATES, Proposal
from dcim.columns import Code, Id, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

TREATMENTS = ("up", "down", "left_out")


class ReviewDecision(Proposal, Base):
    """Made once, never deleted; a trigger lets nothing of it change but the decision, once.

    `result` is one like "power.A05": the metric and the item. Of several accepted ones about the
    same result the last counts. `evidence` is what shows it, in words.
    """

    __tablename__ = "review_decision"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    # The contract's month, "2026-10".
    period: Mapped[str] = mapped_column(String(7))
    result: Mapped[Name]
    treat_unknown: Mapped[Code]
    evidence: Mapped[Text] = mapped_column(default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_review_decision_contract_of_customer",
        ),
        CheckConstraint(one_of("treat_unknown", TREATMENTS), name="treat_unknown"),
        CheckConstraint(one_of("state", PROPOSAL_STATES), name="state"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL) AND decided_at >= proposed_at",
            name="decided",
        ),
        CheckConstraint(FOUR_EYES, name="four_eyes"),
        Index(
            "uq_review_decision_open", "contract_id", "period", "result", unique=True,
            postgresql_where="state = 'open'",
        ),
    )  # fmt: skip
