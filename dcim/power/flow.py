"""Pure: which nodes of the chain are fed, by which source, and what flows through them.

Apparent power in mVA (volts × milliamperes, integers), by phase. Loads of one phase are added up
arithmetically: their power factors are alike, and the sum is never below the true one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dcim.power.tree import Node

A, B = 1, 2
BOTH = A | B
FEED_BITS = {"A": A, "B": B, "AB": BOTH}
# Which of L1, L2, L3 a circuit draws from.
ON_PHASES = {
    "L1": (0,), "L2": (1,), "L3": (2,), "L12": (0, 1), "L23": (1, 2), "L31": (2, 0),
}  # fmt: skip
PHASE_NAMES = ("L1", "L2", "L3")


def feed_names(bits: int) -> str:
    """ "A", "B", "AB", or "" for none."""
    return ("A" if bits & A else "") + ("B" if bits & B else "")


def rated_ma(node: Node) -> int:
    """The current a node is made for, mA a phase.

    A plate in W is compared with apparent power, which is never less than W.
    """
    amps = node.rated_a * 1000
    if node.capacity_w is None or not node.phase_v:
        return amps
    return min(amps, node.capacity_w * 1000 // (node.phase_v * node.phases))


def derated_ma(node: Node) -> int:
    """What may flow for long, mA a phase."""
    return rated_ma(node) * node.derate_pct // 100


def split_phases(mva: int, phase: str) -> tuple[int, int, int]:
    """What a load puts on each phase, mVA = mA × phase voltage.

    Between two phases the same current flows in both: S / (√3 × U(LN)), so S / √3 on each. A load
    of three phases, or of a phase nobody recorded, is taken to be balanced.
    """
    places = ON_PHASES.get(phase)
    if places is None:
        third = -(-mva // 3)
        return third, third, third
    part = mva if len(places) == 1 else -(-mva * 1000 // 1732)
    found = [0, 0, 0]
    for place in places:
        found[place] = part
    return found[0], found[1], found[2]


@dataclass(frozen=True, slots=True)
class Fed:
    """By place in the grid: `live`; the `source` it takes (-1: none, or its own); `feeds` that
    reach it; `battery`: somewhere above, a UPS has lost its input."""

    live: list[bool]
    source: list[int]
    feeds: list[int]
    battery: list[bool]


class Grid:
    """The chain as lists, sources before what they feed; a loop in the data is left unfed."""

    def __init__(self, nodes: Mapping[int, Node]) -> None:
        self.nodes = _sort(nodes)
        self.place = {node.id: at for at, node in enumerate(self.nodes)}
        place = self.place
        self.parents = [
            tuple(
                place[each]
                for each in (node.parent_id, node.second_parent_id)
                if each is not None and each in place
            )
            for node in self.nodes
        ]
        self.phase: list[str] = []
        self.feeds_of_rack: dict[int, list[int]] = {}
        within: list[int | None] = []  # the rack of the PDU that a node hangs on
        for at, node in enumerate(self.nodes):
            above = next((each for each in self.parents[at] if each < at), None)
            self.phase.append(self._phase_of(node, above))
            outer = None if above is None else within[above]
            is_pdu = node.kind == "pdu" and node.rack_id is not None
            if is_pdu and node.rack_id is not None and outer != node.rack_id:
                self.feeds_of_rack.setdefault(node.rack_id, []).append(at)
            within.append(node.rack_id if is_pdu else outer)

    def _phase_of(self, node: Node, above: int | None) -> str:
        if node.phase or node.phases != 1:
            return node.phase
        if above is None or self.nodes[above].phases != 1:
            return ""
        return self.phase[above]

    def phase_names(self, at: int) -> tuple[str, ...]:
        """What `Flow.amps` counts: a single-phase node's own phase ("" unrecorded), or all."""
        return (self.phase[at],) if self.nodes[at].phases == 1 else PHASE_NAMES

    def energize(self, off: Iterable[int] = ()) -> Fed:
        """Who is fed when the nodes `off` (ids) are dead.

        Assumed, since no record says otherwise: a utility has power, a generator starts, a UPS
        holds on its battery, a transfer switch whose other source isn't recorded has one.
        """
        dead = {self.place[each] for each in off if each in self.place}
        count = len(self.nodes)
        fed = Fed([False] * count, [-1] * count, [0] * count, [False] * count)
        live, feeds = fed.live, fed.feeds
        for at, node in enumerate(self.nodes):
            if at in dead or not node.closed:
                continue
            parents = self.parents[at]
            source = next((each for each in parents if live[each]), -1)
            if source < 0:
                if parents and not self.lives_alone(node):
                    continue
                # A root that is no source hangs on what isn't recorded, and that has power.
                live[at], feeds[at] = True, FEED_BITS[node.feed]
                fed.battery[at] = bool(parents) and node.kind == "ups"
                continue
            live[at], fed.source[at], fed.battery[at] = True, source, fed.battery[source]
            feeds[at] = FEED_BITS[node.feed]
            if node.feed == "AB":
                feeds[at] = 0
                for each in parents:
                    feeds[at] |= feeds[each]
        return fed

    def lives_alone(self, node: Node) -> bool:
        """Whether it may have power when none of its recorded sources has."""
        return node.kind in {"utility", "generator", "ups"} or (
            node.kind == "ats" and node.second_parent_id is None
        )

    def flow(self, fed: Fed, drawn: Mapping[int, int]) -> "Flow":
        """`drawn`: mVA by place of what draws (PDUs). What isn't fed draws nothing."""
        count = len(self.nodes)
        total, first, second, third = ([0] * count for _ in range(4))
        for at, mva in drawn.items():
            if fed.live[at]:
                total[at] += mva
                one, two, three = split_phases(mva, self.phase[at])
                first[at] += one
                second[at] += two
                third[at] += three
        source = fed.source
        for at in range(count - 1, -1, -1):
            up = source[at]
            if up >= 0 and total[at]:
                total[up] += total[at]
                first[up] += first[at]
                second[up] += second[at]
                third[up] += third[at]
        return Flow(self, total, (first, second, third))

    def path(self, fed: Fed, at: int) -> list[int]:
        """The place, the source it takes, and so on up."""
        found = []
        while at >= 0:
            found.append(at)
            at = fed.source[at]
        return found


@dataclass(frozen=True, slots=True)
class Flow:
    """mVA through each place: `total`, and `phases` L1, L2, L3."""

    grid: Grid
    total: list[int]
    phases: tuple[list[int], list[int], list[int]]

    def amps(self, at: int) -> tuple[int, ...]:
        """mA: one number for a single-phase node, three for a three-phase one. Rounded up."""
        volts = self.grid.nodes[at].phase_v or 1
        if self.grid.nodes[at].phases == 1:
            return (-(-self.total[at] // volts),)
        return tuple(-(-phase[at] // volts) for phase in self.phases)


def _sort(nodes: Mapping[int, Node]) -> list[Node]:
    """Sources first (Kahn 1962); what a loop holds comes last."""
    below: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    ready = []
    for node_id in sorted(nodes):
        node = nodes[node_id]
        count = 0
        for parent_id in (node.parent_id, node.second_parent_id):
            if parent_id in nodes and parent_id is not None:
                below.setdefault(parent_id, []).append(node_id)
                count += 1
        if count:
            waiting[node_id] = count
        else:
            ready.append(node_id)
    for node_id in ready:
        for child in below.get(node_id, ()):
            waiting[child] -= 1
            if not waiting[child]:
                del waiting[child]
                ready.append(child)
    return [nodes[node_id] for node_id in (*ready, *waiting)]
