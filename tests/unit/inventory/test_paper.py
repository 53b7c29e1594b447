"""Hatching stays in its rectangle; labels come out all of them, in order, on whole sheets."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.drawing.paper import SHEETS, hatch_path, share_out

sizes = st.floats(1, 400)
places = st.floats(-50, 500)


@given(places, places, sizes, sizes, st.floats(2, 12))
def test_hatching_stays_inside(x: float, y: float, w: float, h: float, step: float) -> None:
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d+", hatch_path(x, y, w, h, step))]
    for px, py in zip(numbers[::2], numbers[1::2], strict=True):
        assert x - 0.02 <= px <= x + w + 0.02
        assert y - 0.02 <= py <= y + h + 0.02


def test_a_rectangle_is_really_hatched() -> None:
    assert hatch_path(0, 0, 40, 20, 5).count("M") == 11


@given(st.lists(st.integers(), max_size=80), st.integers(0, 60), st.sampled_from(sorted(SHEETS)))
def test_every_label_is_printed_once_after_the_used_places(
    things: list[int], skipped: int, name: str
) -> None:
    sheet = SHEETS[name]
    pages = share_out(things, sheet, skipped)
    flat = [one for page in pages for one in page]
    assert flat[skipped % sheet.count :] == things
    assert all(len(page) <= sheet.count for page in pages)
    assert all(len(page) == sheet.count for page in pages[:-1])


def test_the_sheets_fit_their_paper() -> None:
    for sheet in SHEETS.values():
        assert sheet.margin_left >= 0
        assert sheet.margin_top >= 0
    assert SHEETS["a4"].count == 24
