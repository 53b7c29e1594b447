"""Ending what is sold: an item, or a whole contract, doesn't end before the space it sold."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.contracts import set_contract_end
from dcim.customers.items import set_item_end
from dcim.customers.models import Contract, ContractItem
from dcim.errors import ConflictError
from dcim.inventory.models import Allocation
from dcim.inventory.numbering import name_units
from dcim.inventory.space.extending import space_follows


def end_item(
    session: Session,
    scope: Scope,
    item: ContractItem,
    ends_on: dt.date | None,
    now: dt.datetime | None = None,
) -> None:
    """`ends_on` is the first day no longer paid for; None lets it run again.

    A later end takes along the space that ended with it. Raises ConflictError naming space that
    would still be the item's, or who has it from the old end on; InvalidError.
    """
    if ends_on is not None:
        refuse_allocated_beyond(session, scope, [item.id], ends_on)
    contract = session.get_one(Contract, item.contract_id)
    with space_follows(session, scope, contract, now):
        set_item_end(session, scope, item, ends_on, now)


def end_contract(
    session: Session,
    scope: Scope,
    contract: Contract,
    ends_on: dt.date,
    now: dt.datetime | None = None,
) -> None:
    """End it with all its items. Raises ConflictError as `end_item` does, InvalidError."""
    refuse_allocated_beyond(session, scope, [item.id for item in contract.items], ends_on)
    with space_follows(session, scope, contract, now):
        set_contract_end(session, scope, contract, ends_on, now)


def refuse_allocated_beyond(
    session: Session, scope: Scope, item_ids: Sequence[int], day: dt.date
) -> None:
    """Raises ConflictError when these items still have space on that day or later."""
    found = session.scalars(
        scope.apply(
            select(Allocation)
            .where(
                Allocation.contract_item_id.in_(item_ids),
                or_(Allocation.ends_on.is_(None), Allocation.ends_on > day),
            )
            .options(joinedload(Allocation.rack), joinedload(Allocation.contract_item))
            .order_by(Allocation.id)
            .limit(1),
            Allocation.customer_id,
        )
    ).first()
    if found is None:
        return
    places = {
        "rack": found.rack.code,
        "where": name_units(found.rack, found.u_low, found.height),
        "item": found.contract_item.code,
    }
    if found.ends_on is None:
        raise ConflictError(
            "%(rack)s %(where)s is allocated by item %(item)s without an end; end that first.",
            **places,
        )
    raise ConflictError(
        "%(rack)s %(where)s is allocated by item %(item)s until %(until)s; end that first.",
        until=found.ends_on,
        **places,
    )
