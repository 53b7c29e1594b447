"""Charts as numbers: peaks kept, gaps kept, labels apart, text escaped."""

import itertools
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from reports import svg
from reports.charts import Day, GridRow, Lane, Segment, budget_bar, month_grid, outage_timeline
from reports.curves import (
    Column,
    Curve,
    Level,
    merge_columns,
    nice_ceiling,
    power_chart,
    runs,
    spread_labels,
)

HOSTILE = '"><script>x</script>&'

numbers = st.floats(min_value=0, max_value=1e12)
columns = st.lists(
    st.one_of(st.none(), st.builds(lambda a, b: Column(min(a, b), a, max(a, b)), numbers, numbers)),
    max_size=300,
)


@given(columns, st.integers(min_value=1, max_value=50))
def test_merging_keeps_every_peak(values: list[Column | None], limit: int) -> None:
    merged = merge_columns(values, limit)
    assert len(merged) <= limit
    measured = [value for value in values if value is not None]
    kept = [value for value in merged if value is not None]
    assert max((v.high for v in kept), default=0) == max((v.high for v in measured), default=0)
    assert min((v.low for v in kept), default=0) == min((v.low for v in measured), default=0)


@given(columns)
def test_runs_never_cross_a_gap(values: list[Column | None]) -> None:
    found = runs(values)
    assert [i for run in found for i, _ in run] == [i for i, v in enumerate(values) if v]
    assert all(b[0] == a[0] + 1 for run in found for a, b in itertools.pairwise(run))


@given(st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=6))
def test_labels_stay_apart(wanted: list[float]) -> None:
    placed = sorted(spread_labels(wanted, 8, 0, 100))
    assert all(b - a >= 8 - 1e-6 for a, b in itertools.pairwise(placed))
    assert placed[-1] <= 100 + 1e-6


@given(st.floats(min_value=1e-3, max_value=1e13))
def test_axis_ends_at_or_above(value: float) -> None:
    assert value * 0.9998 <= nice_ceiling(value) <= value * 1.7


def test_text_is_escaped_and_well_formed() -> None:
    drawings = [
        month_grid([GridRow(HOSTILE, [Day("ok"), Day("long"), Day("unknown")])], HOSTILE),
        outage_timeline(
            [Lane(HOSTILE, [Segment(0, 10, "down", HOSTILE)])], 0, 100, [(0, HOSTILE)], HOSTILE
        ),
        budget_bar(0.5, (0.5, 0.9), HOSTILE),
        power_chart(
            Curve([Column(1, 2, 3), None, Column(1, 2, 3)], svg.SLATE),
            [Level(2, HOSTILE, svg.INK)], 0, 100, [(0, HOSTILE)], HOSTILE,
        ),
    ]  # fmt: skip
    for drawing in drawings:
        root = ElementTree.fromstring(str(drawing))  # noqa: S314 - our own output
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert root.get("font-family")
        assert "<script>" not in str(drawing)


def test_states_differ_without_colour() -> None:
    """Each state has its own elements, not only its own fill."""
    import re

    shapes = set()
    states = ["ok", "short", "long", "maintenance", "unknown", "degraded"]
    for state in states:
        drawing = svg.Drawing(10, 10, "")
        from reports.charts import draw_state

        draw_state(drawing, 0, 0, 10, state)
        shapes.add(re.sub(r"#[0-9a-f]{6}", "#", "".join(drawing.parts)))
    assert len(shapes) == len(states)


def test_a_gap_is_hatched_not_drawn_as_zero() -> None:
    whole = power_chart(Curve([Column(5, 5, 5)] * 9, svg.SLATE), [], 0, 9, [], "")
    holed = power_chart(
        Curve([Column(5, 5, 5)] * 4 + [None] + [Column(5, 5, 5)] * 4, svg.SLATE), [], 0, 9, [], ""
    )
    assert str(holed).count("<path") > str(whole).count("<path")


def test_words_do_not_shadow_dictionary_methods() -> None:
    """Jinja finds an attribute before a key: a word called `items` would print a method."""
    from reports.wording import WORDS, words

    assert not [key for key in WORDS if hasattr(dict, key)]
    assert set(words("zh")) == set(words("en"))
    assert all(zh and en for zh, en in WORDS.values())
