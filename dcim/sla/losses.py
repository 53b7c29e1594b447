"""What is dead takes with it now: racks and machines. What might trip next isn't asked."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.power.chain import Node, Surroundings, find_racks_below, load_tree
from dcim.power.outage import Machine, Outage, add_machines, simulate
from dcim.sla.outages import load_cords, load_machines, plug_in


@dataclass(frozen=True, slots=True)
class Chain:
    """What hangs on some nodes: racks, all that feeds these, the machines in them."""

    nodes: Mapping[int, Node]
    machines: tuple[Machine, ...]


def load_chain(session: Session, node_ids: Collection[int]) -> Chain:
    """Four statements, and only what hangs on the nodes: a panel of a large house is a panel."""
    racks = find_racks_below(session, node_ids)
    machines, _ = load_machines(session, racks)
    plugged = plug_in(machines, load_cords(session, list(machines)))
    cords = {cord for machine in plugged for cord in machine.cords}
    tree = load_tree(session, around=Surroundings(racks, cords.union(node_ids)))
    return Chain(tree.nodes, tuple(plugged))


def find_losses(chain: Chain, off: Iterable[int]) -> Outage:
    """As the simulation judges it, without loads: nothing is overloaded and nothing trips."""
    return add_machines(simulate(chain.nodes, off, {}), chain.machines, {})
