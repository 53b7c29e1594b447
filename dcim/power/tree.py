"""Pure: the chain from the utility to the PDU as one tree: what feeds a node, what hangs on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# What may have power while its parent has none: batteries, a second source, its own engine.
OWN_SOURCE = frozenset({"ups", "ats", "generator", "utility"})
# Phase to neutral of the nominal systems named by their voltage between phases (IEC 60038): the
# quotient by the square root of three is a little off for some of them.
NOMINAL_V = {380: 220, 400: 230, 415: 240}


@dataclass(frozen=True, slots=True)
class Node:
    """A power node as the tree knows it."""

    id: int
    parent_id: int | None
    kind: str
    code: str
    feed: str
    rack_id: int | None
    volts: int
    rated_a: int
    phases: int
    derate_pct: int
    second_parent_id: int | None = None
    power_factor_pct: int = 100
    phase: str = ""
    poles: int | None = None
    position: str = ""
    closed: bool = True
    capacity_w: int | None = None
    name: str = ""

    @property
    def has_own_source(self) -> bool:
        return self.kind in OWN_SOURCE or self.second_parent_id is not None

    @property
    def parents(self) -> tuple[int, ...]:
        """Where current may come from, the preferred source first."""
        return tuple(each for each in (self.parent_id, self.second_parent_id) if each is not None)

    @property
    def phase_v(self) -> int:
        """What is measured from a phase to neutral; above 300 V a three-phase node's `volts` are
        those between phases (400 V systems), otherwise they are this already."""
        between = self.phases == 3 and self.volts > 300
        if not between:
            return self.volts
        return NOMINAL_V.get(self.volts, self.volts * 1000 // 1732)

    @property
    def rated_w(self) -> int:
        """By its own plate, else apparent power by the power factor: P = n × U(LN) × I × cos φ
        (GB 50054-2011; n is 1 or 3 phases)."""
        if self.capacity_w is not None:
            return self.capacity_w
        return self.phase_v * self.rated_a * self.phases * self.power_factor_pct // 100

    @property
    def derated_w(self) -> int:
        return self.rated_w * self.derate_pct // 100


@dataclass(slots=True)
class PowerTree:
    nodes: Mapping[int, Node]
    _children: dict[int, list[Node]] = field(init=False)

    def __post_init__(self) -> None:
        self._children = {}
        for node in sorted(self.nodes.values(), key=lambda each: each.code):
            for parent_id in node.parents:
                self._children.setdefault(parent_id, []).append(node)

    def children(self, node_id: int) -> list[Node]:
        """What draws from the node, also as its second source."""
        return self._children.get(node_id, [])

    def firstborn(self, node_id: int) -> list[Node]:
        """Children whose first source this is: each node stands once in a tree of these."""
        return [node for node in self.children(node_id) if node.parent_id == node_id]

    def path(self, node_id: int) -> list[Node]:
        """The node, what feeds it, and so on up to the utility. A loop in the data ends it."""
        found: list[Node] = []
        seen: set[int] = set()
        at: int | None = node_id
        while at is not None and at in self.nodes and at not in seen:
            seen.add(at)
            found.append(self.nodes[at])
            at = self.nodes[at].parent_id
        return found

    def sources(self, node_id: int) -> set[int]:
        """All that the node may draw from, by whichever of its sources; itself among them."""
        found: set[int] = set()
        waiting = [node_id]
        while waiting:
            at = waiting.pop()
            if at in self.nodes and at not in found:
                found.add(at)
                waiting += self.nodes[at].parents
        return found

    def descendants(self, node_id: int) -> list[Node]:
        """All that hangs on the node, itself left out."""
        return list(self._walk(node_id, {node_id}))

    def _walk(self, node_id: int, seen: set[int]) -> Iterator[Node]:
        for child in self.children(node_id):
            if child.id not in seen:
                seen.add(child.id)
                yield child
                yield from self._walk(child.id, seen)

    def feeds_only(self, node_id: int, pdu_id: int) -> bool:
        """Whether nothing but this PDU, and what is plugged into it, hangs on the node."""
        return [child.id for child in self.children(node_id)] == [pdu_id]

    def is_feed(self, node: Node) -> bool:
        """A PDU that brings a feed into its rack. One that hangs on another PDU of the same rack
        (behind a rack transfer switch) passes on what that one brought already."""
        return (
            node.kind == "pdu"
            and node.rack_id is not None
            and not any(
                above.kind == "pdu" and above.rack_id == node.rack_id
                for above in self.path(node.id)[1:]
            )
        )

    def pdus_of(self, rack_id: int) -> list[Node]:
        """The PDUs that feed the rack, feed A first."""
        return sorted(
            (
                node
                for node in self.nodes.values()
                if node.rack_id == rack_id and self.is_feed(node)
            ),
            key=lambda each: (each.feed, each.code),
        )

    def racks_on(self, node_id: int) -> set[int]:
        """Racks that draw from the node, by whichever feed."""
        return {
            node.rack_id
            for node in (self.nodes[node_id], *self.descendants(node_id))
            if node.rack_id is not None
        }
