"""Curves of a statement: power per feed, traffic with its 95th percentile, temperature."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports import svg
from reports.svg import Drawing

COLUMN_LIMIT = 800
LEFT = 40
RIGHT = 84
WIDTH = 566


@dataclass(frozen=True)
class Column:
    """What the samples of one column of the chart came to; floats: for drawing only."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Level:
    """A horizontal line with words at its end. style: solid | dashed | dotted."""

    value: float
    text: str
    colour: str
    style: str = "solid"
    bold: bool = False


@dataclass(frozen=True)
class Curve:
    """Columns of equal width over the period; None where nothing was measured."""

    columns: Sequence[Column | None]
    colour: str
    dash: str | None = None
    fill: bool = False


DASHES: dict[str, str | None] = {"solid": None, "dashed": "5 2.5", "dotted": "1.2 2"}


def merge_columns(
    columns: Sequence[Column | None], limit: int = COLUMN_LIMIT
) -> list[Column | None]:
    """At most `limit` columns; a merged one keeps the lowest and the highest: no peak is lost.

    A merged column is a gap only when all of it is one; its mean is that of the measured columns.
    """
    size = -(-len(columns) // limit) or 1
    merged: list[Column | None] = []
    for first in range(0, len(columns), size):
        measured = [column for column in columns[first : first + size] if column is not None]
        merged.append(
            Column(
                min(column.low for column in measured),
                sum(column.mean for column in measured) / len(measured),
                max(column.high for column in measured),
            )
            if measured
            else None
        )
    return merged


def nice_ceiling(value: float) -> float:
    """The next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 × 10^n at or above the value."""
    if value <= 0:
        return 1.0
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value:
        scale /= 10
    for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if step * scale >= value * 0.9999:
            return step * scale
    return 10 * scale


def spread_labels(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wanted ones, at least `gap` apart, inside [low, high] if they fit."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = list(wanted)
    previous = low - gap
    for index in order:
        placed[index] = max(placed[index], previous + gap)
        previous = placed[index]
    limit = high
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed


class Plot:
    """Axes, levels and curves over one period; values are mapped to px here and nowhere else."""

    def __init__(
        self, start: int, end: int, low: float, high: float, height: float, title: str
    ) -> None:  # fmt: skip
        self.drawing = Drawing(WIDTH, height, title)
        self.start, self.end = start, end
        self.low, self.high = low, high
        self.top, self.bottom = 6.0, height - 14
        self.right = WIDTH - RIGHT

    def x(self, column: float, columns: int) -> float:
        return LEFT + (self.right - LEFT) * column / columns

    def at(self, instant: int) -> float:
        span = max(self.end - self.start, 1)
        return LEFT + (self.right - LEFT) * (instant - self.start) / span

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / max(self.high - self.low, 1e-9)
        return self.bottom - (self.bottom - self.top) * share

    def axes(
        self, ticks: Sequence[tuple[int, str]], words: Sequence[tuple[float, str]],
        shaded: Sequence[tuple[int, int]] = (),
    ) -> None:  # fmt: skip
        for start, end in shaded:
            left, right = self.at(max(start, self.start)), self.at(min(end, self.end))
            self.drawing.rect(left, self.top, right - left, self.bottom - self.top, "#f6f7f9")
        for value, text in words:
            y = self.y(value)
            base = value == self.low
            self.drawing.line(LEFT, y, self.right, y, svg.BAR if base else svg.GRID, 0.7)
            self.drawing.text(LEFT - 5, y + 2.4, text, 6.6, svg.MUTED, "end")
        for instant, text in ticks:
            x = self.at(instant)
            self.drawing.line(x, self.bottom, x, self.bottom + 2.5, svg.BAR, 0.7)
            self.drawing.text(x + 1.5, self.bottom + 9, text, 6.6)

    def gaps(self, columns: Sequence[Column | None]) -> None:
        """Hatch what was not measured: unknown is drawn as unknown, not as zero."""
        begin: int | None = None
        for index in range(len(columns) + 1):
            empty = index < len(columns) and columns[index] is None
            if empty and begin is None:
                begin = index
            elif not empty and begin is not None:
                left, right = self.x(begin, len(columns)), self.x(index, len(columns))
                self.drawing.hatch(
                    left,
                    self.top,
                    max(right - left, 1.5),
                    self.bottom - self.top,
                    "#aab3bf",
                    3,
                    0.5,
                )
                begin = None

    def curve(self, columns: Sequence[Column | None], curve: Curve) -> None:
        for run in runs(columns):
            upper = [(self.x(i + 0.5, len(columns)), self.y(c.high)) for i, c in run]
            lower = [(self.x(i + 0.5, len(columns)), self.y(c.low)) for i, c in run]
            middle = [(self.x(i + 0.5, len(columns)), self.y(c.mean)) for i, c in run]
            if len(middle) == 1:
                x, y = middle[0]
                self.drawing.rect(x - 0.6, y - 0.6, 1.2, 1.2, curve.colour)
                continue
            if curve.fill:
                base = [(middle[-1][0], self.bottom), (middle[0][0], self.bottom)]
                self.drawing.path(
                    svg.polyline(middle + base) + "Z", fill=curve.colour, opacity=0.07
                )
            self.drawing.path(
                svg.polyline(upper + lower[::-1]) + "Z", fill=curve.colour, opacity=0.25
            )
            self.drawing.path(svg.polyline(middle), stroke=curve.colour, width=0.9, dash=curve.dash)

    def shade_above(self, columns: Sequence[Column | None], value: float, colour: str) -> None:
        """What a percentile cuts off: the part of each column above the value."""
        strokes = []
        for index, column in enumerate(columns):
            if column is not None and column.high > value:
                x = self.x(index + 0.5, len(columns))
                top, base = svg.number(self.y(column.high)), svg.number(self.y(value))
                strokes.append(f"M{svg.number(x)} {base}L{svg.number(x)} {top}")
        self.drawing.path("".join(strokes), stroke=colour, width=0.9)

    def levels(self, levels: Sequence[Level]) -> None:
        wanted = [self.y(level.value) + 2.4 for level in levels]
        placed = spread_labels(wanted, 8.4, self.top + 2.4, self.bottom + 2.4)
        for level, text_y in zip(levels, placed, strict=True):
            y = self.y(level.value)
            self.drawing.line(
                LEFT, y, self.right, y, level.colour, 1.1 if level.bold else 0.8,
                DASHES[level.style],
            )  # fmt: skip
            weight = "bold" if level.bold else None
            self.drawing.text(self.right + 4, text_y, level.text, 6.6, level.colour, None, weight)

    def markup(self) -> Markup:
        return self.drawing.markup()


def runs(columns: Sequence[Column | None]) -> list[list[tuple[int, Column]]]:
    """Stretches of neighbouring measured columns; a gap ends a stretch."""
    found: list[list[tuple[int, Column]]] = []
    current: list[tuple[int, Column]] = []
    for index, column in enumerate(columns):
        if column is None:
            if current:
                found.append(current)
            current = []
        else:
            current.append((index, column))
    if current:
        found.append(current)
    return found


def axis_steps(span: float) -> int:
    """How many equal steps give round labels on an axis of this length (see nice_ceiling)."""
    mantissa = span
    while mantissa >= 9.9999:
        mantissa /= 10
    while 0 < mantissa < 0.9999:
        mantissa *= 10
    return {1.5: 3, 2.5: 5, 3: 3, 5: 5, 6: 3}.get(round(mantissa, 2), 4)


def words_of_axis(
    high: float, low: float, divisor: float, unit: str, steps: int | None = None
) -> list[tuple[float, str]]:
    """Labels from low to high; the unit stands once, at the top."""
    count = steps or axis_steps(high - low)
    found = []
    for step in range(count + 1):
        value = low + (high - low) * step / count
        text = svg.number(value / divisor)
        found.append((value, f"{text} {unit}" if step == count else text))
    return found


def power_chart(
    curve: Curve, levels: Sequence[Level], start: int, end: int, ticks: Sequence[tuple[int, str]],
    title: str,
) -> Markup:  # fmt: skip
    """Watts over the period with the contract, derated and rated lines of the feed."""
    columns = merge_columns(curve.columns)
    peak = max((column.high for column in columns if column), default=0)
    high = nice_ceiling(max([peak * 1.05, *(level.value * 1.08 for level in levels)]))
    plot = Plot(start, end, 0, high, 112, title)
    plot.axes(ticks, words_of_axis(high, 0, 1000, "kW"))
    plot.gaps(columns)
    plot.curve(columns, curve)
    plot.levels(levels)
    return plot.markup()


def traffic_chart(
    curves: Sequence[Curve], p95: float | None, levels: Sequence[Level], start: int, end: int,
    ticks: Sequence[tuple[int, str]], weekends: Sequence[tuple[int, int]], title: str,
) -> Markup:  # fmt: skip
    """Bits per second; the samples above the percentile are shaded: they are cut from the bill."""
    reduced = [merge_columns(curve.columns) for curve in curves]
    peak = max((c.high for columns in reduced for c in columns if c), default=0)
    high = nice_ceiling(max([peak * 1.04, *(level.value * 1.06 for level in levels)]))
    divisor, unit = (
        (1e9, "Gbps") if high >= 2e9 else (1e6, "Mbps") if high >= 2e6 else (1e3, "kbps")
    )
    plot = Plot(start, end, 0, high, 136, title)
    plot.axes(ticks, words_of_axis(high, 0, divisor, unit), weekends)
    if reduced:
        plot.gaps(reduced[0])
    for columns, curve in zip(reduced, curves, strict=True):
        plot.curve(columns, curve)
    if p95 is not None and reduced:
        plot.shade_above(reduced[0], p95, "#c7cdd6")
    plot.levels(levels)
    return plot.markup()


def climate_chart(
    curve: Curve, band: tuple[int | None, int | None], levels: Sequence[Level], start: int,
    end: int, ticks: Sequence[tuple[int, str]], title: str,
) -> Markup:  # fmt: skip
    """Milli-degrees Celsius inside the contract's band, which is tinted."""
    columns = merge_columns(curve.columns)
    values = [v for c in columns if c for v in (c.low, c.high)] + [v for v in band if v is not None]
    low = (min(values, default=0) // 2000 - 1) * 2000
    high = (max(values, default=0) // 2000 + 2) * 2000
    plot = Plot(start, end, low, high, 104, title)
    top, bottom = (plot.y(high if band[1] is None else band[1]), plot.y(band[0] or low))
    plot.drawing.rect(LEFT, top, plot.right - LEFT, bottom - top, "#eef5f1")
    steps = next(n for n in (4, 5, 3, 2, 1) if round((high - low) / 1000) % n == 0)
    plot.axes(ticks, words_of_axis(high, low, 1000, "°C", steps))
    plot.gaps(columns)
    plot.curve(columns, curve)
    plot.levels(levels)
    return plot.markup()
