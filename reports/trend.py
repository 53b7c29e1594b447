"""A statement's `trend` as it is printed: promises by month, and bars of what a month came to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from reports import figures, svg
from reports.charts import verdict_mark
from reports.drawings import metric_name
from reports.figures import MONTHS, Clock, pick
from reports.svg import Drawing
from reports.wording import words

LEVELS_IN_BODY = 24
BARS_IN_BODY = 12
WIDTH, HEIGHT = 182.0, 58.0
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What a month said of a promise; `mark` where it wasn't met. Empty: it said nothing."""

    text: str = ""
    mark: Markup | None = None


@dataclass(frozen=True)
class Bars:
    """One quantity by month: this month's value in words, and what it changed."""

    title: str
    value: str
    changes: tuple[str, ...]
    chart: Markup


def arrange_trend(statement: Json, clock: Clock) -> dict[str, Any] | None:
    """None without a month before. `slots` are all months from the first on, issued or not."""
    if "trend" not in statement:
        return None
    trend, language, t = statement["trend"], clock.language, words(clock.language)
    slots = list_slots([month["period"] for month in trend["months"]])
    at = {month["period"]: place for place, month in enumerate(trend["months"])}
    places = [at.get(slot) for slot in slots]
    rows = [
        (level, [_cell(None if place is None else level["months"][place], language)
                 for place in places])
        for level in trend["levels"]
    ]  # fmt: skip
    rows.sort(key=lambda row: not any(cell.mark for cell in row[1]))
    return {
        "slots": [short_month(slot, language) for slot in slots],
        "months": trend["months"],
        "levels": [(metric_name(level, language), cells) for level, cells in rows[:LEVELS_IN_BODY]],
        "more_levels": len(rows[LEVELS_IN_BODY:]),
        "total": [None if place is None else trend["months"][place]["total"] for place in places],
        **_all_bars(statement, slots, places, language, t),
    }


def list_slots(periods: Sequence[str]) -> list[str]:
    """Every month from the first to the last: "2025-11" to "2026-02" are four."""
    first, last = (int(one[:4]) * 12 + int(one[5:]) - 1 for one in (periods[0], periods[-1]))
    return [f"{count // 12:04}-{count % 12 + 1:02}" for count in range(first, last + 1)]


def short_month(period: str, language: str) -> tuple[str, str]:
    """("10 月", "2026") or ("Oct", "2026")."""
    month = int(period[5:])
    return (f"{month}月" if language == "zh" else MONTHS[month - 1][:3]), period[:4]


def _cell(said: Json | None, language: str) -> Cell:
    if said is None:
        return Cell()
    if said.get("figure"):
        text = pick(said["figure"], language)
    else:
        text = figures.percentage(said["availability_pct"])
    if said["result"] == "met":
        return Cell(text)
    word = words(language)["trend_open" if said["result"] == "needs_review" else "trend_missed"]
    return Cell(text, verdict_mark(said["result"], word))


def _all_bars(
    statement: Json, slots: Sequence[str], places: Sequence[int | None], language: str, t: Json
) -> dict[str, Any]:
    """What is due, the energy, then the services, the largest first; those left out counted."""
    currency, trend = statement["contract"]["currency"], statement["trend"]

    def in_money(value: Decimal) -> str:
        return figures.money(value, currency)

    def by_slot(values: Sequence[Any]) -> list[Decimal | None]:
        return [
            None if place is None or values[place] is None else Decimal(values[place])
            for place in places
        ]

    wanted: list[tuple[str, list[Decimal | None], Callable[[Decimal], str]]] = []
    for key, title, said in (
        ("total", t["total_total"], in_money),
        ("energy_wh", t["energy_total"], lambda value: f"{figures.kilowatt_hours(value)} kWh"),
    ):
        wanted.append((title, by_slot([month[key] for month in trend["months"]]), said))
    services = []
    for service in trend["services"]:
        name = pick(service["label"], language)
        for key, said in (
            ("billed_bps", lambda value: figures.bit_rate(int(value))), ("amount", in_money),
        ):  # fmt: skip
            values = by_slot([month and month[key] for month in service["months"]])
            if values[-1] is not None:
                services.append((name, values, said))
                break
    services.sort(key=lambda one: (one[2] is in_money, -(one[1][-1] or 0)))
    room = BARS_IN_BODY - len(wanted)
    wanted += services[:room]
    return {
        "bars": [
            Bars(title, said(values[-1]), tuple(_changes(values, t)),
                 draw_bars(slots, values, said, title, language))
            for title, values, said in wanted
            if values[-1] is not None and any(one is not None for one in values[:-1])
        ],
        "more_services": len(services[room:]),
    }  # fmt: skip


def _changes(values: Sequence[Decimal | None], t: Json) -> list[str]:
    """Against the month before, and against the same month of the last year, in percent."""
    now, found = values[-1], []
    for back, word in ((1, "on_month"), (12, "on_year")):
        before = values[-1 - back] if len(values) > back else None
        if now is None or before is None or before <= 0:
            continue
        share = round((now - before) * 100 / before, 1)
        sign = "+" if share > 0 else ""
        found.append(f"{t[word]} {sign}{figures.grouped(share, 1)} %")
    return found


def draw_bars(
    slots: Sequence[str],
    values: Sequence[Decimal | None],
    said: Callable[[Decimal], str],
    title: str,
    language: str,
) -> Markup:
    """A bar a month, this month's dark; a month that isn't known is an empty dashed place. Its
    alternative text tells every value."""
    told = ", ".join(
        f"{slot} {'–' if value is None else said(value)}"
        for slot, value in zip(slots, values, strict=True)
    )
    drawing = Drawing(WIDTH, HEIGHT, f"{title}: {told}")
    known = [value for value in values if value is not None]
    high, low = max([*known, Decimal(0)]), min([*known, Decimal(0)])
    span = high - low or Decimal(1)
    top, bottom = 12.0, HEIGHT - 11
    pitch = min(WIDTH / len(values), 26.0)

    def y(value: Decimal) -> float:
        return top + (bottom - top) * float((high - value) / span)

    for place, value in enumerate(values):
        x = pitch * place + 1.5
        last = place == len(values) - 1
        if value is None:
            drawing.rect(x, bottom - 8, pitch - 3, 8, svg.PAPER, svg.UNKNOWN, 0.5, "1.5 1.2")
            continue
        upper, lower = sorted((y(value), y(Decimal(0))))
        drawing.rect(x, upper, pitch - 3, max(lower - upper, 0.8), svg.INK if last else svg.BAR)
    drawing.line(0, y(Decimal(0)), pitch * len(values), y(Decimal(0)), svg.MUTED, 0.6)
    most = max(range(len(values)), key=lambda place: values[place] or Decimal("-Infinity"))
    if known and values[most] is not None:
        text = said(values[most] or Decimal(0))
        wide = svg.text_width(text, 6.4)
        x = min(max(pitch * most + pitch / 2 - wide / 2, 0), WIDTH - wide)
        drawing.text(x, 8, text, 6.4, svg.INK)
    for place in {0, len(values) - 1}:
        word = " ".join(short_month(slots[place], language))
        anchor = None if place == 0 else "end"
        drawing.text(pitch * place if anchor is None else pitch * (place + 1), HEIGHT - 2, word,
                     6.2, svg.MUTED, anchor)  # fmt: skip
    return drawing.markup()
