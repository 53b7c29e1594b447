"""The map of links: no boxes over each other, every link drawn, the same picture of the same."""

import random
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.drawing.link_map import (
    HEIGHT,
    PER_ROW,
    WIDTH,
    Box,
    Edge,
    Node,
    Picture,
    lay_out_links,
)


@st.composite
def nets(draw: st.DrawFn) -> tuple[list[Node], list[Edge]]:
    count = draw(st.integers(1, 24))
    nodes = [Node(key, f"sw-{key % 7}", draw(st.booleans())) for key in range(1, count + 1)]
    ends = draw(st.lists(st.tuples(st.integers(1, count), st.integers(1, count)), max_size=40))
    return nodes, [Edge((at, at + 1000), a, z) for at, (a, z) in enumerate(ends)]


def boxes_of(picture: Picture) -> dict[int, Box]:
    return {box.id: box for box in picture.boxes}


def on_border(point: tuple[int, int], box: Box) -> bool:
    x, y = point
    return box.x < x < box.x + WIDTH and y in (box.y, box.y + HEIGHT)


@given(nets(), st.randoms(use_true_random=False))
def test_the_picture(net: tuple[list[Node], list[Edge]], shuffle: random.Random) -> None:
    nodes, edges = net
    picture = lay_out_links(nodes, edges)
    boxes = boxes_of(picture)
    assert boxes.keys() == {node.id for node in nodes}
    for one, two in combinations(picture.boxes, 2):
        beside = abs(one.x - two.x) >= WIDTH
        assert beside or abs(one.y - two.y) >= HEIGHT, (one, two)
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - WIDTH
        assert 0 <= box.y <= picture.height - HEIGHT
    by_key = {edge.key: edge for edge in edges}
    assert [path.key for path in picture.paths] == sorted(by_key), "every edge, each once"
    for path in picture.paths:
        edge = by_key[path.key]
        assert on_border(path.start, boxes[edge.a])
        assert on_border(path.end, boxes[edge.z])
        assert path.d.startswith(f"M{path.start[0]} {path.start[1]}")
        assert path.d.endswith(f" {path.end[0]} {path.end[1]}")
        assert 0 <= path.middle[1] <= picture.height
        for box in picture.boxes:
            beside = not box.x <= path.middle[0] <= box.x + WIDTH
            assert beside or not box.y <= path.middle[1] <= box.y + HEIGHT, (path, box)
    for edge in edges:
        assert abs(boxes[edge.a].layer - boxes[edge.z].layer) <= 1
    others, links = nodes[:], edges[:]
    shuffle.shuffle(others)
    shuffle.shuffle(links)
    assert lay_out_links(others, links) == picture


@given(nets())
def test_no_two_links_leave_a_box_at_one_point(net: tuple[list[Node], list[Edge]]) -> None:
    picture = lay_out_links(*net)
    points = [point for path in picture.paths for point in (path.start, path.end)]
    assert len(set(points)) == len(points)


def layers_of(nodes: list[Node], *ends: tuple[int, int]) -> dict[int, int]:
    edges = [Edge((at, at), a, z) for at, (a, z) in enumerate(ends)]
    return {box.id: box.layer for box in lay_out_links(nodes, edges).boxes}


def test_layers_count_from_the_core() -> None:
    chain = [Node(key, f"n{key}") for key in range(1, 6)]
    star = [(1, key) for key in range(2, 6)]
    assert layers_of(chain, *star) == {1: 0, 2: 1, 3: 1, 4: 1, 5: 1}
    # Both of two cores are the core.
    twice = [*[(1, key) for key in (3, 4, 5)], *[(2, key) for key in (3, 4, 5)]]
    assert layers_of(chain, *twice) == {1: 0, 2: 0, 3: 1, 4: 1, 5: 1}
    # Where the lines come in is the core, however well connected another is.
    edge = [Node(1, "n1"), Node(2, "n2"), Node(3, "n3"), Node(4, "n4", is_exit=True), chain[4]]
    assert layers_of(edge, *star) == {4: 0, 1: 1, 2: 2, 3: 2, 5: 2}
    # A ring has none: one of it stands at the top.
    assert layers_of(chain[:4], (1, 2), (2, 3), (3, 4), (4, 1)) == {1: 0, 2: 1, 4: 1, 3: 2}
    # Nets that aren't joined have a core each.
    assert layers_of(chain[:4], (1, 2), (3, 4)) == {1: 0, 2: 0, 3: 0, 4: 0}


def test_a_wide_layer_is_broken_into_rows() -> None:
    nodes = [Node(key, f"n{key:02}") for key in range(PER_ROW * 2 + 2)]
    picture = lay_out_links(nodes, [Edge((0, key), 0, key) for key in range(1, len(nodes))])
    rows = sorted({box.y for box in picture.boxes if box.layer == 1})
    assert len(rows) == 3
    # The second is shifted, so that links to the third pass between its boxes.
    first, second = (min(box.x for box in picture.boxes if box.y == y) for y in rows[:2])
    assert second - first > WIDTH // 2


def test_middles_of_links_side_by_side_are_at_different_heights() -> None:
    nodes = [Node(key, f"n{key}") for key in range(4)]
    picture = lay_out_links(nodes, [Edge((0, key), 0, key % 3 + 1) for key in range(1, 13)])
    middles = [path.middle for path in sorted(picture.paths, key=lambda path: path.start)]
    # A mark is 18 high.
    assert all(abs(one[1] - two[1]) > 18 for one, two in pairwise(middles))
