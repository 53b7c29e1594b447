"""What a statement takes from the statements before it."""

from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.sla.rules.language.loading import load_terms
from dcim.statements.past_periods import find_past


def add_history(
    session: Session, scope: Scope, contract: Contract, inputs: dict[str, Any]
) -> dict[str, Any]:
    """The inputs with what their terms ask of earlier months; whoever judges a month needs them."""
    terms, period = load_terms(inputs["terms"]), inputs["period"]
    past = find_past(session, scope, contract, terms, period)
    return inputs if past is None else {**inputs, "past": past}
