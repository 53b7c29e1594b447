"""A port's optics on its page: chart, samples as a file, and the words of each verdict."""

import csv
import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from flask import Response, request
from flask_babel import lazy_gettext as _l
from numpy.typing import NDArray

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import choose_zone
from dcim.i18n import gettext as _
from dcim.metering.batch import Columns
from dcim.metering.downsampling import bucket_levels, listed
from dcim.metering.families import NO_LIGHT, NO_OPTICS
from dcim.sla.optic_verdicts import Verdict
from dcim.sla.port_optics import Module, read_optic_samples, read_port_optics
from dcim.sla.ports import find_port_now
from dcim.sla.rules.periods import format_instant
from dcim.web.charts import DAY_MS, MINUTE_MS, Window
from dcim.web.noc.blueprint import noc
from dcim.web.traffic_csv import safe_name
from dcim.web.windows import to_ms

Floats = NDArray[np.float64]

# A reading every five minutes: a step has two at least.
_SPANS = {"24h": (DAY_MS, 15 * MINUTE_MS), "30d": (30 * DAY_MS, 180 * MINUTE_MS)}
NAMES = tuple(_SPANS)
CSV_HEAD = (
    "received_at", "lane", "rx_dbm", "tx_dbm", "bias_ma", "temperature_c", "supply_v",
)  # fmt: skip

VERDICTS = {
    Verdict.NO_LIGHT: _l("No light"),
    Verdict.ALARM_LOW: _l("Below the low alarm"),
    Verdict.ALARM_HIGH: _l("Above the high alarm"),
    Verdict.WARNING_LOW: _l("Below the low warning"),
    Verdict.WARNING_HIGH: _l("Above the high warning"),
    Verdict.NEAR_LOW: _l("Close to the low threshold"),
    Verdict.FINE: _l("Within its thresholds"),
    Verdict.UNJUDGED: _l("No thresholds told"),
    Verdict.UNKNOWN: _l("Not told"),
}
# No light is told, not judged: the far end may be off, or the line unplugged.
LOOKS = {
    Verdict.NO_LIGHT: "warning",
    Verdict.ALARM_LOW: "down",
    Verdict.ALARM_HIGH: "down",
    Verdict.WARNING_LOW: "warning",
    Verdict.WARNING_HIGH: "warning",
    Verdict.NEAR_LOW: "warning",
    Verdict.FINE: "ok",
    Verdict.UNJUDGED: "unknown",
    Verdict.UNKNOWN: "unknown",
}


def read_optics_name() -> str:
    """Which stretch of optics is asked for; a day where the name isn't known."""
    name = request.args.get("optics", "")
    return name if name in _SPANS else NAMES[0]


def name_optics_window(name: str, now: dt.datetime) -> Window:
    length, step = _SPANS[name]
    end = -(-to_ms(now) // step) * step
    return Window(name, end - length, end, step)


@noc.get("/ports/<int:port_id>/optics.csv")
def port_optics_csv(port_id: int) -> Response:
    """Every reading of every lane in the stretch; what wasn't told is left empty."""
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port_now(session, scope, port_id, now)
    module = read_port_optics(session, scope, found.id, now).module
    window = name_optics_window(read_optics_name(), now)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(CSV_HEAD)
    # Of a port without a module the head alone, as of one that wasn't measured.
    lanes = (
        []
        if module is None
        else read_optic_samples(session, scope, module, window.start, window.end)
    )
    for number, columns in enumerate(lanes, start=1):
        for place, ts in enumerate(columns.ts.tolist()):
            values = [
                "" if (raw := int(columns.values[name][place])) == missing else raw / 1000
                for name, missing in NO_OPTICS.items()
            ]
            writer.writerow([format_instant(ts), number, *values])
    name = safe_name(f"{found.device_name}-{found.name}-optics-{window.name}")
    return Response(
        buffer.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def chart_optics(module: Module, lanes: Sequence[Columns], window: Window) -> dict[str, Any]:
    """dBm received, of several lanes the weakest, in a band over all of them; and dBm sent.

    No light is marked, not drawn: as a level it would leave no room for those that are.
    """
    received = [_levels(columns, "rx_mdbm", window) for columns in lanes]
    sent = [_levels(columns, "tx_mdbm", window) for columns in lanes]
    several = len(lanes) > 1
    rx = _least([mean for _low, mean, _high in received])
    low = _least([low for low, _mean, _high in received])
    high = -_least([-high for _low, _mean, high in received])
    tx = _least([mean for _low, mean, _high in sent])
    limits = module.limits.get("rx", {})
    lines = [
        {"label": label, "value": limits[name] / 1000, "role": role}
        for name, label, role in (
            ("low_warning", _("Low warning"), "derated"),
            ("low_alarm", _("Low alarm"), "limit"),
        )
        if name in limits
    ]
    known = [values[~np.isnan(values)] for values in (low, high, tx)]
    levels = [float(edge(values)) for values in known if len(values) for edge in (np.min, np.max)]
    levels += [float(str(line["value"])) for line in lines]
    bounds = (min(levels), max(levels)) if levels else (-20.0, 0.0)
    return {
        "x": list(range(window.start // 1000, window.end // 1000, window.step_ms // 1000)),
        "unit": "dBm",
        "zone": choose_zone(),
        "range": [int(np.floor(bounds[0] - 1)), int(np.ceil(bounds[1] + 1))],
        "series": [
            {"label": _("Received, largest"), "values": listed(high, 1), "role": "faint"},
            {"label": _("Received, smallest"), "values": listed(low, 1), "role": "faint"},
            {
                "label": _("Received, weakest lane") if several else _("Received, mean"),
                "values": listed(rx, 1),
                "role": "main",
            },
            {
                "label": _("Sent, weakest lane") if several else _("Sent, mean"),
                "values": listed(tx, 1),
                "role": "second",
            },
        ],
        "bands": [[0, 1]],
        "lines": lines,
        "spans": [
            {"from": low / 1000, "to": high / 1000, "role": "down", "label": _("No light")}
            for low, high in find_dark(lanes, window)
        ],
    }


def find_dark(lanes: Sequence[Columns], window: Window) -> list[tuple[int, int]]:
    """Where a lane received no light, by steps of the window joined to stretches, UTC epoch ms."""
    steps = sorted(
        {
            int(step)
            for columns in lanes
            for step in columns.ts[columns.values["rx_mdbm"] == NO_LIGHT] // window.step_ms
        }
    )
    found: list[tuple[int, int]] = []
    for step in steps:
        low, high = step * window.step_ms, (step + 1) * window.step_ms
        if found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def describe_optics(module: Module) -> str:
    """The finding in words."""
    levels = [lane.rx_dbm for lane in module.lanes if lane.rx_dbm is not None]
    if not levels:
        return str(_("No receive power was read"))
    return str(_("Weakest receive power %(dbm)s dBm", dbm=f"{min(levels):.2f}"))


def _levels(columns: Columns, name: str, window: Window) -> tuple[Floats, Floats, Floats]:
    found = bucket_levels(columns, name, window.start, window.end, window.step_ms, above=NO_LIGHT)
    return found.low / 1000, found.mean / 1000, found.high / 1000


def _least(several: Sequence[Floats]) -> Floats:
    """The smallest at each step of those that know it; NaN where none does."""
    least: Floats = np.fmin.reduce(np.stack(several))
    return least
