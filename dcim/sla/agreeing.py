"""Giving a contract its terms, or their next version: read, checked and dated before they count."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.contracts import refuse_closed
from dcim.customers.models import Contract, ContractTerms
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.versions import refuse_change
from dcim.sla.rules.terms import Terms

LONGEST = 200_000


def read_terms_for(contract: Contract, document: str) -> Terms:
    """Terms that can judge this contract. Raises InvalidError naming every place that is wrong."""
    if len(document) > LONGEST:
        raise InvalidError("At most %(count)s characters.", {"document": ["long"]}, count=LONGEST)
    try:
        terms = load_terms(document)
    except TermsRefusedError as error:
        raise InvalidError(
            "These terms can't be used: %(problems)s",
            {"document": list(error.told)},
            problems=error.told,
        ) from error
    if (terms.currency, terms.timezone) != (contract.currency, contract.timezone):
        raise InvalidError(
            "The terms are in %(currency)s and %(zone)s, the contract in %(own)s and %(own_zone)s.",
            {"document": ["currency and zone"]},
            currency=terms.currency,
            zone=terms.timezone,
            own=contract.currency,
            own_zone=contract.timezone,
        )
    return terms


def attach_terms(
    session: Session,
    scope: Scope,
    contract: Contract,
    document: str,
    effective_from: dt.date | None = None,
    now: dt.datetime | None = None,
) -> ContractTerms:
    """The first version holds from the contract's start, a later one from the day given; what is
    charged by the month changes on the first of a month alone.

    A draft's only version is replaced. Raises InvalidError, ConflictError, ForbiddenError.
    """
    require_staff(scope)
    if contract.state == "ended":
        raise ConflictError("Contract %(number)s has ended.", number=contract.number)
    terms = read_terms_for(contract, document)
    versions = session.scalars(
        select(ContractTerms)
        .where(ContractTerms.contract_id == contract.id)
        .order_by(ContractTerms.version)
    ).all()
    if contract.state == "draft":
        for version in versions:
            session.delete(version)
        session.flush()
        versions = []
    day = effective_from or contract.starts_on
    if versions:
        _check_day(contract, versions[-1], terms, day, now)
    else:
        day = contract.starts_on
    added = ContractTerms(
        contract_id=contract.id,
        customer_id=contract.customer_id,
        version=versions[-1].version + 1 if versions else 1,
        effective_from=day,
        document=document,
        sha256=terms.sha256,
    )
    session.add(added)
    session.flush()
    session.expire(contract, ["terms"])
    record(
        session,
        scope,
        "contract.terms",
        f"contract/{contract.id}",
        customer_id=contract.customer_id,
        number=contract.number,
        version=added.version,
        effective_from=day.isoformat(),
        sha256=added.sha256,
    )
    return added


def _check_day(
    contract: Contract,
    newest: ContractTerms,
    terms: Terms,
    day: dt.date,
    now: dt.datetime | None,
) -> None:
    refuse_closed(contract, day, "effective_from", now)
    if day <= newest.effective_from:
        raise InvalidError(
            "Version %(version)s holds from %(day)s; the next begins later.",
            {"effective_from": ["too early"]},
            version=newest.version,
            day=newest.effective_from,
        )
    if day.day == 1:
        return
    try:
        refuse_change(load_terms(newest.document), terms, day)
    except TermsRefusedError as error:
        raise InvalidError(
            "From this day these terms can't hold: %(problems)s",
            {"effective_from": list(error.told)},
            problems=error.told,
        ) from error
