"""Facts that only some clauses ask for; a statement carries them when its terms do."""

from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.sla.business_calendar import read_calendar
from dcim.sla.rules.facts import Period
from dcim.sla.rules.terms import Terms
from dcim.sla.ticket_facts import describe_requests


def further_facts(
    session: Session, scope: Scope, contract: Contract, terms: Terms, period: Period
) -> dict[str, Any]:
    """Keys of the inputs beside those that every statement has."""
    found: dict[str, Any] = {}
    if any(metric.answers is not None for metric in terms.metrics):
        found |= describe_requests(session, scope, contract, period)
    calendar = read_calendar(session, terms, period)
    if calendar is not None:
        found["calendar"] = calendar
    return found
