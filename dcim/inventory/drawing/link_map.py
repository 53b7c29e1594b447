"""Where devices and their links stand on the map of links: in rows from the core outwards.

Pure geometry, in pixels. The same devices and links give the same picture in whatever order they
are told, and nothing that is measured goes into it: it stays put from one refresh to the next.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# A device's box, and the space around it.
WIDTH, HEIGHT = 152, 46
GAP, ROW_GAP = 18, 92
MARGIN = 24
# A layer with more devices is broken into several rows, each shifted by half a place.
PER_ROW = 7
# How deep an arc between two of one row hangs, at most.
DEEPEST = 64
# How far below a row the middles of the links that leave it are, in turn: of links side by side
# what stands there doesn't cover each other.
DEPTHS = (46, 26, 66)


@dataclass(frozen=True, slots=True)
class Node:
    """`is_exit`: where lines from outside come in, so it stands at the top."""

    id: int
    name: str
    is_exit: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A link by its key between two nodes, or of one with itself."""

    key: tuple[int, int]
    a: int
    z: int


@dataclass(frozen=True, slots=True)
class Box:
    """`layer` counts links from the core."""

    id: int
    x: int
    y: int
    layer: int


@dataclass(frozen=True, slots=True)
class Path:
    """`d` as SVG writes paths; `start` and `end` lie on the borders of the two boxes, a's first.
    `middle` is on the path and on no box."""

    key: tuple[int, int]
    d: str
    start: tuple[int, int]
    end: tuple[int, int]
    middle: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]


def lay_out_links(nodes: Iterable[Node], edges: Iterable[Edge]) -> Picture:
    """Boxes that don't overlap, and a path for every edge; edges name only nodes there are."""
    known = {node.id: node for node in nodes}
    joined: dict[int, set[int]] = {key: set() for key in known}
    lines = sorted(edges, key=lambda edge: (edge.key, edge.a, edge.z))
    for edge in lines:
        if edge.a != edge.z:
            joined[edge.a].add(edge.z)
            joined[edge.z].add(edge.a)
    boxes = _place(_order(_find_layers(known, joined), known, joined))
    paths = _draw(lines, boxes)
    width = max((box.x + WIDTH for box in boxes.values()), default=0) + MARGIN
    lowest = max((box.y + HEIGHT for box in boxes.values()), default=0)
    height = max([lowest, *(path.middle[1] for path in paths)]) + MARGIN
    return Picture(width, height, tuple(boxes.values()), tuple(paths))


def _find_layers(
    nodes: Mapping[int, Node], joined: Mapping[int, set[int]]
) -> dict[int, tuple[int, int]]:
    """Of each node its part of the net, the largest first, and how far it is from that's core.

    The core is where lines come in from outside; without such, the best connected, and where those
    are all there is, one of them.
    """
    parts: list[list[int]] = []
    seen: set[int] = set()
    for key in sorted(nodes, key=lambda one: (nodes[one].name, one)):
        if key in seen:
            continue
        part = [key]
        seen.add(key)
        for each in part:  # grows while it is gone through
            for other in sorted(joined[each] - seen):
                seen.add(other)
                part.append(other)
        parts.append(part)
    parts.sort(key=len, reverse=True)
    found: dict[int, tuple[int, int]] = {}
    for number, part in enumerate(parts):
        most = max(len(joined[key]) for key in part)
        core = [key for key in part if nodes[key].is_exit]
        core = core or [key for key in part if len(joined[key]) == most]
        if len(core) == len(part) > 2:
            core = [min(core, key=lambda one: (nodes[one].name, one))]
        reached = dict.fromkeys(core, 0)
        for each in (walk := list(core)):
            for other in joined[each] - reached.keys():
                reached[other] = reached[each] + 1
                walk.append(other)
        found |= {key: (number, reached[key]) for key in part}
    return found


