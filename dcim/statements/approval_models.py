"""What holds a month's first statement back, the months held, and who proposed to issue them."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from dcim.accounts.proposals import FOUR_EYES, PROPOSAL_STATES, Proposal
from dcim.columns import Code, Created, Digest, Document, Id, Instant, Money
from dcim.customers.models import one_of
from dcim.db import Base

HELD_STATES = ("held", "approved", "freed")
# What waits is about exactly what was seen; "lapsed" once that has changed.
ISSUE_STATES = (*PROPOSAL_STATES, "lapsed")


class ApprovalRule(Base):
    """What of statements in a currency needs a second person before it is issued.

    Without a row for the currency nothing is held. A contract may say otherwise for itself
    (`Contract.approve_open`, `approve_above`).
    """

    __tablename__ = "approval_rule"

    id: Mapped[Id]
    currency: Mapped[str] = mapped_column(String(3), unique=True)
    # When a result is left open or has no price.
    when_open: Mapped[bool] = mapped_column(default=True)
    # When the statement's credits are more than this; none: whatever they come to.
    credits_above: Mapped[Money | None]
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("credits_above >= 0", name="credits"),)


class HeldMonth(Base):
    """A month that isn't issued until two people have seen what would be; one row a month.

    What would be issued and why it is held is told anew whenever it changes; once the month is
    issued (`approved`, or `freed` because nothing asks for approval any more) the row stays.
    """

    __tablename__ = "held_month"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    period: Mapped[str] = mapped_column(String(7))
    currency: Mapped[str] = mapped_column(String(3))
    verdict: Mapped[Code]
    total: Mapped[Money]
    # Negative, as on the statement.
    credits: Mapped[Money]
    # As `approval_rules.find_reasons` gives them.
    reasons: Mapped[Document]
    # Of what the statement would say (`differences.hash_content`).
    sha256: Mapped[Digest]
    held_at: Mapped[Created]
    # When what would be issued changed last.
    seen_at: Mapped[Created]
    state: Mapped[Code] = mapped_column(default="held")
    ended_at: Mapped[Instant | None]
    statement_id: Mapped[int | None] = mapped_column(ForeignKey("statement.id"), unique=True)

    __table_args__ = (
        UniqueConstraint("contract_id", "period"),
        ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_held_month_contract_of_customer",
        ),
        CheckConstraint(one_of("state", HELD_STATES), name="state"),
        CheckConstraint(
            "(state = 'held') = (ended_at IS NULL) AND (state = 'held') = (statement_id IS NULL)",
            name="ended",
        ),
    )


class IssueProposal(Proposal, Base):
    """One person has seen what would be issued and proposes it; another decides.

    `sha256` is what both have seen: nothing else is issued. Made once, never deleted; a trigger
    lets nothing of it change but the decision, once.
    """

    __tablename__ = "issue_proposal"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    held_month_id: Mapped[int] = mapped_column(ForeignKey("held_month.id"), index=True)
    issued_id: Mapped[int | None] = mapped_column(ForeignKey("statement.id"), unique=True)
    verdict: Mapped[Code]
    total: Mapped[Money]
    credits: Mapped[Money]
    sha256: Mapped[Digest]

    __table_args__ = (
        CheckConstraint(one_of("state", ISSUE_STATES), name="state"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state IN ('open', 'lapsed')) = (decider_id IS NULL)"
            " AND decided_at >= proposed_at",
            name="decided",
        ),
        CheckConstraint("(state = 'accepted') = (issued_id IS NOT NULL)", name="issued"),
        CheckConstraint(FOUR_EYES, name="four_eyes"),
        Index(
            "uq_issue_proposal_open", "held_month_id", unique=True,
            postgresql_where="state = 'open'",
        ),
    )  # fmt: skip
