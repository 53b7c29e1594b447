"""Geometry for black and white paper: hatching as plain lines, labels on a sheet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


def hatch_path(left: float, top: float, width: float, height: float, step: float = 5) -> str:
    """An SVG path of diagonals that stay within the rectangle; every renderer can draw it."""
    right, bottom = left + width, top + height
    parts = []
    at = left + top + step
    while at < right + bottom:
        x1 = min(right, at - top)
        x2 = max(left, at - bottom)
        parts.append(f"M{x1:.2f} {at - x1:.2f}L{x2:.2f} {at - x2:.2f}")
        at += step
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """A sheet of labels, all lengths in mm; labels run row by row without gaps."""

    name: str
    page_width: float
    page_height: float
    columns: int
    rows: int
    label_width: float
    label_height: float

    @property
    def count(self) -> int:
        return self.columns * self.rows

    @property
    def margin_left(self) -> float:
        return (self.page_width - self.columns * self.label_width) / 2

    @property
    def margin_top(self) -> float:
        return (self.page_height - self.rows * self.label_height) / 2


# 24 labels of 70 x 37 mm are the commonest sheet in offices; 50 x 30 mm that of label printers.
SHEETS = {
    "a4": LabelSheet("a4", 210, 297, 3, 8, 70, 37),
    "small": LabelSheet("small", 50, 30, 1, 1, 50, 30),
}


def share_out(things: Sequence[T], sheet: LabelSheet, skipped: int = 0) -> list[list[T | None]]:
    """Pages of labels; `skipped` places of the first sheet were used before and stay empty."""
    placed: list[T | None] = [*([None] * (skipped % sheet.count)), *things]
    return [placed[at : at + sheet.count] for at in range(0, len(placed), sheet.count)]
