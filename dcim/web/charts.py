"""A port's or feed's samples as the chart component draws them (see js/chart.js)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcim.i18n import choose_zone
from dcim.i18n import gettext as _
from dcim.metering.batch import Columns
from dcim.metering.downsampling import bucket_levels, bucket_rates, find_gaps, listed
from dcim.metering.held import cover_held
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.own_power import ContractedSpan

MINUTE_MS = 60_000
# Longer than this without a sample is a gap that is drawn.
GAP_MS = 150_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Window:
    """What a chart shows: its name in the URL, UTC ms, and the step between points."""

    name: str
    start: int
    end: int
    step_ms: int


def choose_window(name: str, now_ms: int, month_start_ms: int) -> Window:
    """ "24h" by 5 minutes, "7d" by the half hour, "30d" and "month" to date by the hour; 24 h if
    unknown."""
    spans = {
        "24h": (now_ms - DAY_MS, 5 * MINUTE_MS),
        "7d": (now_ms - 7 * DAY_MS, 30 * MINUTE_MS),
        "30d": (now_ms - 30 * DAY_MS, 60 * MINUTE_MS),
        "month": (month_start_ms, 60 * MINUTE_MS),
    }
    name = name if name in spans else "24h"
    start, step = spans[name]
    end = -(-now_ms // step) * step
    return Window(name, min(start // step * step, end - step), end, step)


def chart_traffic(
    columns: Columns,
    window: Window,
    now_ms: int,
    *,
    lines: Sequence[tuple[str, int, str]] = (),
    spans: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Mean in and out; the heavier direction has a band from the smallest to the largest sample.

    `lines`: (label, bit/s, role); `spans` as the chart wants them, beside the gaps.
    """
    inward = bucket_rates(columns, "in", window.start, window.end, window.step_ms)
    outward = bucket_rates(columns, "out", window.start, window.end, window.step_ms)
    known = [values[~np.isnan(values)].max(initial=0) for values in (inward.high, outward.high)]
    scale, unit = choose_unit(max([*known, *(value for _label, value, _role in lines)]))
    is_in = known[0] > known[1]
    heavy, light = (inward, outward) if is_in else (outward, inward)
    words = [
        _("In, largest") if is_in else _("Out, largest"),
        _("In, smallest") if is_in else _("Out, smallest"),
        _("In, mean") if is_in else _("Out, mean"),
        _("Out, mean") if is_in else _("In, mean"),
    ]
    gaps = find_gaps(columns, window.start, min(window.end, now_ms), GAP_MS)
    return {
        "x": [start // 1000 for start in inward.starts],
        "unit": unit,
        "zone": choose_zone(),
        "series": [
            {"label": words[0], "values": listed(heavy.high, scale), "role": "faint"},
            {"label": words[1], "values": listed(heavy.low, scale), "role": "faint"},
            {"label": words[2], "values": listed(heavy.mean, scale), "role": "main"},
            {"label": words[3], "values": listed(light.mean, scale), "role": "second"},
        ],
        "bands": [[0, 1]],
        "lines": [
            {"label": label, "value": round(value / scale, 3), "role": role}
            for label, value, role in lines
        ],
        "spans": [
            *(
                {"from": low / 1000, "to": high / 1000, "role": "missing", "label": _("Missing")}
                for low, high in gaps
            ),
            *spans,
        ],
    }


def chart_power(
    columns: Columns,
    window: Window,
    now_ms: int,
    own: Sequence[tuple[int, int]],
    lines: Sequence[tuple[str, int, str]] = (),
    contracted: Sequence[ContractedSpan] = (),
) -> dict[str, Any]:
    """kW: the mean of each step, in a band from the smallest to the largest reading.

    `own`: when in the window the meter was the customer's to see; `lines`: (label, W, role), and
    what was contracted when.
    """
    levels = bucket_levels(columns, "mw", window.start, window.end, window.step_ms)
    covered = cover_held(columns, "mw", HOLDS_MS, now_ms)
    gaps = [
        (low, high, _("Missing"))
        for start, end in own
        for low, high in find_gaps(covered, start, min(end, now_ms), GAP_MS)
    ]
    edges = [window.start, *(edge for span in own for edge in span), min(window.end, now_ms)]
    gaps += [
        (low, high, _("Not yours then"))
        for low, high in zip(edges[::2], edges[1::2], strict=True)
        if low < high
    ]
    return {
        "x": list(range(window.start // 1000, window.end // 1000, window.step_ms // 1000)),
        "unit": "kW",
        "zone": choose_zone(),
        "series": [
            {"label": _("Largest"), "values": listed(levels.high, 1e6), "role": "faint"},
            {"label": _("Smallest"), "values": listed(levels.low, 1e6), "role": "faint"},
            {"label": _("Mean"), "values": listed(levels.mean, 1e6), "role": "main"},
        ],
        "bands": [[0, 1]],
        "lines": [
            *(
                {
                    "label": _("contracted"),
                    "value": round(span.watts / 1000, 3),
                    "role": "commit",
                    "from": span.start / 1000,
                    "to": span.end / 1000 if span.end < min(window.end, now_ms) else None,
                }
                for span in contracted
            ),
            *(
                {"label": label, "value": round(watts / 1000, 3), "role": role}
                for label, watts, role in lines
            ),
        ],
        "spans": [
            {"from": low / 1000, "to": high / 1000, "role": "missing", "label": label}
            for low, high, label in gaps
        ],
    }


def choose_unit(peak_bps: float) -> tuple[float, str]:
    for size, unit in ((1e9, "Gbps"), (1e6, "Mbps"), (1e3, "kbps")):
        if peak_bps >= size:
            return size, unit
    return 1.0, "bps"
