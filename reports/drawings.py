"""The charts of one statement, drawn from its `days`, `metrics` and `charts`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from reports import svg
from reports.charts import (
    Day,
    GridRow,
    Lane,
    Segment,
    budget_bar,
    month_grid,
    outage_timeline,
)
from reports.curves import Column, Curve, Level, climate_chart, power_chart, traffic_chart
from reports.figures import Clock, celsius, duration, epoch, pick, trimmed
from reports.wording import words

LONG_DAY_S = 20 * 60
DAY_MS = 86_400_000
NAME_LENGTH = 48
STATES = ("ok", "short", "long", "degraded", "maintenance", "unknown", "none")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Canvas:
    """What every chart of a statement shares."""

    statement: Json
    clock: Clock
    words: Mapping[str, str]

    @property
    def language(self) -> str:
        return self.clock.language

    @property
    def start(self) -> int:
        return epoch(self.statement["period"]["start"])

    @property
    def end(self) -> int:
        return epoch(self.statement["period"]["end"])

    def ticks(self, step: int) -> list[tuple[int, str]]:
        """Every step-th local midnight with its day of the month."""
        period = self.statement["period"]
        return [
            (instant, str(day.day))
            for instant, day in self.clock.midnights(period["start"], period["end"], step)
        ]

    def weekends(self) -> list[tuple[int, int]]:
        """Saturdays and Sundays of the period, local, as [start, end) epoch ms."""
        period = self.statement["period"]
        days = self.clock.midnights(period["start"], period["end"], 1)
        return [(at, min(at + DAY_MS, self.end)) for at, day in days if day.weekday() >= 5]


def day_state(day: Json) -> str:
    """The worst of a day; what was lost comes before what is unknown."""
    if day["down_s"] >= LONG_DAY_S:
        return "long"
    if day["down_s"] > 0:
        return "short"
    for key, state in (
        ("excluded_s", "maintenance"), ("unknown_s", "unknown"), ("degraded_s", "degraded"),
    ):  # fmt: skip
        if day[key] > 0:
            return state
    return "none" if day["outside_s"] >= 86_000 else "ok"


def metric_name(metric: Json, language: str) -> str:
    """Which cabinet or port, and what was promised of it."""
    dot = words(language)["dot"]
    return f"{short(metric['subject'], language)} {dot} {pick(metric['label'], language)}"


def short(name: Mapping[str, str], language: str) -> str:
    """A name in front of others: long ones are told in full in the list of items."""
    text = pick(name, language)
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"


def draw_grid(canvas: Canvas, wanted: Sequence[str]) -> tuple[Markup, list[str]]:
    """The day grid of these metrics and the states that occur in it (for the legend)."""
    names = {
        metric["id"]: metric_name(metric, canvas.language) for metric in canvas.statement["metrics"]
    }
    days = {row["metric"]: row["days"] for row in canvas.statement["days"]}
    rows = [
        GridRow(names[metric], [Day(day_state(day)) for day in days[metric]])
        for metric in wanted
        if metric in days
    ]
    seen = {day.state for row in rows for day in row.days} | {"ok"}
    return month_grid(rows, canvas.words["grid_alt"]), [state for state in STATES if state in seen]


def draw_timeline(canvas: Canvas, wanted: Sequence[str]) -> Markup:
    """When each of these metrics was down."""
    lanes = []
    for metric in canvas.statement["metrics"]:
        if metric["id"] not in wanted:
            continue
        segments = []
        for entry in metric["trace"]:
            kind = entry["class"]
            if kind in {"down", "excluded", "unknown", "degraded"}:
                text = duration(entry["seconds"], canvas.language) if kind == "down" else ""
                segments.append(Segment(epoch(entry["start"]), epoch(entry["end"]), kind, text))
        lanes.append(Lane(metric_name(metric, canvas.language), segments))
    period = canvas.statement["period"]
    ticks = [
        (instant, canvas.clock.day_word(day))
        for instant, day in canvas.clock.midnights(period["start"], period["end"], 5)
        if canvas.end - instant > 2 * DAY_MS
    ]
    return outage_timeline(lanes, canvas.start, canvas.end, ticks, canvas.words["timeline_alt"])


def draw_budget(metric: Json, words: Mapping[str, str]) -> Markup:
    """Share of the allowed downtime that is used; what nobody measured is drawn as a range."""
    allowed = metric["allowed_s"]
    down, unknown = metric["downtime_s"], metric["unknown_s"]
    if not allowed:
        used: float | None = 2.0 if down > 0 else 0.0
        return budget_bar(used, None, words["budget_alt"])
    spread = (down / allowed, (down + unknown) / allowed) if unknown else None
    percent = f"{words['budget_alt']}: {metric['budget_used_pct'] or '–'} %"
    return budget_bar(down / allowed, spread, percent)


def columns_of(
    low: Sequence[float | None], mean: Sequence[float | None], high: Sequence[float | None]
) -> list[Column | None]:
    return [
        None if a is None or b is None or c is None else Column(float(a), float(b), float(c))
        for a, b, c in zip(low, mean, high, strict=True)
    ]


def chart_of(statement: Json, kind: str, identity: str) -> Json | None:
    return next((chart for chart in statement["charts"][kind] if chart["id"] == identity), None)


def draw_power(canvas: Canvas, feed: Json) -> Markup | None:
    chart = chart_of(canvas.statement, "power", feed["id"])
    if chart is None:
        return None
    levels = []
    for key, colour, style, bold in (
        ("contract_w", svg.INK, "solid", True),
        ("derated_w", svg.WARNING, "dashed", False),
        ("rated_w", svg.UNKNOWN, "dotted", False),
    ):
        if feed[key] is not None:
            word = canvas.words[
                {"contract_w": "contracted", "derated_w": "derated", "rated_w": "rated"}[key]
            ]
            if key == "derated_w" and feed["rated_w"]:
                share = Decimal(feed["derated_w"]) * 100 / feed["rated_w"]
                word = f"{trimmed(share, 0)} %"
            text = f"{word} {trimmed(Decimal(feed[key]) / 1000, 2)} kW"
            levels.append(Level(feed[key], text, colour, style, bold))
    curve = Curve(
        columns_of(chart["mean_w"], chart["mean_w"], chart["max_w"]), svg.SLATE, fill=True
    )
    title = f"{pick(feed['label'], canvas.language)}: {canvas.words['power_alt']}"
    return power_chart(curve, levels, canvas.start, canvas.end, canvas.ticks(3), title)


def draw_traffic(canvas: Canvas, usage: Json) -> Markup | None:
    chart = chart_of(canvas.statement, "usage", usage["id"])
    if chart is None:
        return None
    outward = columns_of(chart["out_mean_bps"], chart["out_mean_bps"], chart["out_max_bps"])
    inward = columns_of(chart["in_mean_bps"], chart["in_mean_bps"], chart["in_max_bps"])
    rates = [usage["in_p95_bps"] or 0, usage["out_p95_bps"] or 0]
    inbound_billed = rates[0] > rates[1]
    curves = [
        Curve(outward, svg.SLATE, fill=True),
        Curve(inward, svg.INK, dash="3 1.6"),
    ]
    if inbound_billed:
        curves.reverse()
    levels = []
    if usage["commit_bps"] is not None:
        text = (
            f"{canvas.words['commit']} {trimmed(Decimal(usage['commit_bps']) / 1_000_000, 0)} Mbps"
        )
        levels.append(Level(usage["commit_bps"], text, svg.INK, "dotted"))
    billed = usage["billed_bps"] if usage["percentile"] is not None else None
    if billed is not None:
        text = f"P{trimmed(usage['percentile'])} {trimmed(Decimal(billed) / 1_000_000, 1)} Mbps"
        levels.append(Level(billed, text, svg.ACCENT, "dashed", bold=True))
    title = f"{pick(usage['label'], canvas.language)}: {canvas.words['traffic_alt']}"
    return traffic_chart(
        curves, billed, levels, canvas.start, canvas.end, canvas.ticks(3), canvas.weekends(), title
    )


def draw_climate(canvas: Canvas, place: Json) -> Markup | None:
    chart = chart_of(canvas.statement, "environment", place["id"])
    if chart is None:
        return None
    middle = [
        None if low is None or high is None else (low + high) / 2
        for low, high in zip(chart["min_mc"], chart["max_mc"], strict=True)
    ]
    levels = [
        Level(place[key], f"{canvas.words[word]} {celsius(place[key])}", svg.INK, "solid")
        for key, word in (("limit_high_mc", "upper"), ("limit_low_mc", "lower"))
        if place[key] is not None
    ]
    curve = Curve(columns_of(chart["min_mc"], middle, chart["max_mc"]), svg.SLATE)
    band = (place["limit_low_mc"], place["limit_high_mc"])
    title = f"{pick(place['label'], canvas.language)}: {canvas.words['climate_alt']}"
    return climate_chart(curve, band, levels, canvas.start, canvas.end, canvas.ticks(3), title)


def draw_code(address: str, title: str) -> Markup:
    """The address as a QR code (error correction M), one path."""
    import segno

    matrix = segno.make(address, error="m", micro=False).matrix
    drawing = svg.Drawing(len(matrix), len(matrix), title)
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += max(width, 1)
    drawing.path("".join(runs), fill=svg.INK)
    return drawing.markup()
