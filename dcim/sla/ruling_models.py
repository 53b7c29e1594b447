"""What people decide about incidents: contests, overrules by two, and how incidents hang together.

None of these changes the incident itself: what was measured stays as it was.
"""

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.accounts.proposals import FOUR_EYES, PROPOSAL_STATES, Proposal
from dcim.columns import Code, Created, Id, Instant, Name, Text
from dcim.customers.models import one_of
from dcim.db import Base

CONTEST_STATES = ("open", "upheld", "refused")
RULINGS = ("did_not_happen", "times", "cause", "as_measured")
LINK_KINDS = ("during_maintenance", "consequence", "merge", "split")


class IncidentContest(Base):
    """Someone says that an incident isn't as it was found. `customer_id` is none for staff's own.

    Made once, never deleted; a trigger lets nothing of it change but the answer.
    """

    __tablename__ = "incident_contest"

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    reason: Mapped[Text]
    made_at: Mapped[Created]
    made_by: Mapped[Name]
    state: Mapped[Code] = mapped_column(default="open")
    answer: Mapped[Text] = mapped_column(default="")
    answered_by: Mapped[Name] = mapped_column(default="")
    answered_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(one_of("state", CONTEST_STATES), name="state"),
        CheckConstraint(
            "(state = 'open') = (answered_at IS NULL) AND (state = 'open') = (answer = '')",
            name="answered",
        ),
    )


class IncidentOverrule(Proposal, Base):
    """A proposal to count an incident otherwise than measured, and a second person's decision.

    `customer_id`: for this customer alone; none: for all whom the incident hit. `ruling` is
    "did_not_happen", "times" (then `starts_at` and `ends_at` are what counts), "cause" (`cause`,
    and `cause_class` as terms exclude it) or "as_measured", which takes an earlier one back.
    `measured_from`, `measured_to` and `resources` are the incident as the proposer saw it.
    """

    __tablename__ = "incident_overrule"

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    ruling: Mapped[Code]
    starts_at: Mapped[Instant | None]
    ends_at: Mapped[Instant | None]
    cause_class: Mapped[Code] = mapped_column(default="")
    cause: Mapped[Name] = mapped_column(default="")
    cause_en: Mapped[Name] = mapped_column(default="")
    measured_from: Mapped[Instant]
    measured_to: Mapped[Instant]
    resources: Mapped[list[str]] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint(one_of("ruling", RULINGS), name="ruling"),
        CheckConstraint(one_of("state", PROPOSAL_STATES), name="state"),
        CheckConstraint(
            "(ruling = 'times') = (starts_at IS NOT NULL)"
            " AND (starts_at IS NULL) = (ends_at IS NULL) AND ends_at > starts_at",
            name="times",
        ),
        CheckConstraint("measured_to > measured_from", name="measured"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL)",
            name="decided",
        ),
        CheckConstraint(FOUR_EYES, name="four_eyes"),
        Index(
            "uq_incident_overrule_open", "incident_id", unique=True,
            postgresql_where="state = 'open'",
        ),
    )  # fmt: skip


class IncidentLink(Base):
    """How incidents hang together by a person's decision; undone by another, never deleted.

    "during_maintenance" (of `maintenance_id`), "consequence" (of `other_id`), "merge" (with
    `other_id`: one event), "split" (at `split_at`: two events).
    """

    __tablename__ = "incident_link"

    id: Mapped[Id]
    kind: Mapped[Code]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    maintenance_id: Mapped[int | None] = mapped_column(ForeignKey("maintenance.id"), index=True)
    split_at: Mapped[Instant | None]
    reason: Mapped[Text]
    made_at: Mapped[Created]
    made_by: Mapped[Name]
    undone_at: Mapped[Instant | None]
    undone_by: Mapped[Name] = mapped_column(default="")
    undo_reason: Mapped[Text] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint(one_of("kind", LINK_KINDS), name="kind"),
        CheckConstraint(
            "num_nonnulls(other_id, maintenance_id, split_at) = 1"
            " AND (kind = 'during_maintenance') = (maintenance_id IS NOT NULL)"
            " AND (kind = 'split') = (split_at IS NOT NULL)",
            name="to",
        ),
        CheckConstraint("other_id <> incident_id", name="other"),
        CheckConstraint("(undone_at IS NULL) = (undo_reason = '')", name="undone"),
        Index(
            "uq_incident_link_standing", "kind", "incident_id", "other_id", "maintenance_id",
            "split_at", unique=True, postgresql_where="undone_at IS NULL",
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip
