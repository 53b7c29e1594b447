"""The chain from the utility to the PDU as it is recorded, and whom a node feeds."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.inventory.models import Allocation
from dcim.power.models import PowerNode
from dcim.power.tree import OWN_SOURCE, Node, PowerTree

__all__ = ["OWN_SOURCE", "Node", "PowerTree", "find_customers_on", "load_tree"]


def load_tree(session: Session, site_id: int | None = None) -> PowerTree:
    wanted = select(
        PowerNode.id,
        PowerNode.parent_id,
        PowerNode.kind,
        PowerNode.code,
        PowerNode.feed,
        PowerNode.rack_id,
        PowerNode.volts,
        PowerNode.rated_a,
        PowerNode.phases,
        PowerNode.derate_pct,
        PowerNode.second_parent_id,
        PowerNode.power_factor_pct,
        PowerNode.phase,
        PowerNode.poles,
        PowerNode.position,
        PowerNode.closed,
        PowerNode.capacity_w,
        PowerNode.name,
    )
    if site_id is not None:
        wanted = wanted.where(PowerNode.site_id == site_id)
    found: dict[int, Node] = {}
    for row in session.execute(wanted):
        found[row.id] = Node(**row._mapping)
    return PowerTree(found)


def find_customers_on(
    session: Session, scope: Scope, tree: PowerTree, node_id: int
) -> dict[int, set[int]]:
    """Who draws from the node today: rack ids by customer, as far as the scope reaches."""
    today = utc_now().date()
    rows = session.execute(
        scope.apply(
            select(Allocation.customer_id, Allocation.rack_id).where(
                Allocation.rack_id.in_(tree.racks_on(node_id)),
                Allocation.starts_on <= today,
                or_(Allocation.ends_on.is_(None), Allocation.ends_on > today),
            ),
            Allocation.customer_id,
        )
    )
    found: dict[int, set[int]] = {}
    for customer_id, rack_id in rows:
        found.setdefault(customer_id, set()).add(rack_id)
    return found
