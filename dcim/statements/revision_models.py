"""Correcting an issued statement takes two: one proposes the next revision, another accepts."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dcim.accounts.proposals import FOUR_EYES, PROPOSAL_STATES, Proposal
from dcim.columns import Document, Id
from dcim.customers.models import one_of
from dcim.db import Base


class RevisionProposal(Proposal, Base):
    """Made once, never deleted; a trigger lets nothing of it change but the decision, once.

    `statement_id` is what it replaces, `issued_id` the revision that was issued when it was
    accepted. `differences` is what both have seen: nothing else is issued.
    """

    __tablename__ = "revision_proposal"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    issued_id: Mapped[int | None] = mapped_column(ForeignKey("statement.id"), unique=True)
    # As `differences.find_differences` gives them.
    differences: Mapped[Document]

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_revision_proposal_contract_of_customer",
        ),
        CheckConstraint(one_of("state", PROPOSAL_STATES), name="state"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL) AND decided_at >= proposed_at",
            name="decided",
        ),
        CheckConstraint("(state = 'accepted') = (issued_id IS NOT NULL)", name="issued"),
        CheckConstraint(FOUR_EYES, name="four_eyes"),
        Index(
            "uq_revision_proposal_open", "statement_id", unique=True,
            postgresql_where="state = 'open'",
        ),
    )  # fmt: skip
