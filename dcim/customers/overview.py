"""Contracts as pages show them: items with their versions, amendments, term, what months cost."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, selectinload

from dcim.accounts.scope import Scope
from dcim.customers.calendar import today_in
from dcim.customers.charges import Charge, Rented, Rule, charge_month
from dcim.customers.models import Contract, ContractAmendment, ContractItem
from dcim.customers.renewals import Term, term_of
from dcim.customers.versions import Agreed, current_of, load_versions, pick_version
from dcim.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ItemView:
    """`now` is what holds today, `coming` what is agreed for later, soonest first."""

    item: ContractItem
    versions: tuple[Agreed, ...]
    now: Agreed
    coming: tuple[Agreed, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class ContractView:
    contract: Contract
    items: tuple[ItemView, ...]
    amendments: Sequence[ContractAmendment]
    term: Term | None
    today: dt.date


def view_contract(
    session: Session, scope: Scope, contract_id: int, now: dt.datetime | None = None
) -> ContractView:
    """Raises NotFoundError for an absent contract and for another's alike. Four statements."""
    found = _view(session, scope, Contract.id == contract_id, now)
    if not found:
        raise NotFoundError("No such contract.")
    return found[0]


def list_views(
    session: Session, scope: Scope, now: dt.datetime | None = None
) -> list[ContractView]:
    """A customer's contracts in force, and those that were; drafts are not theirs to see yet."""
    return _view(session, scope, Contract.state != "draft", now)


def _view(
    session: Session, scope: Scope, wanted: ColumnElement[bool], now: dt.datetime | None
) -> list[ContractView]:
    contracts = session.scalars(
        scope.apply(
            select(Contract)
            .where(wanted)
            .options(joinedload(Contract.customer), selectinload(Contract.items))
            .order_by(Contract.number),
            Contract.customer_id,
        )
    ).all()
    items = [item for contract in contracts for item in contract.items]
    versions = load_versions(session, scope, [item.id for item in items])
    amendments: dict[int, list[ContractAmendment]] = {}
    for one in session.scalars(
        scope.apply(
            select(ContractAmendment)
            .where(ContractAmendment.contract_id.in_([contract.id for contract in contracts]))
            .order_by(ContractAmendment.effective_from.desc(), ContractAmendment.id.desc()),
            ContractAmendment.customer_id,
        )
    ):
        amendments.setdefault(one.contract_id, []).append(one)
    found = []
    for contract in contracts:
        today = today_in(contract.timezone, now)
        views = tuple(_view_item(item, versions.get(item.id, ()), today) for item in contract.items)
        found.append(
            ContractView(
                contract, views, amendments.get(contract.id, []), term_of(contract, today), today
            )
        )
    return found


def _view_item(item: ContractItem, versions: Sequence[Agreed], today: dt.date) -> ItemView:
    known = tuple(versions) or (current_of(item),)
    return ItemView(
        item,
        known,
        pick_version(known, today) or current_of(item),
        tuple(version for version in known if version.effective_from > today),
        item.ends_on is not None and item.ends_on <= today,
    )


def preview_month(view: ContractView, month: dt.date, rule: Rule | None = None) -> list[Charge]:
    """The rent of the month of this day as the statement will charge it, if nothing changes."""
    first = month.replace(day=1)
    rented = []
    for one in view.items:
        agreed = pick_version(one.versions, max(first, one.item.starts_on)) or one.now
        rented.append(
            Rented(one.item.code, agreed.monthly_fee, one.item.starts_on, one.item.ends_on)
        )
    contract = view.contract
    return charge_month(rented, first, contract.starts_on, contract.ends_on, rule)
