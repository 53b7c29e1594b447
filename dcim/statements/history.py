"""What a statement takes from the statements before it, and from claims."""

from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.statements.credit_claims import claims_of
from dcim.statements.earlier import find_earlier
from dcim.statements.inputs import load_agreed
from dcim.statements.past_periods import find_past


def add_history(
    session: Session, scope: Scope, contract: Contract, inputs: dict[str, Any]
) -> dict[str, Any]:
    """The inputs with what their terms ask of earlier months and of claims.

    Whoever judges a month needs them: without, what they settle is refused or not known.
    """
    terms, period = load_agreed(inputs), inputs["period"]
    found = {
        "past": find_past(session, scope, contract, terms, period),
        "claims": claims_of(session, scope, contract, terms, period),
        "earlier": find_earlier(session, scope, contract, terms, period),
    }
    return inputs | {key: value for key, value in found.items() if value is not None}
