"""Carriers, lines, sites, customers and LAGs together: bought and sold, what flows, when it runs
out."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from flask import make_response, render_template, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import choose_zone
from dcim.paging import slice_page
from dcim.sla.aggregates import (
    GROUPINGS,
    Aggregate,
    read_aggregates,
    sum_aggregates,
)
from dcim.sla.lags import count_unknown_lags
from dcim.sla.rules.runout import HORIZON_DAYS, LEAST_DAYS, RunOut
from dcim.sla.traffic_rounds import BEAT_S
from dcim.web.noc.blueprint import noc
from dcim.web.noc.lag_words import LAG_LOOKS
from dcim.web.noc.ports import count_pages
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_listing, read_text

WORDS = {
    "carrier": _l("Carriers"),
    "line": _l("Circuits"),
    "site": _l("Sites"),
    "customer": _l("Customers"),
    "lag": _l("LAGs"),
}
# Three rounds missed: what is shown is old.
STALE_S = 3 * BEAT_S
FAR = 10**9
LAG_GRAVITY = {"down": 0, "degraded": 1, "unknown": 2, "ok": 3}

Key = Callable[[Aggregate], Any]
SORTS: dict[str, Key] = {
    "name": lambda one: one.code,
    "bought": lambda one: one.bought or None,
    "sold": lambda one: one.sold or None,
    "contention": lambda one: one.contention,
    "now": lambda one: one.lag.busier_bps if one.lag else one.busier,
    "p95": lambda one: one.month.p95 if one.month else None,
    "share": lambda one: one.share,
    "forecast": lambda one: one.forecast.p95 if one.forecast else None,
    "space": lambda one: one.space.share if one.space else None,
    "power": lambda one: one.power.measured_share if one.power else None,
    "runout": lambda one: weigh_run_out(one.runs_out),
    "state": lambda one: LAG_GRAVITY[one.lag.state] if one.lag else None,
    "speed": lambda one: one.lag.speed_bps if one.lag else None,
    "load": lambda one: one.lag.share if one.lag else None,
    "imbalance": lambda one: one.lag.imbalance[1] if one.lag and one.lag.imbalance else None,
}


@noc.get("/aggregates")
def aggregates() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    listing = read_listing(tuple(SORTS), 50)
    by = read_text("by")
    grouping = next((one for one in GROUPINGS if one == by), GROUPINGS[0])
    found = read_aggregates(session, scope, grouping, now, choose_zone())
    wanted = read_text("q")
    rows = sort_aggregates(select_aggregates(found, wanted), listing.sort, listing.descending)
    page = slice_page(rows, listing.paging)
    newest = max((one.measured_at for one in found if one.measured_at), default=None)
    is_stale = newest is not None and (now - newest).total_seconds() > STALE_S
    totals = sum_aggregates(rows)
    states = Counter(one.lag.state for one in rows if one.lag)
    unknown_lags = count_unknown_lags(session) if grouping == "lag" else 0
    tag = tag_of(scope, page, totals, states, unknown_lags, newest, is_stale)

    def render(quoted: str) -> str:
        return render_template(
            "noc/aggregates_part.html" if wants_part() else "noc/aggregates.html",
            page=page,
            pages=count_pages(page.total, page.size),
            listing=listing,
            grouping=grouping,
            choices=[
                (WORDS[name], url_for("noc.aggregates", by=name), name == grouping)
                for name in GROUPINGS
            ],
            wanted=wanted,
            totals=totals,
            states=states,
            unknown_lags=unknown_lags,
            lag_looks=LAG_LOOKS,
            least_days=LEAST_DAYS,
            horizon_months=round(HORIZON_DAYS / 30.4),
            newest=newest,
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def select_aggregates(found: Sequence[Aggregate], wanted: str) -> list[Aggregate]:
    needle = wanted.casefold()
    return [
        one
        for one in found
        if any(needle in text.casefold() for text in (one.code, one.name, one.name_en, one.place))
    ]


def sort_aggregates(found: Sequence[Aggregate], sort: str, descending: bool) -> list[Aggregate]:
    """What isn't known stands last either way."""
    keyed = [(SORTS[sort](one), one) for one in found]
    known = [one for one in keyed if one[0] is not None]
    known.sort(key=lambda each: each[0], reverse=descending)
    return [one for _, one in known] + [one for told, one in keyed if told is None]


def weigh_run_out(found: RunOut | None) -> int | None:
    """Days of the calendar; what has run out already is first, what doesn't is last."""
    if found is None or found.state == "too_little":
        return None
    if found.state == "reached":
        return 0
    if found.likely is not None:
        return found.likely.toordinal()
    return FAR if found.state == "beyond" else FAR - 1
