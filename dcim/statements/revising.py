"""Correcting an issued statement: the next revision, from all that is known now, by two people.

What was issued stays. One person proposes what the preview shows, another accepts exactly that;
the revision names what it replaces, says why, and holds the table of differences.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.people import require_person
from dcim.accounts.proposals import check_decider, check_reason, check_withdrawer, close_proposal
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.statements.composition import Statement as Composed
from dcim.statements.composition import compose
from dcim.statements.differences import describe_previous, hash_json, is_same
from dcim.statements.history import add_history
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issued_months import add_issued_months
from dcim.statements.issuing import (
    book_composed,
    describe_document,
    describe_operator,
    give_time,
    wait_for_turn,
)
from dcim.statements.models import Statement, StatementFile
from dcim.statements.raw_samples import SampleArchive
from dcim.statements.revision_models import RevisionProposal
from dcim.statements.sample_files import keep_samples

# The reason stands on the first page of the statement.
LONGEST_REASON = 255


@dataclass(frozen=True, slots=True)
class Preview:
    """What the next revision of `number` would say. `differences` as `find_differences` gives them
    and `sha256` their hash, which a proposal names; `changes` is False where nothing differs.
    `later` are the newest statements of later months: they may look back on this one."""

    statement_id: int
    number: str
    revision: int
    currency: str
    verdict: str
    total: Decimal
    credits: Decimal
    differences: dict[str, object]
    sha256: str
    changes: bool
    later: list[str]


def preview_revision(
    session: Session, scope: Scope, settings: Settings, statement_id: int
) -> Preview:
    """Gather anew and compare; nothing is written.

    Raises ForbiddenError for customers, NotFoundError, and ConflictError for a statement that is
    replaced already or has no PDF yet.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff correct statements.")
    base, file = _find_base(session, scope, statement_id)
    composed = _compose(base, _gather(session, scope, settings, base, file, ""))
    differences = _differences(composed)
    document = composed.data
    return Preview(
        base.id,
        document["number"],
        document["revision"],
        base.currency,
        document["verdict"]["result"],
        Decimal(document["totals"]["total"]),
        Decimal(document["totals"]["credits"]),
        differences,
        hash_json(differences),
        not is_same(differences),
        _find_later(session, base),
    )


def _find_later(session: Session, base: Statement) -> list[str]:
    return list(
        session.scalars(
            select(Statement.number)
            .where(Statement.contract_id == base.contract_id, Statement.period > base.period)
            .order_by(Statement.period, Statement.revision.desc())
            .ext(distinct_on(Statement.period))
        )
    )


def propose_revision(
    session: Session,
    scope: Scope,
    settings: Settings,
    statement_id: int,
    seen: str,
    reason: str,
    now: dt.datetime | None = None,
) -> RevisionProposal:
    """Nothing is issued until a second person accepts it. `seen` is the preview's `sha256`.

    Raises ForbiddenError for who isn't a person of staff, InvalidError without a reason or for a
    long one, ConflictError as `preview_revision`, where nothing differs, where something else does
    than was seen, and where another proposal waits.
    """
    person = require_person(session, scope)
    said = check_reason(reason)
    if len(said) > LONGEST_REASON:
        raise InvalidError(
            "Say it in at most %(most)s characters: it stands on the first page.",
            {"reason": ["too long"]},
            most=LONGEST_REASON,
        )
    base, _file = _find_base(session, scope, statement_id)
    wait_for_turn(session, base.contract_id)
    # Whoever was before in the turn may have replaced it.
    base, file = _find_base(session, scope, statement_id)
    waiting = session.scalars(
        select(RevisionProposal).where(
            RevisionProposal.statement_id == base.id, RevisionProposal.state == "open"
        )
    ).first()
    if waiting is not None:
        raise ConflictError(
            "%(who)s has proposed to correct it already; that one is decided first.",
            who=waiting.proposed_by,
        )
    inputs = _gather(session, scope, settings, base, file, said)
    differences = _differences(_compose(base, inputs))
    if is_same(differences):
        raise ConflictError(
            "Nothing differs from %(number)s: correct what it follows from first, such as an "
            "incident, a reading or the terms.",
            number=base.number,
        )
    if hash_json(differences) != seen:
        raise ConflictError("What would change isn't what you saw any more; look at it again.")
    row = RevisionProposal(
        customer_id=base.customer_id,
        contract_id=base.contract_id,
        statement_id=base.id,
        differences=differences,
        reason=said,
        proposed_at=now or utc_now(),
        proposed_by=person.email,
        proposer_id=person.id,
    )
    session.add(row)
    session.flush()
    _record(session, scope, row, "propose", base.number, row.reason, seen)
    return row


def decide_revision(
    session: Session,
    scope: Scope,
    settings: Settings,
    proposal_id: int,
    state: str,
    reason: str,
    now: dt.datetime | None = None,
) -> RevisionProposal:
    """`state` is "accepted", which freezes and books the revision, or "refused". Never by whoever
    proposed it. The PDF is made afterwards (`files.produce_file`).

    Raises ForbiddenError, NotFoundError, InvalidError, and ConflictError for what is decided, what
    would not be issued as it was seen any more, and a clock that has gone backwards.
    """
    person = require_person(session, scope)
    row, base = _lock(session, scope, proposal_id)
    check_decider(row, person, state)
    decision, moment = check_reason(reason), now or utc_now()
    if state == "accepted" and row.state == "open":
        row.issued_id = _issue(session, scope, settings, row, person, decision, moment).id
    _close(session, scope, row, base, state, decision, person, moment)
    return row


