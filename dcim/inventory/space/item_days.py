"""Space is sold by an item of a contract in force, and only on days that the item covers."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import ConflictError, InvalidError, NotFoundError


@dataclass(frozen=True, slots=True)
class ItemDays:
    """The days on which an item is paid for, half-open, and the contract it is of."""

    item: str
    contract: str
    state: str
    starts_on: dt.date
    ends_on: dt.date | None


def check_sale_days(
    session: Session, scope: Scope, item_id: int, starts_on: dt.date, ends_on: dt.date | None
) -> None:
    """Raises ConflictError for an item of a draft, which binds nobody and can be deleted: such
    space is held, not sold; InvalidError naming the item and the day it doesn't cover.

    Call it with the racks locked. An ended contract's items have their end, so they sell nothing
    beyond it.
    """
    days = read_item_days(session, scope, item_id)
    if days.state == "draft":
        raise ConflictError(
            "Item %(item)s is of draft %(number)s: hold the space until the contract is signed.",
            item=days.item,
            number=days.contract,
        )
    if starts_on < days.starts_on:
        raise InvalidError(
            "Item %(item)s begins on %(day)s; space isn't sold by it before.",
            {"starts_on": ["before the item"]},
            item=days.item,
            day=days.starts_on.isoformat(),
        )
    _check_end(days, ends_on)


def check_later_end(
    session: Session, scope: Scope, item_id: int, before: dt.date | None, ends_on: dt.date | None
) -> None:
    """Raises InvalidError when an end put off from `before` comes after the item's."""
    if before is not None and (ends_on is None or ends_on > before):
        _check_end(read_item_days(session, scope, item_id), ends_on)


def read_item_days(session: Session, scope: Scope, item_id: int) -> ItemDays:
    """Nobody ends the contract or its items until commit: ending them locks the contract."""
    contract = session.execute(
        scope.apply(
            select(Contract.id, Contract.number, Contract.state, Contract.starts_on,
                   Contract.ends_on)
            .where(
                Contract.id
                == select(ContractItem.contract_id)
                .where(ContractItem.id == item_id)
                .scalar_subquery()
            )
            .with_for_update(read=True),
            Contract.customer_id,
        )
    ).one_or_none()  # fmt: skip
    if contract is None:
        raise NotFoundError("No such contract item.")
    # Read after the wait for the lock.
    code, starts_on, ends_on = session.execute(
        select(ContractItem.code, ContractItem.starts_on, ContractItem.ends_on).where(
            ContractItem.id == item_id
        )
    ).one()
    ends = [day for day in (ends_on, contract.ends_on) if day is not None]
    return ItemDays(
        code, contract.number, contract.state, max(starts_on, contract.starts_on),
        min(ends, default=None),
    )  # fmt: skip


def _check_end(days: ItemDays, ends_on: dt.date | None) -> None:
    last = days.ends_on
    if last is not None and (ends_on is None or ends_on > last):
        raise InvalidError(
            "Item %(item)s ends on %(day)s; space sold by it must end by then.",
            {"ends_on": ["after the item"]},
            item=days.item,
            day=last.isoformat(),
        )
