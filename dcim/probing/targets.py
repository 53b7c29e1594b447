"""What makes a target: an address that can be asked, for one item or one site, at a fair pace."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem
from dcim.errors import InvalidError
from dcim.probing.models import INTERVALS, ProbeTarget
from dcim.probing.rounds import METHODS, EchoTarget

Values = dict[str, Any]


def check_target(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """Raises InvalidError, naming fields, for what can't be probed or measures for nobody.

    Whether the address may be asked is judged at each round (`allowing`): settings change.
    """
    wrong: dict[str, list[str]] = {}
    if (after.get("contract_item_id") is None) == (after.get("site_id") is None):
        wrong["contract_item_id"] = wrong["site_id"] = ["one of both"]
    if after["every_s"] not in INTERVALS:
        wrong["every_s"] = [", ".join(map(str, INTERVALS))]
    if after["method"] == "tcp" and after.get("tcp_port") is None:
        wrong["tcp_port"] = ["needed for TCP"]
    try:
        EchoTarget(0, after["address"], METHODS[0])
    except ValueError as error:
        wrong["address"] = [str(error)]
    if wrong:
        raise InvalidError("These don't fit together.", wrong)


def create_target(session: Session, scope: Scope, values: Values) -> ProbeTarget:
    """The customer is the item's. Audited by who calls."""
    customer_id = None
    if (item_id := values.get("contract_item_id")) is not None:
        customer_id = session.scalars(
            scope.apply(
                select(ContractItem.customer_id).where(ContractItem.id == item_id),
                ContractItem.customer_id,
            )
        ).one()
    target = ProbeTarget(**values, customer_id=customer_id)
    session.add(target)
    session.flush()
    return target