def _order(
    layer_of: Mapping[int, tuple[int, int]],
    nodes: Mapping[int, Node],
    joined: Mapping[int, set[int]],
) -> list[list[int]]:
    """Each layer from left to right: parts beside each other, in them near what is above."""
    layers: list[list[int]] = []
    place: dict[int, float] = {}
    for number in range(max((layer for _, layer in layer_of.values()), default=-1) + 1):
        own = [key for key, (_, layer) in layer_of.items() if layer == number]

        # All of them before any of this layer has its place.
        ranks = {
            key: (
                layer_of[key][0],
                _mean([place[other] for other in sorted(joined[key]) if other in place]),
                nodes[key].name,
                key,
            )
            for key in own
        }
        own.sort(key=ranks.__getitem__)
        place |= {key: at / len(own) for at, key in enumerate(own)}
        layers.append(own)
    return layers


def _mean(several: list[float]) -> float:
    return sum(several) / len(several) if several else 0.0


def _place(layers: list[list[int]]) -> dict[int, Box]:
    pitch = WIDTH + GAP
    # In half places, with room for the shift where there is one.
    widest = max((min(2 * len(layer), 2 * PER_ROW + 1) for layer in layers), default=0)
    boxes: dict[int, Box] = {}
    y = MARGIN
    for number, layer in enumerate(layers):
        for row, begin in enumerate(range(0, len(layer), PER_ROW)):
            several = layer[begin : begin + PER_ROW]
            left = MARGIN + (widest - 2 * len(several)) * pitch // 4
            if len(layer) > PER_ROW:
                left = MARGIN + row % 2 * (pitch // 2)
            for at, key in enumerate(several):
                boxes[key] = Box(key, left + at * pitch, y, number)
            y += HEIGHT + ROW_GAP
    return boxes


def _draw(edges: list[Edge], boxes: Mapping[int, Box]) -> list[Path]:
    """Edges leave a box at the bottom towards what is lower or beside it, else at the top, spread
    over its width in the order of what they lead to."""
    leaving: dict[tuple[int, bool], list[tuple[int, int, int]]] = {}
    for number, edge in enumerate(edges):
        for turn, (own, other) in enumerate(((edge.a, edge.z), (edge.z, edge.a))):
            at_bottom = boxes[other].y >= boxes[own].y
            leaving.setdefault((own, at_bottom), []).append((boxes[other].x, number, turn))
    ends: dict[tuple[int, int], tuple[int, int]] = {}
    ranks: dict[tuple[int, int], int] = {}
    for (own, at_bottom), several in leaving.items():
        box = boxes[own]
        y = box.y + HEIGHT if at_bottom else box.y
        for at, (_, number, turn) in enumerate(sorted(several), 1):
            ends[number, turn] = (box.x + WIDTH * at // (len(several) + 1), y)
            ranks[number, turn] = at
    paths = []
    for number, edge in enumerate(edges):
        (x1, y1), (x2, y2) = start, end = ends[number, 0], ends[number, 1]
        if y1 == y2:
            pitch = WIDTH + GAP
            deep = min(DEEPEST, 26 + 8 * (abs(x1 - x2) // pitch))
            d = f"M{x1} {y1}Q{(x1 + x2) // 2} {y1 + 2 * deep} {x2} {y2}"
            middle = ((x1 + x2) // 2, y1 + deep)
        else:
            bend = (y2 - y1) // 2
            d = f"M{x1} {y1}C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"
            middle = _between_rows(start, end, DEPTHS[ranks[number, int(y1 > y2)] % len(DEPTHS)])
        paths.append(Path(edge.key, d, start, end, middle))
    return paths


def _between_rows(start: tuple[int, int], end: tuple[int, int], deep: int) -> tuple[int, int]:
    """Where a curve from row to row is so deep below the upper one: no box is there."""
    (x1, y1), (x2, y2) = sorted((start, end), key=lambda point: point[1])
    wanted = deep / (y2 - y1)
    low, high = 0.0, 1.0
    for _step in range(20):
        t = (low + high) / 2
        low, high = (t, high) if 1.5 * t - 1.5 * t**2 + t**3 < wanted else (low, t)
    return round(x1 + (x2 - x1) * (3 * high**2 - 2 * high**3)), y1 + deep
