"""Four eyes: one person proposes, another accepts or refuses, and the proposer alone withdraws.

Whatever takes two is a row with these columns; what it is about is its own module's. The tables
hold the same rule by a CHECK named `four_eyes`.
"""

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dcim.accounts.models import User
from dcim.columns import Code, Created, Instant, Name, Text
from dcim.errors import ConflictError, ForbiddenError, InvalidError

PROPOSAL_STATES = ("open", "accepted", "refused", "withdrawn")
# What every table of proposals checks: whoever proposed neither accepts nor refuses.
FOUR_EYES = "decider_id IS NULL OR (state = 'withdrawn') = (decider_id = proposer_id)"


class Proposal:
    """Made once; of it only the decision is written, once. `decision` says why it is so."""

    reason: Mapped[Text]
    proposed_at: Mapped[Created]
    proposed_by: Mapped[Name]
    proposer_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    state: Mapped[Code] = mapped_column(default="open")
    decision: Mapped[Text] = mapped_column(default="")
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[Name] = mapped_column(default="")
    decider_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))


def check_reason(reason: str) -> str:
    """Without spaces around it. Raises InvalidError where there is none."""
    if not reason.strip():
        raise InvalidError("Say why: the statement tells it.", {"reason": ["missing"]})
    return reason.strip()


def check_decider(proposal: Proposal, person: User, state: str) -> None:
    """Raises InvalidError for another state than "accepted" or "refused", ForbiddenError for
    whoever proposed it."""
    if state not in ("accepted", "refused"):
        raise InvalidError("It is accepted or refused.", {"state": ["accepted or refused"]})
    if person.id == proposal.proposer_id:
        raise ForbiddenError("You proposed it; someone else decides.")


def check_withdrawer(proposal: Proposal, person: User) -> None:
    if person.id != proposal.proposer_id:
        raise ForbiddenError("Only whoever proposed it withdraws it; you may refuse it.")


def close_proposal(
    proposal: Proposal, person: User, state: str, reason: str, now: dt.datetime
) -> None:
    """Write the decision of a row that is locked and whose decider is checked.

    Raises InvalidError without a reason, ConflictError for one that is decided and for a clock that
    has gone backwards.
    """
    decision = check_reason(reason)
    if proposal.state != "open":
        raise ConflictError("%(who)s has decided this already.", who=proposal.decided_by)
    if now < proposal.proposed_at:
        raise ConflictError(
            "The clock has gone backwards: it was proposed at %(time)s. Set the server's clock.",
            time=f"{proposal.proposed_at:%Y-%m-%d %H:%M:%S} UTC",
        )
    proposal.state, proposal.decision = state, decision
    proposal.decided_at, proposal.decided_by, proposal.decider_id = now, person.email, person.id
