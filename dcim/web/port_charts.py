"""A port's lines as the chart component draws them (see js/chart.js): peaks, limits, cuts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcim.i18n import choose_zone
from dcim.i18n import gettext as _
from dcim.metering.downsampling import Floats, Rates, Span, listed
from dcim.metering.port_line import PortLine
from dcim.web.charts import Window, choose_unit

# Shorter stretches than a few pixels are joined: three years have very many of them.
PIXELS = 1500
MOST_SPANS = 2000


@dataclass(frozen=True, slots=True)
class Limit:
    """A line from `start` to `end` (UTC ms; none: to the chart's end), in bit/s; of direction
    `way`, or of "both"."""

    label: str
    bps: int
    role: str
    start: int | None = None
    end: int | None = None
    way: str = "out"


def chart_port(
    line: PortLine,
    window: Window,
    *,
    limits: Sequence[Limit] = (),
    spans: Sequence[Mapping[str, Any]] = (),
    before: PortLine | None = None,
    mirrored: bool = False,
    cut_way: str = "",
) -> dict[str, Any]:
    """In and out by their median in a band from the smallest to the largest sample.

    `before` is the stretch compared with, step for step; `mirrored` draws what comes in downwards;
    `cut_way` is the direction whose peaks above the percentile are shaded.
    """
    tops = [_peak(rates) for rates in (line.inward, line.outward)]
    scale, unit = choose_unit(max([*tops, *(one.bps for one in limits)]))
    down = -1.0 if mirrored else 1.0
    heavy_in = tops[0] > tops[1]
    series: list[dict[str, Any]] = []
    bands: list[list[int]] = []

    def add(label: str, values: Floats, role: str, sign: float = 1.0) -> int:
        series.append({"label": label, "values": listed(values * sign, scale), "role": role})
        return len(series) - 1

    places: dict[str, int] = {}
    for way, rates, sign in (("out", line.outward, 1.0), ("in", line.inward, down)):
        is_out = way == "out"
        # Overlaid, two bands hide each other: only the busier direction has one then.
        if mirrored or is_out != heavy_in:
            high = add(_("Out, largest") if is_out else _("In, largest"), rates.high, "faint", sign)
            low = add(_("Out, smallest") if is_out else _("In, smallest"), rates.low, "faint", sign)
            bands.append([high, low])
            places[way] = high
        role = "main" if is_out != heavy_in else "second"
        add(_("Out, median") if is_out else _("In, median"), rates.middle, role, sign)
    if before is not None:
        rates, sign = (before.inward, down) if heavy_in else (before.outward, 1.0)
        add(_("In, before") if heavy_in else _("Out, before"), rates.middle, "ghost", sign)
    return {
        "x": [start // 1000 for start in line.outward.starts],
        "unit": unit,
        "zone": choose_zone(),
        "mirrored": mirrored,
        "series": series,
        "bands": bands,
        "lines": [
            {
                "label": one.label if sign > 0 or one.way == "in" else "",
                "value": round(one.bps / scale, 3) * sign,
                "role": one.role,
                "from": None if one.start is None else one.start / 1000,
                "to": None if one.end is None else one.end / 1000,
            }
            for one in limits
            for sign in _sides(one.way, mirrored=mirrored)
        ],
        "cut": {"series": places[cut_way]} if cut_way in places else None,
        "rail": {
            "label": _("Discarded samples"),
            "spans": [[low / 1000, high / 1000] for low, high in join_near(line.discarded, window)],
        }
        if cut_way
        else None,
        "spans": [
            *(
                {"from": low / 1000, "to": high / 1000, "role": "missing", "label": _("Missing")}
                for low, high in join_near(line.gaps, window)
            ),
            *spans,
        ],
    }


def chart_discards(line: PortLine, above: Mapping[str, Any]) -> dict[str, Any]:
    """Dropped packets per second by the worst sample of each step: no burst is lost. It is drawn
    under the chart `above`, time under time."""
    inward, outward = line.dropped
    heavy_in = _peak(inward) > _peak(outward)
    return {
        "x": [start // 1000 for start in outward.starts],
        "unit": _("packets/s"),
        "zone": choose_zone(),
        "series": [
            {
                "label": _("Out, largest"),
                "values": listed(outward.high, digits=3),
                "role": "second" if heavy_in else "main",
            },
            {
                "label": _("In, largest"),
                "values": listed(inward.high, digits=3),
                "role": "main" if heavy_in else "second",
            },
        ],
        "named": bool(above["lines"] or above["rail"]),
    }


def join_near(spans: Sequence[Span], window: Window) -> list[Span]:
    """Stretches as far as they can be told apart where so much time is drawn."""
    if len(spans) <= MOST_SPANS:
        return list(spans)
    near = (window.end - window.start) // PIXELS
    found: list[Span] = []
    for low, high in spans:
        if found and low - found[-1][1] < near:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def _sides(way: str, *, mirrored: bool) -> tuple[float, ...]:
    """Where a direction is drawn; its name stands on the first of them alone."""
    if not mirrored or way == "out":
        return (1.0,)
    return (-1.0,) if way == "in" else (1.0, -1.0)


def _peak(rates: Rates) -> float:
    return float(np.nanmax(rates.high, initial=0))
