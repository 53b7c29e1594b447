"""Pure: how much more every rack may draw before a node above it is past its derated breaker, when
the other feed is lost and all that hangs on the node is drawn through it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FEEDS = ("A", "B")
# Headroom of a feed the rack hasn't got.
ABSENT = -(2**60)

Watts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ChainNode:
    id: int
    parent_id: int | None
    kind: str
    code: str
    feed: str
    rack_id: int | None
    derated_w: int
    # Whether it passes current: an open breaker or switch doesn't.
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A node that carries `part` of `whole` of what the rack draws on this feed: a rack with two
    PDUs on one feed loads them by their size, and what is above both carries all."""

    node: int
    part: int
    whole: int

    def share(self, watts: int) -> int:
        return -(-watts * self.part // self.whole)

    def draws(self, room_w: int) -> int:
        """The most the rack may draw more when the node has `room_w` left."""
        return room_w * self.whole // self.part


class Chain:
    """The chain of both feeds, laid out for arithmetic on all racks at once. Never changed."""

    def __init__(self, nodes: Iterable[ChainNode]) -> None:
        self.nodes = list(nodes)
        self.links: dict[tuple[int, str], list[Link]] = {}
        self.limits: dict[tuple[int, str], int] = {}
        by_id = {node.id: at for at, node in enumerate(self.nodes)}
        leaves: dict[tuple[int, str], list[int]] = {}
        for at, node in enumerate(self.nodes):
            if node.kind == "pdu" and node.rack_id is not None:
                leaves.setdefault((node.rack_id, node.feed), []).append(at)
        for key, ends in leaves.items():
            live = {end: path for end in ends if (path := self._climb(end, by_id))}
            if live:
                self._hang(key, live)

    def _climb(self, end: int, by_id: Mapping[int, int]) -> list[int]:
        """The nodes from a PDU up; none where one of them is open. A loop in the data ends it."""
        path: list[int] = []
        at: int | None = end
        while at is not None and at not in path:
            if not self.nodes[at].closed:
                return []
            path.append(at)
            parent_id = self.nodes[at].parent_id
            at = None if parent_id is None else by_id.get(parent_id)
        return path

    def _hang(self, key: tuple[int, str], live: Mapping[int, list[int]]) -> None:
        total = sum(self.nodes[end].derated_w for end in live)
        parts: dict[int, int] = {}
        limit = 0
        for end, path in live.items():
            part = self.nodes[end].derated_w if total else 1
            for at in path:
                parts[at] = parts.get(at, 0) + part
            breakers = [at for at in path if self.nodes[at].kind == "breaker"]
            limit += min(self.nodes[at].derated_w for at in (end, *breakers))
        whole = total or len(live)
        self.links[key] = [Link(node, part, whole) for node, part in parts.items() if part]
        self.limits[key] = limit

    def spread(self, rack_ids: Sequence[int]) -> "Spread":
        """The same in the order of `rack_ids`."""
        return Spread(self, rack_ids)


class Spread:
    """A chain's links as columns, in the order of a list of racks."""

    def __init__(self, chain: Chain, rack_ids: Sequence[int]) -> None:
        self.chain = chain
        self.limit_w: Watts = np.array([node.derated_w for node in chain.nodes], dtype=np.int64)
        racks: list[int] = []
        nodes: list[int] = []
        parts: list[int] = []
        wholes: list[int] = []
        self.starts: dict[str, npt.NDArray[np.int64]] = {}
        self.owners: dict[str, npt.NDArray[np.int64]] = {}
        self.has = np.zeros((len(rack_ids), 2), dtype=bool)
        self.own_limit_w = np.zeros((len(rack_ids), 2), dtype=np.int64)
        for side, feed in enumerate(FEEDS):
            starts, owners = [], []
            for at, rack_id in enumerate(rack_ids):
                links = chain.links.get((rack_id, feed))
                if not links:
                    continue
                self.has[at, side] = True
                self.own_limit_w[at, side] = chain.limits[rack_id, feed]
                starts.append(len(racks))
                owners.append(at)
                for link in links:
                    racks.append(at)
                    nodes.append(link.node)
                    parts.append(link.part)
                    wholes.append(link.whole)
            self.starts[feed] = np.array(starts, dtype=np.int64)
            self.owners[feed] = np.array(owners, dtype=np.int64)
        # What both feeds have in common carries a rack once, not twice.
        pairs: dict[tuple[int, int], int] = {}
        for place, pair in enumerate(zip(racks, nodes, strict=True)):
            pairs.setdefault(pair, place)
        self.once = np.array(sorted(pairs.values()), dtype=np.int64)
        self.racks = np.array(racks, dtype=np.int64)
        self.at_node = np.array(nodes, dtype=np.int64)
        self.part = np.array(parts, dtype=np.int64)
        self.whole = np.array(wholes, dtype=np.int64)

    def load(self, draw_w: Watts) -> Watts:
        """What each node must carry when the other feed is lost: all that hangs on it."""
        once = self.once
        through = -(-draw_w[self.racks[once]] * self.part[once] // self.whole[once])
        carried = np.bincount(self.at_node[once], weights=through, minlength=len(self.limit_w))
        return carried.astype(np.int64)

    def headroom(self, load_w: Watts, count: int) -> Watts:
        """Shape (racks, 2): what may be drawn more on A and on B; ABSENT without that feed."""
        found = np.full((count, 2), ABSENT, dtype=np.int64)
        if not len(self.racks):
            return found
        room = (self.limit_w - load_w)[self.at_node]
        draws = room * self.whole // self.part
        for side, feed in enumerate(FEEDS):
            starts = self.starts[feed]
            if not len(starts):
                continue
            end = int(self.starts["B"][0]) if feed == "A" and len(self.starts["B"]) else len(draws)
            found[self.owners[feed], side] = np.minimum.reduceat(draws[:end], starts)
        return found

    def weakest(self, load_w: Watts, rack_id: int, feed: str) -> tuple[ChainNode, int] | None:
        """Which node limits the rack's feed, and how much more the rack may draw by it."""
        best: tuple[int, ChainNode] | None = None
        for link in self.chain.links.get((rack_id, feed), []):
            left = link.draws(int(self.limit_w[link.node] - load_w[link.node]))
            if best is None or left < best[0]:
                best = (left, self.chain.nodes[link.node])
        return None if best is None else (best[1], best[0])

    def carries(self, load_w: Watts, added: Mapping[int, int], feeds: Sequence[str]) -> bool:
        """Whether the nodes of these feeds bear all of `added` (watts by rack id) together."""
        for feed in feeds:
            more: dict[int, int] = {}
            for rack_id, watts in added.items():
                for link in self.chain.links.get((rack_id, feed), []):
                    more[link.node] = more.get(link.node, 0) + link.share(watts)
            for node, watts in more.items():
                if int(load_w[node]) + watts > int(self.limit_w[node]):
                    return False
        return True