def withdraw_revision(
    session: Session, scope: Scope, proposal_id: int, reason: str
) -> RevisionProposal:
    """By whoever proposed it."""
    person = require_person(session, scope)
    row, base = _lock(session, scope, proposal_id)
    check_withdrawer(row, person)
    _close(session, scope, row, base, "withdrawn", reason, person, utc_now())
    return row


def _issue(
    session: Session,
    scope: Scope,
    settings: Settings,
    row: RevisionProposal,
    person: User,
    decision: str,
    now: dt.datetime,
) -> Statement:
    base, file = _find_base(session, scope, row.statement_id)
    approval = {
        "proposed_by": row.proposed_by,
        "proposed_at": format_instant(to_ms(row.proposed_at)),
        "approved_by": person.email,
        "approved_at": format_instant(to_ms(now)),
        "text": decision,
    }
    with keep_samples(settings, _next_number(session, base)) as samples:
        inputs = _gather(
            session, scope, settings, base, file, row.reason, approval, samples.archive
        )
    composed = _compose(base, inputs | samples.described)
    if hash_json(_differences(composed)) != hash_json(row.differences):
        raise ConflictError(
            "What would change isn't what was proposed any more; refuse it and propose it anew."
        )
    contract = session.get_one(Contract, base.contract_id)
    number = composed.data["number"]
    return book_composed(session, scope, contract, base.period, number, composed, previous=base)


def _find_base(
    session: Session, scope: Scope, statement_id: int
) -> tuple[Statement, StatementFile]:
    """The month's newest statement and its file."""
    base = session.scalar(
        scope.apply(select(Statement).where(Statement.id == statement_id), Statement.customer_id)
    )
    if base is None:
        raise NotFoundError("No such statement.")
    newest = session.scalars(
        select(Statement.number)
        .where(Statement.contract_id == base.contract_id, Statement.period == base.period)
        .order_by(Statement.revision.desc())
    ).first()
    if newest != base.number:
        raise ConflictError(
            "%(number)s is replaced already; correct %(newest)s.",
            number=base.number,
            newest=newest,
        )
    file = session.get(StatementFile, base.id)
    if file is None:
        raise ConflictError(
            "The PDF of %(number)s isn't made yet; issue the month once more, which makes it.",
            number=base.number,
        )
    return base, file


def _next_number(session: Session, base: Statement) -> str:
    contract = session.get_one(Contract, base.contract_id)
    return f"SLA-{base.period.replace('-', '')}-{contract.number}-{base.revision + 1:02d}"


def _gather(
    session: Session,
    scope: Scope,
    settings: Settings,
    base: Statement,
    file: StatementFile,
    reason: str,
    approval: dict[str, str] | None = None,
    samples: SampleArchive | None = None,
) -> dict[str, Any]:
    """Inputs of the next revision of `base`, by everything that is known now; `samples` is given
    what its bins are made of."""
    contract = session.get_one(Contract, base.contract_id)
    document = describe_document(settings, contract, base.period, _next_number(session, base))
    document |= {
        "revision": base.revision + 1,
        "reason": {"zh": reason, "en": reason},
        "supersedes": base.number,
        **give_time(document, contract),
        **({} if approval is None else {"approval": approval}),
    }
    try:
        inputs = gather_inputs(
            session,
            scope,
            contract,
            base.period,
            document=document,
            operator=describe_operator(settings),
            samples=samples,
        )
        inputs = add_history(session, scope, contract, inputs)
        inputs = add_issued_months(session, scope, contract, inputs)
    except (TermsRefusedError, InputsRefusedError) as error:
        raise _unmade(base, error) from error
    previous = describe_previous(base.document, base.document_sha256, file.sha256)
    return inputs | {"previous": previous}


def _compose(base: Statement, inputs: dict[str, Any]) -> Composed:
    """Raises ConflictError where the inputs make no statement: it says what stands in the way."""
    try:
        return compose(inputs)
    except (TermsRefusedError, InputsRefusedError) as error:
        raise _unmade(base, error) from error


def _unmade(base: Statement, error: ValueError) -> ConflictError:
    return ConflictError(
        "No revision can be made of %(number)s: %(why)s", number=base.number, why=str(error)
    )


def _differences(composed: Composed) -> dict[str, Any]:
    found: dict[str, Any] = composed.data["replaces"]["differences"]
    return found


def _lock(session: Session, scope: Scope, proposal_id: int) -> tuple[RevisionProposal, Statement]:
    """Its contract's turn first, as issuing takes it: of two who accept at once one issues."""
    contract_id = session.scalar(
        scope.apply(
            select(RevisionProposal.contract_id).where(RevisionProposal.id == proposal_id),
            RevisionProposal.customer_id,
        )
    )
    if contract_id is None:
        raise NotFoundError("No such proposal.")
    wait_for_turn(session, contract_id)
    row = session.scalars(
        select(RevisionProposal)
        .where(RevisionProposal.id == proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row, session.get_one(Statement, row.statement_id)


def _close(
    session: Session,
    scope: Scope,
    row: RevisionProposal,
    base: Statement,
    state: str,
    reason: str,
    person: User,
    now: dt.datetime,
) -> None:
    close_proposal(row, person, state, reason, now)
    session.flush()
    seen = hash_json(row.differences)
    _record(session, scope, row, state, base.number, row.decision, seen, issued=row.issued_id)


def _record(
    session: Session,
    scope: Scope,
    row: RevisionProposal,
    deed: str,
    number: str,
    reason: str,
    seen: str,
    **more: Any,
) -> None:
    record(
        session, scope, f"revision_proposal.{deed}", f"statement/{row.statement_id}",
        customer_id=row.customer_id, proposal=row.id, number=number, reason=reason,
        differences=seen, proposed_by=row.proposed_by, **more,
    )  # fmt: skip
