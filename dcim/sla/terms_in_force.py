"""Which versions of a contract's terms hold in a month, and on a day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractTerms
from dcim.errors import InvalidError
from dcim.sla.rules.language.versions import load_versions
from dcim.sla.rules.periods import month_days
from dcim.sla.rules.terms import Terms


@dataclass(frozen=True, slots=True)
class Agreed:
    """Documents of a month: in force as it begins (or the first that begins in it), and those
    that begin later in it, each with its first day."""

    document: str
    later: tuple[tuple[dt.date, str], ...] = ()

    def load(self) -> Terms:
        """Raises TermsRefusedError for what can't be used."""
        return load_versions(self.document, self.later)

    def as_inputs(self) -> dict[str, Any]:
        """`terms` of a statement's inputs, and `later_terms` where they change in the month."""
        later = [{"from": day.isoformat(), "terms": text} for day, text in self.later]
        return {"terms": self.document} | ({"later_terms": later} if later else {})


def find_agreed(session: Session, scope: Scope, contract: Contract, period: str) -> Agreed:
    """Raises InvalidError when the contract has no terms for the month."""
    versions = session.scalars(
        scope.apply(
            select(ContractTerms)
            .where(
                ContractTerms.contract_id == contract.id,
                ContractTerms.effective_from <= month_days(period)[-1],
            )
            .order_by(ContractTerms.effective_from),
            ContractTerms.customer_id,
        )
    ).all()
    chosen = choose_versions(versions, period)
    if not chosen:
        raise InvalidError(
            "Contract %(number)s has no terms for %(period)s.",
            number=contract.number,
            period=period,
        )
    first, *later = chosen
    return Agreed(first.document, tuple((one.effective_from, one.document) for one in later))


def choose_versions(versions: Sequence[ContractTerms], period: str) -> list[ContractTerms]:
    """Of a contract's versions, the oldest first: the one in force when the month begins, and
    those that begin within it; pure."""
    days = month_days(period)
    before = [version for version in versions if version.effective_from <= days[0]]
    within = [version for version in versions if days[0] < version.effective_from <= days[-1]]
    return [*before[-1:], *within]


def choose_version(versions: Sequence[ContractTerms], day: dt.date) -> ContractTerms | None:
    """Of a contract's versions, the oldest first: the one in force on the day, or the first that
    begins later in its month; pure."""
    begun = [version for version in versions if version.effective_from <= day]
    return next(iter([*begun[-1:], *choose_versions(versions, f"{day:%Y-%m}")]), None)
