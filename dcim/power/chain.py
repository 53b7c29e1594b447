"""The chain from the utility to the PDU as it is recorded, and whom a node feeds."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import any_, func, or_, select, true, union, union_all
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.columns import is_among, utc_now
from dcim.inventory.models import Allocation
from dcim.power.models import NODE_KINDS, PowerNode
from dcim.power.tree import OWN_SOURCE, Node, PowerTree

__all__ = [
    "OWN_SOURCE", "Node", "PowerTree", "Surroundings", "find_customers_on", "find_racks_below",
    "load_tree",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """These racks' nodes and these nodes, all that feeds them up to the utilities, and what hangs
    beside them on the same breakers."""

    rack_ids: Collection[int] = ()
    node_ids: Collection[int] = ()


def load_tree(
    session: Session, site_id: int | None = None, *, around: Surroundings | None = None
) -> PowerTree:
    """The nodes of a site, or of all, or around some racks and PDUs. One statement."""
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
    if around is not None:
        wanted = wanted.where(PowerNode.id == any_(_list_around(around)))
    found: dict[int, Node] = {}
    for row in session.execute(wanted):
        found[row.id] = Node(**row._mapping)
    return PowerTree(found)


def _list_around(around: Surroundings) -> Any:
    """Ids of the nodes meant, of all above them, and of the children of those next above."""
    meant = or_(
        is_among(PowerNode.rack_id, around.rack_ids), is_among(PowerNode.id, around.node_ids)
    )
    own = select(PowerNode.id, PowerNode.parent_id, PowerNode.second_parent_id).where(meant)
    above = own.cte("above", recursive=True)
    node = aliased(PowerNode)
    above = above.union(
        select(node.id, node.parent_id, node.second_parent_id).join(
            above, node.id == any_(array([above.c.parent_id, above.c.second_parent_id]))
        )
    )
    parents = func.array(select(PowerNode.parent_id).where(meant).scalar_subquery())
    whole = union(
        select(above.c.id),
        select(PowerNode.id).where(PowerNode.parent_id == any_(parents)),
        select(PowerNode.id).where(PowerNode.second_parent_id == any_(parents)),
    ).subquery()
    # As an array: the planner takes it for short, as it is, and looks each node up.
    return func.array(select(whole.c.id).scalar_subquery())


def find_racks_below(
    session: Session, node_ids: Collection[int], kinds: Collection[str] = NODE_KINDS
) -> set[int]:
    """The racks that draw from these nodes, of these kinds, by either source. One statement."""
    below = (
        select(PowerNode.id, PowerNode.rack_id)
        .where(is_among(PowerNode.id, node_ids), PowerNode.kind.in_(kinds))
        .cte("below", recursive=True)
    )
    first, second = aliased(PowerNode), aliased(PowerNode)
    # Apart, so that each is looked up in its own index.
    children = union_all(
        select(first.id, first.rack_id).where(first.parent_id == below.c.id),
        select(second.id, second.rack_id).where(second.second_parent_id == below.c.id),
    ).lateral("children")
    below = below.union(select(children).select_from(below.join(children, true())))
    return set(
        session.scalars(select(below.c.rack_id).where(below.c.rack_id.is_not(None)).distinct())
    )


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
