"""Building the chain: what is entered or changed must fit what feeds it and what it feeds."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Cabinet, Rack, Room, Row, Site
from dcim.power.chain import load_tree
from dcim.power.models import PowerNode
from dcim.power.rules import Remark, find_faults
from dcim.power.tree import Node, PowerTree
from dcim.records.fields import mark

# The place of a node that isn't written yet.
NEW = 0


def check_node(
    session: Session, scope: Scope, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    """The rules of a node as it will be, and of what hangs on it.

    Locks the site's chain, so that two changes at once can't close a loop. Raises InvalidError by
    field, ConflictError for a place in the panel that another breaker has.
    """
    site_id = after["site_id"]
    session.execute(select(Site.id).where(Site.id == site_id).with_for_update())
    tree = load_tree(session, site_id)
    own_id = _find_own(session, before)
    if before is not None and before["site_id"] != site_id and own_id is not None:
        raise InvalidError("A node stays in its site.", {"site_id": ["fixed"]})
    node = _as_node(own_id or NEW, after)
    _check_sources(tree, node, after)
    _refuse_loop(tree, node)
    faults = find_faults(node, [tree.nodes[each] for each in node.parents])
    for child in tree.children(node.id) if own_id else ():
        parents = [node if each == node.id else tree.nodes[each] for each in child.parents]
        known = {remark.text for remark in find_faults(child, _former(tree, child))}
        faults += [
            Remark(
                "parent_id", mark("%(child)s hangs on it and wouldn't fit."), {"child": child.code}
            )
            for remark in find_faults(child, parents)
            if remark.text not in known
        ]
    if faults:
        first = faults[0]
        raise InvalidError(
            first.text,
            {remark.field: [remark.text % remark.places] for remark in faults},
            **first.places,
        )
    _check_rack(session, site_id, node)
    _refuse_taken_position(tree, node)


def _former(tree: PowerTree, child: Node) -> list[Node]:
    return [tree.nodes[each] for each in child.parents if each in tree.nodes]


def _find_own(session: Session, before: dict[str, Any] | None) -> int | None:
    if before is None:
        return None
    return session.scalar(
        select(PowerNode.id).where(
            PowerNode.site_id == before["site_id"], PowerNode.code == before["code"]
        )
    )


def _as_node(node_id: int, values: dict[str, Any]) -> Node:
    blank = Node(node_id, None, "", "", "", None, 0, 0, 1, 80)
    known = {name: values[name] for name in Node.__dataclass_fields__ if name in values}
    node = replace(blank, **known)
    if not values.get("volts"):
        return replace(node, volts=380 if node.phases == 3 else 220)
    return node


def _check_sources(tree: PowerTree, node: Node, values: dict[str, Any]) -> None:
    for name in ("parent_id", "second_parent_id"):
        source = values.get(name)
        if source is not None and source not in tree.nodes:
            raise InvalidError("What feeds it is in the same site.", {name: ["other site"]})
    if node.parent_id is not None and node.parent_id == node.second_parent_id:
        raise InvalidError(
            "The second source is another one than the first.", {"second_parent_id": ["same"]}
        )
    if node.second_parent_id is not None and node.parent_id is None:
        raise InvalidError(
            "What has one source only has it as the first.", {"second_parent_id": ["first"]}
        )


def _refuse_loop(tree: PowerTree, node: Node) -> None:
    if node.id == NEW:
        return
    below = {node.id, *(each.id for each in tree.descendants(node.id))}
    for name, source in (
        ("parent_id", node.parent_id),
        ("second_parent_id", node.second_parent_id),
    ):
        if source in below:
            raise InvalidError(
                "%(source)s hangs on %(node)s itself: current doesn't flow in a circle.",
                {name: ["loop"]},
                source=tree.nodes[source].code if source else "",
                node=node.code,
            )


def _check_rack(session: Session, site_id: int, node: Node) -> None:
    if node.rack_id is None:
        return
    other = session.scalar(
        select(Room.site_id)
        .join(Row, Row.room_id == Room.id)
        .join(Cabinet, Cabinet.row_id == Row.id)
        .join(Rack, Rack.cabinet_id == Cabinet.id)
        .where(Rack.id == node.rack_id)
    )
    if other != site_id:
        raise InvalidError("The rack is in another site.", {"rack_id": ["other site"]})


def _refuse_taken_position(tree: PowerTree, node: Node) -> None:
    if not node.position or node.parent_id is None:
        return
    for other in tree.children(node.parent_id):
        same = other.parent_id == node.parent_id and other.position == node.position
        if same and other.id != node.id:
            raise ConflictError(
                "%(other)s has position %(position)s in %(panel)s.",
                other=other.code,
                position=node.position,
                panel=tree.nodes[node.parent_id].code,
            )


def check_outlet(
    session: Session, scope: Scope, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    """An outlet belongs to a PDU, its bank to the same PDU. Raises InvalidError."""
    pdu = session.get(PowerNode, after["pdu_id"])
    if pdu is None or pdu.kind != "pdu":
        raise InvalidError("Outlets belong to a PDU.", {"pdu_id": ["no pdu"]})
    bank_id = after.get("bank_id")
    if bank_id is None:
        return
    bank = session.get(PowerNode, bank_id)
    if bank is None or bank.kind != "bank" or bank.parent_id != pdu.id:
        raise InvalidError("The bank belongs to another PDU.", {"bank_id": ["other pdu"]})
