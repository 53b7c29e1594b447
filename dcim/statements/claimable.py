"""What of an issued month may still be claimed."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractTerms
from dcim.errors import NotFoundError
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.rules.terms import Text
from dcim.statements.composition import evaluate_inputs
from dcim.statements.credit_claims import claims_of
from dcim.statements.files import unpack_inputs
from dcim.statements.inputs import load_agreed
from dcim.statements.models import Statement


@dataclass(frozen=True, slots=True)
class ClaimableRow:
    """`until` is the last moment in which a claim is in time."""

    result: str
    title: Text
    subject: Text
    amount: Decimal
    until: dt.datetime


def list_claimable(
    session: Session, scope: Scope, statement_id: int, now: dt.datetime
) -> list[ClaimableRow]:
    """The statement's facts judged as of now, with the claims made since; empty when there is
    nothing to claim. Raises NotFoundError for one that is absent or another customer's."""
    statement = session.scalar(
        scope.apply(select(Statement).where(Statement.id == statement_id), Statement.customer_id)
    )
    if statement is None:
        raise NotFoundError("No such statement.")
    if statement.contract_id not in find_claiming(session, scope):
        return []
    inputs = unpack_inputs(statement)
    contract = session.get_one(Contract, statement.contract_id)
    terms = load_agreed(inputs)
    claims = claims_of(session, scope, contract, terms, statement.period)
    if claims is None:
        return []
    document = inputs["document"] | {"frozen_at": format_instant(to_ms(now))}
    judged = evaluate_inputs(inputs | {"claims": claims, "document": document})
    names = {entry["id"]: entry.get("name") or entry["label"] for entry in inputs["items"]}
    return [
        ClaimableRow(
            result.id,
            result.metric.title,
            names[result.item.id],
            settlement.claimable,
            dt.datetime.fromtimestamp(settlement.until / 1000, dt.UTC),
        )
        for result in judged.results
        if (settlement := result.settlement) is not None
        and settlement.claimable
        and settlement.until is not None
    ]


def find_claiming(session: Session, scope: Scope) -> set[int]:
    """Contracts of which some version of the terms may settle on claim: a hint where to look."""
    return set(
        session.scalars(
            scope.apply(
                select(ContractTerms.contract_id).where(
                    ContractTerms.document.contains("on_claim")
                ),
                ContractTerms.customer_id,
            )
        )
    )
