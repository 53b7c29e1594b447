"""PUE of a site over a day, a month or a year."""

import math
from typing import Any

from flask import Response as FileResponse
from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.board_figures import choose_site, current_pue
from dcim.http.database import current_scope, db_session
from dcim.i18n import choose_zone
from dcim.i18n import gettext as _
from dcim.inventory.queries import SiteRow, list_sites
from dcim.metering.downsampling import listed
from dcim.paging import EVERYTHING
from dcim.sla.pue import MIN_COVER, Pue
from dcim.sla.pue_meters import PueMeters
from dcim.sla.pue_rows import WINDOWS, PueStepRow, describe_steps
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, keep_board, list_kept
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.traffic_csv import safe_name

SHELF = Shelf("pue_board", "noc.pue", "noc.keep_pue")
# Steps that may be missing at the end before what is shown is old.
STALE_STEPS = 3


@noc.get("/pue")
def pue() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    sites = list_sites(session, scope, EVERYTHING).items
    site, window = choose_site(sites, read_int("site")), read_window()
    on_wall = read_text("wall") == "1"
    shown = None if site is None else current_pue(session, scope, now, site.id, window)
    found = shown.found if shown else None
    meters = shown.meters if shown else PueMeters({}, {}, 1)
    newest = shown.newest if shown else None
    stale_after = STALE_STEPS * WINDOWS[window][1] // 1000
    is_stale = newest is not None and (now - newest).total_seconds() > stale_after
    values = listed(found.values) if found else []
    tag = tag_of(scope, site, meters, found.start if found else None, values, is_stale)

    def render(quoted: str) -> str:
        return render_template(
            "noc/pue_part.html" if wants_part() else "noc/pue.html",
            site=site,
            meters=meters,
            found=found,
            name=name_figure(found, meters) if found else "",
            chart=chart_pue(found, name_figure(found, meters)) if found else None,
            min_cover=MIN_COVER,
            windows=_window_links(window, site),
            sites=[(one.code, _with(site=one.id), one == site) for one in sites],
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(site, window)),
            csv_url=_with("noc.pue_csv", wall=None),
            wall=on_wall,
            wall_url=_with(wall="1"),
            board_url=_with(wall=None),
            newest=newest,
            is_stale=is_stale,
            stale_after=stale_after,
            tag=quoted,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


@noc.post("/pue/boards")
def keep_pue() -> Response:
    sites = list_sites(db_session(), current_scope(), EVERYTHING).items
    return keep_board(SHELF, _take(choose_site(sites, read_int("site")), read_window()))


@noc.get("/pue.csv")
def pue_csv() -> FileResponse:
    """Every step of the stretch; of a site whose meters don't tell the head alone."""
    session, scope, now = db_session(), current_scope(), utc_now()
    site = choose_site(list_sites(session, scope, EVERYTHING).items, read_int("site"))
    window = read_window()
    if site is None:
        return answer_rows(PueStepRow, (), "pue", now)
    steps = describe_steps(current_pue(session, scope, now, site.id, window))
    return answer_rows(PueStepRow, steps, f"pue-{safe_name(site.code)}-{window}", now)


def read_window() -> str:
    """A day where the name isn't known."""
    name = read_text("window")
    return name if name in WINDOWS else "24h"


def _take(site: SiteRow | None, window: str) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    return {"site": site.id if site else None, "window": window}


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


def _window_links(window: str, site: SiteRow | None) -> list[tuple[str, str, bool]]:
    words = {"24h": _("24 hours"), "30d": _("30 days"), "12m": _("12 months")}
    number = None if site is None else site.id
    return [(words[name], _with(window=name, site=number), name == window) for name in WINDOWS]


def _with(endpoint: str = "noc.pue", **changes: Any) -> str:
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if value}
    values = {name: value for name, value in (kept | changes).items() if value is not None}
    return url_for(endpoint, **values)
