"""From a statement's JSON to what the templates print: words, written figures, charts, order."""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from typing import Any

from markupsafe import Markup

from reports import extracts, figures
from reports.attachments import manifest_sha256
from reports.charts import state_mark, verdict_mark
from reports.drawings import (
    STATES,
    Canvas,
    draw_budget,
    draw_climate,
    draw_code,
    draw_grid,
    draw_power,
    draw_timeline,
    draw_traffic,
    metric_name,
    short,
)
from reports.figures import Clock, pick, plain
from reports.svg import text_width
from reports.trend import arrange_trend
from reports.wording import words

CHARTS_IN_BODY = 24
METRICS_ON_COVER = 6
# Millimetres of the cover: what is left for rows, and what takes of it (cf. print.css).
COVER_MM, NOTICE_MM, HEADLINE_MM, ROW_MM, NEXT_LINE_MM = 84.0, 31.0, 9.1, 11.6, 4.2
HEADLINE_SIZE_MM, HEADLINE_WIDTH_MM = 7.06, 172.0
NAME_SIZE_MM, NAME_WIDTH_MM, NAME_WIDTH_BESIDE_RANGE_MM = 2.93, 60.0, 44.0
METRICS_IN_BODY = 60
TOC_FROM_SECTIONS = 6
SHORT_S = 60
NAMES_IN_ROW = 3
Json = Mapping[str, Any]


def arrange(statement: Json) -> dict[str, Any]:
    """The template's whole context. KeyError when the statement lacks a field."""
    language = statement["language"]
    clock = Clock(statement["contract"]["timezone"], language)
    t = words(language)
    canvas = Canvas(statement, clock, t)
    metrics = [metric_row(metric, t, language) for metric in statement["metrics"]]
    listed = listed_rows(metrics)
    cover = cover_rows(metrics, cover_room(statement), language)
    ids = [row["metric"]["id"] for row in listed]
    grids, states = draw_grids(canvas, ids[: extracts.GRID_ROWS_IN_BODY])
    cover_grid, _ = draw_grid(canvas, [row["metric"]["id"] for row in cover])
    items, items_rest = extracts.item_rows(statement["items"])
    coverage, coverage_rest = extracts.coverage_rows(statement["coverage"])
    manifest, manifest_folders = extracts.manifest_rows(statement["manifest"])
    context: dict[str, Any] = {
        "s": statement,
        "t": t,
        "language": language,
        "html_lang": "zh-Hans" if language == "zh" else "en",
        "pick": lambda texts: pick(texts, language),
        "plain": plain,
        "name": lambda metric: metric_name(metric, language),
        "f": figures,
        "clock": clock,
        "currency": statement["contract"]["currency"],
        "money": lambda value: figures.money(value, statement["contract"]["currency"]),
        "length": lambda seconds: figures.duration(seconds, language),
        "state_mark": state_mark,
        "verdict_mark": verdict_mark,
        "grids": grids,
        "cover_grid": cover_grid,
        "states": states,
        "timelines": [
            draw_timeline(canvas, lanes)
            for lanes in extracts.in_pieces(ids[: extracts.LANES_IN_BODY], extracts.LANES)
        ],
        "lanes_rest": max(len(ids) - extracts.LANES_IN_BODY, 0),
        "grid_rest": max(len(ids) - extracts.GRID_ROWS_IN_BODY, 0),
        "items": items,
        "items_rest": items_rest,
        "ledger": extracts.ledger_rows(statement["ledger"]),
        "coverage": coverage,
        "coverage_rest": coverage_rest,
        "manifest": manifest,
        "manifest_folders": manifest_folders,
        "rows_in_body": extracts.ROWS_IN_BODY,
        "manifest_hash": manifest_sha256(statement["manifest"]),
        "qr": code_of(statement, t),
        "zone_words": zone_words(statement, clock, t),
        "period_words": period_words(statement, clock, t),
        "key_figures": key_figures(statement, t),
        "metrics": metrics,
        "listed_metrics": listed,
        "cover_metrics": cover,
        "credits": [metric for metric in statement["metrics"] if has_credit(metric)],
        "own_method": own_method(statement),
        "other_intervals": other_intervals(statement, t),
        "rights": rights(statement, language, t),
        "settle_words": settle_words(statement),
        "revision_changes": revision_changes(statement),
        "subjects": {item["id"]: short(item["name"], language) for item in statement["items"]},
        "metric_names": {
            metric["id"]: metric_name(metric, language) for metric in statement["metrics"]
        },
        "power": [(feed, draw_power(canvas, feed)) for feed in statement["power"][:CHARTS_IN_BODY]],
        "power_rest": statement["power"][CHARTS_IN_BODY:],
        "usage": [
            (usage, draw_traffic(canvas, usage)) for usage in statement["usage"][:CHARTS_IN_BODY]
        ],
        "usage_rest": statement["usage"][CHARTS_IN_BODY:],
        "environment": [
            (place, draw_climate(canvas, place))
            for place in statement["environment"][:CHARTS_IN_BODY]
        ],
        "environment_rest": statement["environment"][CHARTS_IN_BODY:],
        "energy_total": sum(
            (Decimal(feed["energy_wh"]) for feed in statement["power"]), Decimal(0)
        ),
        "points": lambda usage: points(usage, t),
        "peak_share": peak_share,
        "trend": arrange_trend(statement, clock),
    }
    context["sections"] = sections(statement)
    context["toc"] = len(context["sections"]) >= TOC_FROM_SECTIONS
    return context


