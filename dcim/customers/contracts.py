"""Contracts: drafted, signed, renewed. How one ends or renews with its space: inventory.space."""

import datetime as dt
import re
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import add_months, is_zone, open_month, today_in
from dcim.customers.models import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractTerms,
    Customer,
)
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError

CURRENCY = re.compile(r"[A-Z]{3}")
# What a signature fixes; from then on these change by amendment, renewal or end.
SIGNED_FIELDS = ("number", "currency", "timezone", "starts_on", "ends_on", "supersedes_id")


def find_contract_row(session: Session, scope: Scope, contract_id: int) -> Contract:
    """Locked until commit, so that two changes come one after the other.

    Raises NotFoundError for an absent contract and for another's alike.
    """
    contract = session.scalar(
        scope.apply(
            select(Contract)
            .where(Contract.id == contract_id)
            .with_for_update()
            .execution_options(populate_existing=True),
            Contract.customer_id,
        )
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    return contract


def create_contract(session: Session, scope: Scope, values: dict[str, Any]) -> Contract:
    """A draft: it binds nobody and is not billed until it is signed. Audited by who calls."""
    require_staff(scope)
    given = {"state": "draft", **values}
    given["state"] = "draft"
    _check(session, None, given)
    contract = Contract(**given)
    session.add(contract)
    session.flush()
    return contract


def update_contract(
    session: Session, scope: Scope, contract: Contract, values: dict[str, Any]
) -> None:
    """Raises ConflictError for what a signature has fixed. Audited by who calls."""
    require_staff(scope)
    changed = {name: new for name, new in values.items() if getattr(contract, name) != new}
    if contract.state != "draft" and (fixed := [n for n in SIGNED_FIELDS if n in changed]):
        raise InvalidError(
            "Contract %(number)s is signed: amend, renew or end it on its page.",
            {name: ["signed"] for name in fixed},
            number=contract.number,
        )
    _check(session, contract, changed)
    for name, value in changed.items():
        setattr(contract, name, value)
    session.flush()


def delete_contract(session: Session, scope: Scope, contract: Contract) -> None:
    """A draft alone can go, with its items and terms. Audited by who calls."""
    require_staff(scope)
    if contract.state != "draft":
        raise ConflictError(
            "Contract %(number)s is signed and stays on record.", number=contract.number
        )
    for part in (*contract.items, *contract.terms):
        session.delete(part)
    session.flush()
    session.delete(contract)
    session.flush()


def sign_contract(
    session: Session,
    scope: Scope,
    contract: Contract,
    signed_on: dt.date | None = None,
    now: dt.datetime | None = None,
) -> None:
    """From here on it is in force and billed; its customer is served.

    Raises ConflictError for what is no draft or has no items, InvalidError for a day to come.
    """
    require_staff(scope)
    if contract.state != "draft":
        raise ConflictError("Contract %(number)s is signed already.", number=contract.number)
    if not session.scalar(select(func.count()).where(ContractItem.contract_id == contract.id)):
        raise ConflictError(
            "Contract %(number)s has no items: there is nothing to sign.", number=contract.number
        )
    # Without them no month of it could be judged nor billed.
    if not session.scalar(
        select(func.count()).where(
            ContractTerms.contract_id == contract.id,
            ContractTerms.effective_from <= contract.starts_on,
        )
    ):
        raise ConflictError(
            "Contract %(number)s has no terms from its first day on; attach them before signing.",
            number=contract.number,
        )
    moment = now or utc_now()
    today = today_in(contract.timezone, moment)
    if signed_on is not None and signed_on > today:
        raise InvalidError("A day to come can't be the day of signing.", {"signed_on": ["future"]})
    contract.signed_at = (
        moment if signed_on in (None, today) else dt.datetime.combine(signed_on, dt.time(4), dt.UTC)
    )
    contract.state = "signed"
    customer = session.get_one(Customer, contract.customer_id)
    if customer.state in ("prospect", "left"):
        customer.state = "active"
    session.flush()
    record(
        session,
        scope,
        "contract.sign",
        f"contract/{contract.id}",
        customer_id=contract.customer_id,
        number=contract.number,
        signed_at=contract.signed_at.isoformat(),
    )


def renew_contract(
    session: Session,
    scope: Scope,
    contract: Contract,
    months: int,
    now: dt.datetime | None = None,
) -> None:
    """Let it run so many months longer: its end moves, or the term of one without an end.

    Items that would have ended with it go on with it; the space they sold until then is seen to by
    `inventory.space.extending.renew`, which everybody calls. Raises ConflictError for what isn't in
    force, InvalidError.
    """
    require_staff(scope)
    if contract.state != "signed":
        raise ConflictError("Contract %(number)s is not in force.", number=contract.number)
    if not 1 <= months <= 120:
        raise InvalidError("From 1 to 120 months.", {"months": ["range"]})
    before = contract.ends_on
    if before is not None:
        if before <= today_in(contract.timezone, now):
            raise ConflictError(
                "Contract %(number)s ended on %(day)s; make a new one that supersedes it.",
                number=contract.number,
                day=before,
            )
        contract.ends_on = add_months(before, months)
        for item in contract.items:
            if item.ends_on == before:
                item.ends_on = contract.ends_on
    elif contract.term_months is not None:
        contract.term_months += months
    else:
        raise ConflictError(
            "Contract %(number)s has neither term nor end: it runs on by itself.",
            number=contract.number,
        )
    session.flush()
    record(
        session,
        scope,
        "contract.renew",
        f"contract/{contract.id}",
        customer_id=contract.customer_id,
        number=contract.number,
        months=months,
        ends_on=contract.ends_on.isoformat() if contract.ends_on else None,
        term_months=contract.term_months,
    )


def set_contract_end(
    session: Session,
    scope: Scope,
    contract: Contract,
    ends_on: dt.date,
    now: dt.datetime | None = None,
) -> None:
    """End it and every item that would run longer; whether space is still theirs is asked before.

    `ends_on` is the first day no longer covered. Raises ConflictError, InvalidError.
    """
    require_staff(scope)
    if contract.state != "signed":
        raise ConflictError("Contract %(number)s is not in force.", number=contract.number)
    if ends_on <= contract.starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    refuse_closed(contract, ends_on, "ends_on", now)
    begun_later = [item.code for item in contract.items if item.starts_on >= ends_on]
    if begun_later:
        raise ConflictError("Item %(code)s begins only after that day.", code=begun_later[0])
    before, contract.ends_on = contract.ends_on, ends_on
    for item in contract.items:
        if item.ends_on is None or item.ends_on > ends_on:
            item.ends_on = ends_on
    if ends_on <= today_in(contract.timezone, now):
        contract.state = "ended"
    session.flush()
    record(
        session,
        scope,
        "contract.end",
        f"contract/{contract.id}",
        customer_id=contract.customer_id,
        number=contract.number,
        ends_on=ends_on.isoformat(),
        before=before.isoformat() if before else None,
    )


def refuse_closed(
    contract: Contract, day: dt.date, field: str, now: dt.datetime | None = None
) -> None:
    """Raises InvalidError for a day in a month that is over: what it cost stays as it was."""
    first = open_month(contract.timezone, now)
    if day < first:
        raise InvalidError(
            "Months before %(day)s are closed; what they cost no longer changes.",
            {field: ["closed"]},
            day=first,
        )


def next_amendment_number(session: Session, contract: Contract) -> str:
    """ "HT-2026-1-A2" for the second amendment of HT-2026-1."""
    count = session.scalar(select(func.count()).where(ContractAmendment.contract_id == contract.id))
    return f"{contract.number}-A{(count or 0) + 1}"[:64]


def _check(session: Session, contract: Contract | None, given: dict[str, Any]) -> None:
    if (
        contract is not None
        and contract.terms
        and {"currency", "timezone", "starts_on"} & set(given)
    ):
        raise ConflictError(
            "The terms of contract %(number)s were read for these; delete it and draft anew.",
            number=contract.number,
        )

    def of(name: str) -> Any:
        return given[name] if name in given else getattr(contract, name, None)

    if (currency := of("currency")) is not None and not CURRENCY.fullmatch(currency):
        raise InvalidError(
            "Write a currency by its three letters, like CNY.", {"currency": ["three letters"]}
        )
    if (zone := of("timezone")) is not None and not is_zone(zone):
        raise InvalidError(
            "%(zone)s is no time zone; write one like Asia/Shanghai.",
            {"timezone": ["unknown"]},
            zone=zone,
        )
    if of("ends_on") is not None and of("ends_on") <= of("starts_on"):
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    if "supersedes_id" in given and given["supersedes_id"] is not None:
        _check_superseded(session, contract, of("customer_id"), given["supersedes_id"])
    if contract is not None and contract.state == "draft":
        for item in contract.items:
            late = of("ends_on") is not None and (item.ends_on or item.starts_on) > of("ends_on")
            if item.starts_on < of("starts_on") or late:
                raise ConflictError(
                    "Item %(code)s would lie outside the contract's days.", code=item.code
                )


def _check_superseded(
    session: Session, contract: Contract | None, customer_id: int, superseded: int
) -> None:
    found = session.execute(
        select(Contract.customer_id).where(Contract.id == superseded)
    ).scalar_one_or_none()
    if found != customer_id or (contract is not None and contract.id == superseded):
        raise InvalidError(
            "A contract supersedes another of the same customer.", {"supersedes_id": ["unknown"]}
        )
