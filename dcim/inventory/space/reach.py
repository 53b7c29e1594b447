"""Which racks and rooms a scope reaches: a customer's are those allocated to it today."""

from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, or_, select, true

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.inventory.models import Allocation, Cabinet, Rack, Row
from dcim.paging import Query


def today_of_contract() -> ColumnElement[Any]:
    """Today's date where the contract is: its days begin at midnight in its own zone."""
    return cast(func.timezone(Contract.timezone, func.now()), Date)


def select_allocated_racks(scope: Scope) -> Query:
    """Ids of the racks in which this scope's customer has space today."""
    return (
        select(Allocation.rack_id)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            scope.filter(Allocation.customer_id),
            Allocation.starts_on <= today_of_contract(),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > today_of_contract()),
        )
    )


def select_whole_racks(scope: Scope) -> Query:
    """Of these, the racks that one allocation fills: only there is a PDU's draw the customer's
    own, and not the sum of its neighbours'."""
    return (
        select_allocated_racks(scope)
        .join(Rack, Rack.id == Allocation.rack_id)
        .where(Allocation.u_low == 0, Allocation.height >= 2 * Rack.u_count)
    )


def in_reach(scope: Scope, rack_id: Any) -> ColumnElement[bool]:
    """The condition on a rack id column: staff reach every rack."""
    if scope.is_staff:
        return true()
    condition: ColumnElement[bool] = rack_id.in_(select_allocated_racks(scope))
    return condition


def select_reached_rooms(scope: Scope) -> Query:
    return (
        select(Row.room_id)
        .join(Cabinet, Cabinet.row_id == Row.id)
        .join(Rack, Rack.cabinet_id == Cabinet.id)
        .where(in_reach(scope, Rack.id))
    )
