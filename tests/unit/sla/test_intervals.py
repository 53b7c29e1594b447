"""The algebra against sets of points."""

from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.rules.intervals import (
    Intervals,
    bridge,
    clip,
    complement,
    intersect,
    subtract,
    sweep,
    total,
    union,
)

intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def points(spans: Intervals) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def is_normal(spans: Intervals) -> bool:
    ends = [edge for span in spans for edge in span]
    return ends == sorted(set(ends))


@given(intervals, intervals)
def test_algebra_is_that_of_point_sets(left: Intervals, right: Intervals) -> None:
    a, b = points(left), points(right)
    for found, wanted in (
        (union([*left, *right]), a | b),
        (intersect(left, right), a & b),
        (subtract(left, right), a - b),
        (clip(left, 5, 30), a & set(range(5, 30))),
        (complement(left, 0, 41), set(range(41)) - a),
    ):
        assert points(found) == wanted
        assert is_normal(found)
        assert total(found) == len(wanted)


@given(st.lists(intervals, max_size=4))
def test_sweep_counts_a_layer_once(layers: list[Intervals]) -> None:
    depth = {at: count for start, end, count in sweep(layers) for at in range(start, end)}
    for at in range(41):
        assert depth.get(at, 0) == sum(at in points(layer) for layer in layers)


def test_bridge_needs_down_on_both_sides_and_a_short_gap() -> None:
    assert bridge([(0, 10), (12, 20)], [(10, 12), (20, 22)], 2) == [(0, 20)]
    assert bridge([(0, 10), (13, 20)], [(10, 13)], 2) == [(0, 10), (13, 20)]