def draw_grids(canvas: Canvas, wanted: list[str]) -> tuple[list[Markup], list[str]]:
    """The day grid in pieces that fit a page, and the states that occur in any of them."""
    pieces = [draw_grid(canvas, ids) for ids in extracts.in_pieces(wanted, extracts.GRID_ROWS)]
    seen = {state for _grid, states in pieces for state in states}
    return [grid for grid, _states in pieces], [one for one in STATES if one in seen]


def sections(statement: Json) -> list[str]:
    """The sections that have something to say, in their order (keys of the words)."""
    # What is new comes first.
    present = [*(["changes"] if "replaces" in statement else []), "levels", "credits", "outages"]
    for key, name in (("power", "power"), ("usage", "traffic"), ("environment", "climate")):
        if statement[key]:
            present.append(name)
    trend = ["trend"] if "trend" in statement else []
    return [*present, "charges", *trend, "method", "evidence"]


def listed_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All metrics, or of very many only those with something to tell."""
    if len(rows) <= METRICS_IN_BODY:
        return rows
    telling = [
        row
        for row in rows
        if row["metric"]["result"] != "met"
        or row["metric"]["downtime_s"]
        or row["metric"]["unknown_s"]
    ]
    return telling or rows[:METRICS_ON_COVER]


def cover_room(statement: Json) -> float:
    """Millimetres of the cover that are left for rows of metrics."""
    text = pick(statement["verdict"]["text"], statement["language"])
    room = COVER_MM - HEADLINE_MM * (lines_of(text, HEADLINE_SIZE_MM, HEADLINE_WIDTH_MM) - 1)
    replaces = statement["revision"] > 1 or statement["supersedes"]
    return room - NOTICE_MM if replaces else room


def cover_rows(rows: list[dict[str, Any]], room: float, language: str) -> list[dict[str, Any]]:
    """What fits on the cover: everything, or what was not met before the others."""
    worst = sorted(rows, key=lambda row: (row["metric"]["result"] == "met",
                                          -row["metric"]["downtime_s"]))  # fmt: skip
    # A credit that isn't settled is told as a range, and the names have less width.
    ranged = any(row["metric"]["result"] == "needs_review" for row in worst[:METRICS_ON_COVER])
    width = NAME_WIDTH_BESIDE_RANGE_MM if ranged else NAME_WIDTH_MM
    fitting = []
    for row in worst[:METRICS_ON_COVER]:
        lines = lines_of(metric_name(row["metric"], language), NAME_SIZE_MM, width)
        room -= ROW_MM + NEXT_LINE_MM * (lines - 1)
        if room < 0:
            break
        fitting.append(row)
    return rows if len(fitting) == len(rows) else fitting


def lines_of(text: str, size: float, width: float) -> int:
    """How many lines of the width a text takes, by its estimated length."""
    return max(1, ceil(text_width(text, size) / width))


def own_method(statement: Json) -> list[Json]:
    """The rules that something on this statement was computed by: for the one-page form."""
    idle = {entry["id"] for entry in statement["method"]} - {"general", "caps"}
    idle -= {metric["metric"] for metric in statement["metrics"]}
    idle -= {usage["usage"] for usage in statement["usage"]}
    idle -= {name for name, part in (("settle", "settlement"), ("tax", "tax")) if part in statement}
    return [entry for entry in statement["method"] if entry["id"] not in idle]


def settle_words(statement: Json) -> Json | None:
    """What the terms make of credits, in the words of the method; None: booked, nothing said."""
    if "settlement" not in statement:
        return None
    return next((one["text"] for one in statement["method"] if one["id"] == "settle"), None)


def revision_changes(statement: Json) -> Json | None:
    """Of a revision the sums to print below the lines that differ: none where no amount does."""
    if "replaces" not in statement:
        return None
    found = statement["replaces"]["differences"]
    moved = found["lines"] or any(one["before"] != one["after"] for one in found["totals"])
    return {"sums": found["totals"] if moved else []}


def has_credit(metric: Json) -> bool:
    credit = metric["credit"]
    return bool(credit["steps"]) or any(
        Decimal(credit[key]) != 0 for key in ("amount", "at_least", "at_most")
    )


def code_of(statement: Json, t: Mapping[str, str]) -> Markup | None:
    """The QR code, only for a web address: nothing else may hide in a code somebody scans."""
    address = statement["verify_url"]
    if not address.startswith(("https://", "http://")) or len(address) > 300:
        return None
    return draw_code(address, t["qr_alt"])


def zone_words(statement: Json, clock: Clock, t: Mapping[str, str]) -> str:
    offset = clock.offset(statement["period"]["start"])
    return f"{t['all_times']} {statement['contract']['timezone']} ({offset})"


def period_words(statement: Json, clock: Clock, t: Mapping[str, str]) -> str:
    period = statement["period"]
    offset = clock.offset(period["start"])
    return f"{clock.full(period['start'])} {t['to']} {clock.full(period['end'])} ({offset})"


def key_figures(statement: Json, t: Mapping[str, str]) -> list[dict[str, str]]:
    """The strip below the verdict: figure, unit (lighter), words."""
    verdict, totals = statement["verdict"], statement["totals"]
    currency = statement["contract"]["currency"]
    counted = sum(1 for incident in statement["incidents"] if incident["counted"])
    down = sum(Decimal(str(metric["downtime_s"])) for metric in statement["metrics"])
    return [
        {"figure": str(verdict["met"]), "unit": f"/ {verdict['metrics']}", "text": t["kpi_met"]},
        {
            "figure": str(counted),
            "unit": f"/ {len(statement['incidents'])}",
            "text": t["kpi_incidents"],
        },
        {"figure": figures.minutes(float(down)), "unit": t["minutes"], "text": t["kpi_down"]},
        {
            "figure": figures.money(abs(Decimal(totals["credits"])), currency),
            "unit": "",
            "text": t["kpi_credit"],
        },
        {"figure": figures.money(totals["total"], currency), "unit": "", "text": t["kpi_total"]},
    ]


def metric_row(metric: Json, t: Mapping[str, str], language: str) -> dict[str, Any]:
    """A metric with its error budget in minutes and in words."""
    down, allowed, unknown = metric["downtime_s"], metric["allowed_s"], metric["unknown_s"]
    budget = ""
    if allowed is None:
        budget = ""
    elif allowed == 0:
        budget = t["no_downtime"]
    elif down > allowed:
        budget = f"{t['over']} {figures.minutes(down - allowed)} {t['minutes']}"
    else:
        budget = f"{t['left']} {figures.minutes(allowed - down)} {t['minutes']}"
    notes = []
    if metric["excluded_s"]:
        notes.append(f"{t['excluded_time']} {figures.minutes(metric['excluded_s'])} {t['minutes']}")
    if unknown:
        low = figures.percentage(metric["availability_worst_pct"], down)
        high = figures.percentage(metric["availability_best_pct"], down)
        spread = ""
        if low != high and "figure" not in metric:
            spread = f"{t['range']} {high}–{low} %"
            spread = f"（{spread}）" if language == "zh" else f" ({spread})"
        notes.append(f"{t['unknown_time']} {figures.duration(unknown, language)}{spread}")
    return {
        "metric": metric,
        "bar": draw_budget(metric, t) if allowed is not None else None,
        "used": metric["budget_used_pct"],
        "budget": budget,
        "notes": notes,
    }


def other_intervals(statement: Json, t: Mapping[str, str]) -> list[dict[str, Any]]:
    """Intervals that no incident names: unmeasured, too short, before the clock.

    The same stretch of several services is one row; stretches below a minute fold by reason.
    """
    language = statement["language"]
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for metric in statement["metrics"]:
        for entry in metric["trace"]:
            if entry["class"] not in {"unknown", "ignored", "before_clock"}:
                continue
            short = entry["seconds"] < SHORT_S
            key = (entry["class"], pick(entry["reason"], language))
            row = found.setdefault(
                key if short else (*key, entry["start"], entry["end"]),
                {"class": entry["class"], "reason": key[1], "spans": set(), "names": {}},
            )
            row["spans"].add((entry["start"], entry["end"]))
            row["names"][metric_name(metric, language)] = None
    rows = []
    for row in found.values():
        spans, names = sorted(row["spans"]), list(row["names"])
        milliseconds = sum(figures.epoch(end) - figures.epoch(start) for start, end in spans)
        services = names[0] if len(names) == 1 else t["services"].format(count=len(names))
        if 1 < len(names) <= NAMES_IN_ROW:
            services = t["comma"].join(names)
        rows.append(
            {
                "class": row["class"],
                "reason": row["reason"],
                "services": services,
                "start": spans[0][0],
                "end": spans[0][1],
                "more": len(spans) - 1,
                "seconds": milliseconds / 1000,
            }
        )
    return sorted(rows, key=lambda row: (row["start"], row["class"]))


def rights(statement: Json, language: str, t: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rights to terminate: each that is reached, the others together; unknown ones apart."""
    names = {metric["id"]: metric_name(metric, language) for metric in statement["metrics"]}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for entry in statement["termination"]:
        text = pick(entry["text"], language)
        known = entry.get("known", True)
        key = (text, entry["metric"]) if entry["reached"] else (text, "", str(known))
        row = found.setdefault(
            key, {"text": text, "reached": entry["reached"], "known": known, "of": []}
        )
        value = entry["value"] if known else t["not_known"]
        row["of"].append((names.get(entry["metric"], entry["metric"]), value))
    rows = []
    for row in found.values():
        # Which of several came nearest shows by name; equal ones need no names.
        values = list(dict.fromkeys(value for _, value in row["of"]))
        if len(values) == 1:
            said = values[0] if len(row["of"]) == 1 else t["each"].format(value=values[0])
        else:
            parts = [f"{name}: {value}" for name, value in row["of"][:NAMES_IN_ROW]]
            said = t["comma"].join(parts) + ("…" if len(row["of"]) > NAMES_IN_ROW else "")
        names_said = row["of"][0][0] if len(row["of"]) == 1 else ""
        rows.append({**row, "value": said, "name": names_said})
    return rows


def points(usage: Json, t: Mapping[str, str]) -> str:
    """How many billing bins there were and which one was billed; or which meters were read."""
    bins = usage["bins"]
    if usage.get("meters") and not bins["expected"]:
        serials = dict.fromkeys(meter["meter"] for meter in usage["meters"])
        said = t["points_by_hand"].format(meters=t["comma"].join(serials))
        return said + (t["points_estimated"] if usage["estimated"] else "")
    template = "points_text" if bins["rank"] is not None else "points_plain"
    counts = {
        key: "–" if bins[key] is None else f"{bins[key]:,}"
        for key in ("expected", "present", "missing", "discarded", "rank")
    }
    return t[template].format(interval=usage["interval_s"], **counts)


def peak_share(feed: Json) -> str:
    """The feed's peak as a share of the contract."""
    if not feed["contract_w"] or feed["max_w"] is None:
        return "–"
    share = Decimal(str(feed["max_w"])) * 100 / Decimal(str(feed["contract_w"]))
    return f"{figures.grouped(share, 1)} %"
