"""A closed month as its statement would be now, looked at before it is issued; nothing is kept."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.errors import ConflictError, ForbiddenError
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import Statement as Composed
from dcim.statements.composition import compose
from dcim.statements.files import pack_inputs
from dcim.statements.history import add_history
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issued_months import add_issued_months
from dcim.statements.issuing import describe_document, describe_operator, find_billed
from dcim.statements.models import Statement
from dcim.statements.printer import print_apart

# What says that terms or facts make no statement.
UNMADE = (TermsRefusedError, InputsRefusedError)


def draw_draft(
    session: Session, scope: Scope, settings: Settings, contract_id: int, period: str
) -> tuple[str, bytes]:
    """(name of the file, unsigned PDF marked as a draft on every page). The reading is audited.

    Raises as `compose_draft`.
    """
    composed = compose_draft(session, scope, settings, contract_id, period)
    packed, _sha256 = pack_inputs(read_inputs(composed.attachments))
    record(session, scope, "statement.draft", f"contract/{contract_id}", period=period)
    return f"{composed.data['number']}.pdf", print_apart(composed.data, packed, draft=True)


def compose_draft(
    session: Session,
    scope: Scope,
    settings: Settings,
    contract_id: int,
    period: str,
    now: dt.datetime | None = None,
) -> Composed:
    """Raises ForbiddenError for customers, NotFoundError, InvalidError for a month that still runs,
    ConflictError for one that is issued already or can't be composed: it says why."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see drafts.")
    contract = find_billed(session, scope, contract_id, period, now)
    issued = session.scalars(
        select(Statement.number)
        .where(Statement.contract_id == contract.id, Statement.period == period)
        .order_by(Statement.revision.desc())
    ).first()
    if issued is not None:
        raise ConflictError(
            "%(period)s is issued already as %(number)s; what a correction would change is shown "
            "on its page.",
            period=period,
            number=issued,
        )
    number = f"DRAFT-{period.replace('-', '')}-{contract.number}"
    try:
        inputs: dict[str, Any] = gather_inputs(
            session, scope, contract, period,
            document=describe_document(settings, contract, period, number),
            operator=describe_operator(settings),
        )  # fmt: skip
        inputs = add_history(session, scope, contract, inputs)
        return compose(add_issued_months(session, scope, contract, inputs))
    except UNMADE as error:
        raise refuse_unmade(contract, period, error) from error


def refuse_unmade(contract: Contract, period: str, error: Exception) -> ConflictError:
    return ConflictError(
        "No statement can be made of %(number)s for %(period)s: %(why)s",
        number=contract.number,
        period=period,
        why=str(error),
    )
