"""PUE of a site over a day, a month or a year."""

import datetime as dt
import math
from typing import Any

from flask import render_template, request, url_for

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.minute_memory import remember_briefly
from dcim.i18n import choose_zone
from dcim.i18n import gettext as _
from dcim.inventory.queries import SiteRow, list_sites
from dcim.metering.downsampling import listed
from dcim.paging import EVERYTHING
from dcim.sla.pue import MIN_COVER, Pue
from dcim.sla.pue_meters import PueMeters, find_pue_meters, read_pue
from dcim.web.charts import DAY_MS, MINUTE_MS, Window
from dcim.web.noc.blueprint import noc
from dcim.web.staff.arguments import read_int
from dcim.web.windows import to_ms

HOUR_MS = 60 * MINUTE_MS
# How far back, and by which steps.
WINDOWS = {
    "24h": (DAY_MS, 15 * MINUTE_MS),
    "30d": (30 * DAY_MS, HOUR_MS),
    "12m": (365 * DAY_MS, DAY_MS),
}


@noc.get("/pue")
def pue() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    sites = list_sites(session, scope, EVERYTHING).items
    site = choose_site(sites, read_int("site"))
    window = choose_window(request.args.get("window", ""), now)
    meters, found = PueMeters({}, {}, 1), None
    if site is not None:
        meters = find_pue_meters(session, scope, site.id)
    if meters.is_enough:
        about = ("pue", site, window, tuple(meters.total), tuple(meters.it))
        minute = now.replace(second=0, microsecond=0)
        found = remember_briefly(
            (*about, minute),
            lambda: read_pue(session, meters, window.start, window.end, window.step_ms),
        )
    return render_template(
        "noc/pue.html",
        site=site,
        meters=meters,
        found=found,
        name=name_figure(found, meters) if found else "",
        chart=chart_pue(found, name_figure(found, meters)) if found else None,
        min_cover=MIN_COVER,
        window=window,
        windows=_window_links(window, site),
        sites=[
            (one.code, url_for("noc.pue", site=one.id, window=window.name), one == site)
            for one in sites
        ],
    )


def choose_site(sites: list[SiteRow], wanted: int | None) -> SiteRow | None:
    if wanted is None:
        return sites[0] if sites else None
    found = next((one for one in sites if one.id == wanted), None)
    if found is None:
        raise NotFoundError("No such site.")
    return found


def choose_window(name: str, now: dt.datetime) -> Window:
    """Whole steps that are over, of UTC."""
    name = name if name in WINDOWS else "24h"
    length, step = WINDOWS[name]
    end = to_ms(now) // step * step
    return Window(name, end - length, end, step)


def name_figure(found: Pue, meters: PueMeters) -> str:
    """As ISO/IEC 30134-2 has it: interim unless of a year, with its category."""
    return f"{'PUE' if found.is_annual else 'iPUE'}{meters.category}"


def chart_pue(found: Pue, name: str) -> dict[str, Any]:
    count, values = len(found.it), listed(found.values)
    highest = max((one for one in values if one is not None), default=1.4)
    return {
        "x": [(found.start + place * found.step_ms) // 1000 for place in range(count)],
        "unit": name,
        # Nothing can be below 1.
        "range": [1, math.ceil(highest * 10 + 1) / 10],
        "zone": choose_zone(),
        "series": [{"label": name, "values": values, "role": "main"}],
        "bands": [],
        "lines": [],
        "spans": [
            {"from": low / 1000, "to": high / 1000, "role": "missing", "label": _("Missing")}
            for low, high in found.gaps()
        ],
    }


def _window_links(window: Window, site: SiteRow | None) -> list[tuple[str, str, bool]]:
    words = {"24h": _("24 hours"), "30d": _("30 days"), "12m": _("12 months")}
    number = None if site is None else site.id
    return [
        (words[name], url_for("noc.pue", window=name, site=number), name == window.name)
        for name in WINDOWS
    ]
