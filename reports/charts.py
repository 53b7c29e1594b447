"""State charts of a statement: month day grid, outage timeline, error budget bar, marks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from reports import svg
from reports.svg import Drawing

GRID_LABEL_WIDTH = 172
GRID_WIDTH = 566
CELL = 12.7


@dataclass(frozen=True)
class Day:
    """One cell. state: ok | short | long | maintenance | unknown | degraded | none."""

    state: str
    title: str = ""


@dataclass(frozen=True)
class GridRow:
    label: str
    days: Sequence[Day]


@dataclass(frozen=True)
class Segment:
    """A stretch of [start, end) epoch ms. kind: down | excluded | unknown | degraded."""

    start: int
    end: int
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Lane:
    label: str
    segments: Sequence[Segment] = field(default_factory=tuple)


def draw_state(drawing: Drawing, x: float, y: float, size: float, state: str) -> None:
    """One cell of the grid: silhouette and shade differ, not only the colour."""
    if state == "ok":
        drawing.rect(x, y, size, size, svg.OK_FILL)
    elif state == "short":
        drawing.rect(x, y, size, size, "#f7dfae")
        drawing.path(
            f"M{svg.number(x)} {svg.number(y + size)}L{svg.number(x + size)} {svg.number(y + size)}"
            f"L{svg.number(x + size)} {svg.number(y)}Z",
            fill=svg.WARNING,
        )
    elif state == "long":
        drawing.rect(x, y, size, size, svg.BAD)
        third = size * 0.3
        for x1, x2 in ((x + third, x + size - third), (x + size - third, x + third)):
            drawing.line(x1, y + third, x2, y + size - third, svg.PAPER, 1.4)
    elif state == "maintenance":
        drawing.rect(x + 0.3, y + 0.3, size - 0.6, size - 0.6, svg.PAPER, svg.MAINTENANCE, 0.6)
        drawing.hatch(x + 0.3, y + 0.3, size - 0.6, size - 0.6, svg.MAINTENANCE, 2.8, 0.7)
    elif state == "unknown":
        drawing.rect(
            x + 0.4, y + 0.4, size - 0.8, size - 0.8, svg.PAPER, svg.UNKNOWN, 0.8, "1.6 1.4"
        )
        drawing.text(x + size / 2, y + size * 0.76, "?", size * 0.68, svg.UNKNOWN, "middle", "bold")
    elif state == "degraded":
        drawing.rect(x, y, size, size, svg.OK_FILL)
        drawing.element(
            "circle", cx=x + size / 2, cy=y + size / 2, r=size * 0.2, fill=svg.PAPER,
            stroke=svg.WARNING, stroke_width=1.2,
        )  # fmt: skip
    else:
        drawing.rect(x + 0.3, y + 0.3, size - 0.6, size - 0.6, svg.PAPER, svg.LINE, 0.6)


def month_grid(rows: Sequence[GridRow], title: str) -> Markup:
    """One row per service, one cell per local day of the period."""
    count = max((len(row.days) for row in rows), default=0)
    cell = min(CELL, (GRID_WIDTH - GRID_LABEL_WIDTH) / max(count, 1))
    pitch = 15.6
    top = 13
    drawing = Drawing(GRID_WIDTH, top + pitch * len(rows), title)
    for day in range(count):
        if day % 2 == 0:
            x = GRID_LABEL_WIDTH + cell * day + cell / 2
            drawing.text(x, 8, str(day + 1), 6.6, svg.MUTED, "middle")
    for index, row in enumerate(rows):
        y = top + pitch * index
        draw_label(drawing, row.label, y + 6.4, GRID_LABEL_WIDTH - 10)
        for day, entry in enumerate(row.days):
            draw_state(drawing, GRID_LABEL_WIDTH + cell * day, y, cell - 1.1, entry.state)
    return drawing.markup()


def draw_label(drawing: Drawing, label: str, middle: float, width: float) -> None:
    """A row's name around the middle of its row; one too long for the width is smaller, then in two
    lines, and only what these don't hold either ends in an ellipsis."""
    for size in (7.8, 6.6):
        if svg.text_width(label, size) <= width:
            drawing.text(0, middle + size * 0.36, label, size, svg.INK)
            return
    size = 6.0
    first, second = split_label(label, size, width)
    drawing.text(0, middle - 0.8, svg.clipped(first, size, width), size, svg.INK)
    drawing.text(0, middle + 5.4, svg.clipped(second, size, width), size, svg.MUTED)


def split_label(label: str, size: float, width: float) -> tuple[str, str]:
    """Before the dash or dot that joins cabinet and promise; where that doesn't fit at the last
    space that does."""
    for mark in (" – ", " · "):
        first, found, second = label.rpartition(mark)
        if found and svg.text_width(first, size) <= width:
            return first, second
    words = label.split(" ")
    for count in range(len(words) - 1, 0, -1):
        first = " ".join(words[:count])
        if svg.text_width(first, size) <= width:
            return first, " ".join(words[count:])
    return label, ""


def state_mark(state: str, title: str) -> Markup:
    """The legend's cell of a state."""
    drawing = Drawing(10, 10, title)
    draw_state(drawing, 0, 0, 10, state)
    return drawing.markup()


