"""A cabinet's power as CSV: one line a step, each feed's figures and all feeds' together."""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence

from flask import Response

from dcim.sla.own_power import ContractedSpan, FeedPower, PowerStep, add_feeds, step_power
from dcim.sla.rules.periods import format_instant
from dcim.web.charts import Window
from dcim.web.local_times import local_zone
from dcim.web.traffic_csv import safe_name

FIGURES = ("measured_s", "min_w", "mean_w", "max_w", "energy_wh")


def answer_power_csv(
    feeds: Sequence[FeedPower],
    contracted: Sequence[ContractedSpan],
    own: Sequence[tuple[int, int]],
    window: Window,
    name: str,
) -> Response:
    """The steps of `window` within `own` (UTC epoch ms), in UTC and in local time; what wasn't
    measured is empty. Only numbers and instants: no formula."""
    return Response(
        # The stream outlives the request, and what it knows of the site's zone.
        _lines(feeds, contracted, own, window, local_zone()),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{safe_name(name)}.csv"'},
    )


def _lines(
    feeds: Sequence[FeedPower],
    contracted: Sequence[ContractedSpan],
    own: Sequence[tuple[int, int]],
    window: Window,
    zone: dt.tzinfo,
) -> Iterator[str]:
    end = max((b for _a, b in own), default=window.start)
    columns = {feed.feed: feed.columns for feed in feeds}
    if len(feeds) > 1:
        columns["all"] = add_feeds(feeds)
    steps = {
        name: {step.start: step for step in step_power(each, window.start, end, window.step_ms)}
        for name, each in columns.items()
        if end > window.start
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    names = [name.replace(" ", "") for name in columns]
    figures = [f"{name}_{what}" for name in names for what in FIGURES]
    writer.writerow(["from_utc", "from_local", *figures, "contracted_w"])
    for start in range(window.start, end, window.step_ms):
        if not any(a < start + window.step_ms and start < b for a, b in own):
            continue
        local = dt.datetime.fromtimestamp(start / 1000, zone)
        found = {name: each.get(start) for name, each in steps.items()}
        energies = [one.energy_mwh if one else None for name, one in found.items() if name != "all"]
        line: list[object] = [format_instant(start), local.isoformat()]
        for name, one in found.items():
            energy = one.energy_mwh if one else None
            if name == "all":
                known = [each for each in energies if each is not None]
                energy = sum(known) if len(known) == len(energies) else None
            line += _figures(one, energy)
        agreed = next((one for one in contracted if one.start <= start < one.end), None)
        writer.writerow([*line, agreed.watts if agreed else ""])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _figures(step: PowerStep | None, energy_mwh: int | None) -> list[object]:
    energy = "" if energy_mwh is None else f"{energy_mwh / 1000:.3f}"
    if step is None:
        return ["", "", "", "", energy]
    watts = (step.low_mw, step.mean_mw, step.high_mw)
    return [step.span_ms // 1000, *(f"{mw / 1000:.1f}" for mw in watts), energy]
