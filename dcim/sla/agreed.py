"""The terms of contracts as people read them: every version's clauses in words."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.charges import Rule
from dcim.customers.models import Contract, ContractTerms
from dcim.errors import InvalidError, Messages
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.words import clause_words
from dcim.sla.terms_in_force import find_agreed

NONE = Messages()


@dataclass(frozen=True, slots=True)
class AgreedTerms:
    """`clauses` are {id, title {zh, en}, text {zh, en}}; empty where the document can't be read,
    then `problems` say why."""

    contract_id: int
    version: int
    effective_from: dt.date
    sha256: str
    clauses: list[dict[str, Any]]
    problems: Messages = NONE


def tell_terms(
    session: Session, scope: Scope, contract_ids: list[int]
) -> dict[int, list[AgreedTerms]]:
    """By contract, newest version first."""
    rows = session.scalars(
        select(ContractTerms)
        .where(ContractTerms.contract_id.in_(contract_ids), scope.filter(ContractTerms.customer_id))
        .order_by(ContractTerms.contract_id, ContractTerms.version.desc())
    )
    found: dict[int, list[AgreedTerms]] = {}
    for row in rows:
        clauses: list[dict[str, Any]] = []
        problems = Messages()
        try:
            clauses = clause_words(load_terms(row.document))
        except TermsRefusedError as error:
            problems = error.told
        found.setdefault(row.contract_id, []).append(
            AgreedTerms(
                row.contract_id, row.version, row.effective_from, row.sha256, clauses, problems
            )
        )
    return found


def rule_of_month(session: Session, scope: Scope, contract: Contract, month: dt.date) -> Rule:
    """How the terms in force prorate and round; the language's defaults where none can be read."""
    try:
        terms = find_agreed(session, scope, contract, f"{month:%Y-%m}").load()
    except (InvalidError, TermsRefusedError):
        return Rule()
    return Rule(terms.prorate, terms.rounding, terms.decimals)