def draw_segment(drawing: Drawing, x1: float, x2: float, y: float, kind: str) -> None:
    """A stretch on a lane whose middle is y; never narrower than 2 px, so that it is seen."""
    width = max(x2 - x1, 2.2)
    if kind == "down":
        drawing.rect(x1, y - 6.5, width, 13, svg.BAD)
    elif kind == "degraded":
        drawing.rect(x1, y - 4.5, width, 9, svg.PAPER, svg.WARNING, 1)
    elif kind == "unknown":
        width = max(width, 3)
        drawing.rect(x1, y - 4.5, width, 9, svg.PAPER, svg.UNKNOWN, 0.8, "1.5 1.2")
    else:
        width = max(width, 4)
        drawing.rect(x1, y - 4.5, width, 9, svg.PAPER, svg.MAINTENANCE, 0.7)
        drawing.hatch(x1, y - 4.5, width, 9, svg.MAINTENANCE, 2, 0.7)


def outage_timeline(
    lanes: Sequence[Lane], start: int, end: int, ticks: Sequence[tuple[int, str]], title: str
) -> Markup:
    """Lanes over [start, end) epoch ms; ticks are (instant, words). Labels never overlap."""
    left, width, pitch, top = 172, 566, 21, 18
    span = max(end - start, 1)
    drawing = Drawing(width, top + pitch * len(lanes) + 2, title)

    def place(instant: int) -> float:
        return left + (width - left) * (min(max(instant, start), end) - start) / span

    for instant, words in ticks:
        x = place(instant)
        drawing.line(x, top - 5, x, top + pitch * len(lanes), svg.LINE, 0.6)
        drawing.text(x + 2, 8, words, 6.8)
    for index, lane in enumerate(lanes):
        y = top + pitch * index + pitch / 2 + 2
        draw_label(drawing, lane.label, y, left - 10)
        drawing.line(left, y, width, y, "#9fcab3", 2.6)
        free = float(left)
        # What was counted is drawn last: it must not hide behind a notice or a gap.
        order = {"excluded": 0, "unknown": 1, "degraded": 2, "down": 3}
        for segment in sorted(lane.segments, key=lambda s: (order.get(s.kind, 0), s.start)):
            draw_segment(drawing, place(segment.start), place(segment.end), y, segment.kind)
        for segment in sorted(lane.segments, key=lambda s: s.start):
            size = 6.4
            needed = svg.text_width(segment.text, size)
            x = min(place(segment.end) + 3, width - needed)
            if segment.text and segment.kind == "down" and x >= free:
                drawing.text(x, y - 4.2, segment.text, size, svg.BAD, None, "bold")
                free = x + needed + 3
    return drawing.markup()


def budget_bar(used: float | None, spread: tuple[float, float] | None, title: str) -> Markup:
    """Share of the error budget used (1 = all of it); a spread shows what missing data leaves open.

    Over the budget the bar is full and ends in a mark, so that it is seen without colour.
    """
    width, height = 84, 9
    drawing = Drawing(width + 8, height, title)
    drawing.rect(0, 1.5, width, 6, svg.TRACK, radius=3)
    if used is not None:
        fill = svg.OK if used < 0.75 else svg.WARNING_FILL if used < 0.9 else svg.BAD
        if used > 0:
            drawing.rect(
                0, 1.5, max(width * min(used, 1), 2), 6, fill, radius=3 if used > 0.1 else 1
            )
        if used > 1:
            x = width + 1.5
            drawing.path(f"M{x} 0.5L{svg.number(x + 6)} 4.5L{x} 8.5Z", fill=svg.BAD)
    if spread is not None:
        low, high = (width * min(max(value, 0), 1) for value in spread)
        if high > low:
            drawing.rect(low, 1.5, high - low, 6, svg.PAPER, svg.UNKNOWN, 0.6, "1.5 1.2")
            drawing.hatch(low, 1.5, high - low, 6, svg.UNKNOWN, 2.4, 0.5)
    return drawing.markup()


def verdict_mark(result: str, title: str, size: float = 10, fill: str | None = None) -> Markup:
    """met: disc; breached: octagon with !; needs_review: dashed ring with ?; others: ring."""
    drawing = Drawing(10, 10, title)
    if result == "met":
        drawing.element("circle", cx=5, cy=5, r=3.9, fill=fill or svg.OK)
    elif result == "breached":
        drawing.path("M3.2 0.8H6.8L9.2 3.2V6.8L6.8 9.2H3.2L0.8 6.8V3.2Z", fill=fill or svg.BAD)
        drawing.line(5, 2.6, 5, 5.8, svg.PAPER if fill is None else svg.BAD, 1.3)
        drawing.element("circle", cx=5, cy=7.3, r=0.75, fill=svg.PAPER if fill is None else svg.BAD)
    elif result == "needs_review":
        drawing.element(
            "circle", cx=5, cy=5, r=4.1, fill="none", stroke=fill or svg.UNKNOWN, stroke_width=1,
            stroke_dasharray="2 1.4",
        )  # fmt: skip
        drawing.text(5, 7.5, "?", 7, fill or svg.UNKNOWN, "middle", "bold")
    else:
        drawing.element(
            "circle", cx=5, cy=5, r=3.8, fill="none", stroke=fill or svg.MUTED, stroke_width=1
        )
    markup = drawing.markup()
    if size == 10:
        return markup
    scaled = f'width="{svg.number(size)}" height="{svg.number(size)}"'
    return Markup(str(markup).replace('width="10" height="10"', scaled, 1))  # noqa: S704
