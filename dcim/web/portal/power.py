"""Own power over time: each feed of a cabinet against its limits, the energy, and as CSV."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, render_template, url_for

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.metering.batch import Columns
from dcim.sla.feeds import find_derated_w
from dcim.sla.own_power import (
    ContractedSpan,
    FeedPower,
    HeldRack,
    PowerFigures,
    add_feeds,
    clip_spans,
    list_held_racks,
    read_contracted,
    read_feeds,
    step_power,
    sum_up,
)
from dcim.sla.own_racks import read_own_racks
from dcim.web.charts import Window, chart_power
from dcim.web.portal.blueprint import portal
from dcim.web.power_csv import answer_power_csv
from dcim.web.refreshing import STALE_S
from dcim.web.staff.arguments import read_int
from dcim.web.windows import read_window, to_ms, window_links

WINDOWS = ("24h", "7d", "30d", "month")
# The longest window, and a day for zones apart.
PAST = dt.timedelta(days=32)


@dataclass(frozen=True, slots=True)
class Shown:
    """One chart: a feed, or with `feed` "" all of them together."""

    feed: str
    chart: dict[str, Any]
    figures: PowerFigures


@portal.get("/power")
def power() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    racks = read_own_racks(session, scope, now)
    held = list_held_racks(session, scope, now - PAST, now)
    chosen = _choose(held)
    window = read_window(now)
    values = {"rack": chosen.rack_id} if chosen else {}
    shown: list[Shown] = []
    if chosen is not None and chosen.spans:
        feeds = read_feeds(session, scope, chosen, window.start, window.end)
        end = min(window.end, to_ms(now))
        contracted = read_contracted(session, scope, chosen.rack_id, window.start, end)
        shown = draw_feeds(feeds, contracted, clip_spans(chosen, window.start, end), window, end)
    instants = [f.measured_at for rack in racks for f in rack.feeds if f.measured_at is not None]
    return render_template(
        "portal/power.html",
        racks=racks,
        former=[one for one in held if one.rack_id not in {rack.rack.id for rack in racks}],
        chosen=chosen,
        shown=shown,
        summary=summarise,
        windows=window_links(window, "portal.power", WINDOWS, **values),
        window=window,
        csv_url=url_for("portal.power_csv", rack_id=chosen.rack_id, window=window.name)
        if chosen and shown
        else "",
        newest=max(instants, default=None),
        stale_after=STALE_S,
    )


@portal.get("/power/<int:rack_id>/power.csv")
def power_csv(rack_id: int) -> Response:
    """The steps of the charts, those in which nothing was measured with empty fields."""
    session, scope, now = db_session(), current_scope(), utc_now()
    held = list_held_racks(session, scope, now - PAST, now)
    rack = next((one for one in held if one.rack_id == rack_id and one.spans), None)
    if rack is None:
        raise NotFoundError("No such cabinet.")
    window = read_window(now)
    feeds = read_feeds(session, scope, rack, window.start, window.end)
    end = min(window.end, to_ms(now))
    contracted = read_contracted(session, scope, rack_id, window.start, end)
    own = clip_spans(rack, window.start, end)
    return answer_power_csv(feeds, contracted, own, window, f"{rack.name}-power-{window.name}")


def draw_feeds(
    feeds: Sequence[FeedPower],
    contracted: Sequence[ContractedSpan],
    own: Sequence[tuple[int, int]],
    window: Window,
    end: int,
) -> list[Shown]:
    """All feeds together against the contract, then each against its breaker; until `end`, UTC
    epoch ms."""

    def draw(
        name: str,
        columns: Columns,
        lines: list[tuple[str, int, str]],
        contracted: Sequence[ContractedSpan] = (),
    ) -> Shown:
        steps = step_power(columns, window.start, end, window.step_ms)
        chart = chart_power(columns, window, end, own, lines, contracted)
        return Shown(name, chart, sum_up(steps, own))

    shown = [
        draw(
            feed.feed,
            feed.columns,
            [(_("derated"), feed.derated_w, "derated"), (_("rated"), feed.rated_w, "limit")],
            contracted if len(feeds) == 1 else (),
        )
        for feed in feeds
    ]
    if len(feeds) > 1:
        usable = find_derated_w(feed.circuit for feed in feeds)
        lines = [(_("one feed"), usable, "derated")]
        together = draw("", add_feeds(feeds), lines, contracted)
        # Each meter's own energy: their sum is known better than power over time.
        known = [one.figures.energy_mwh for one in shown if one.figures.energy_mwh is not None]
        figures = replace(together.figures, energy_mwh=sum(known) if known else None)
        shown.insert(0, replace(together, figures=figures))
    return shown


def summarise(one: Shown) -> str:
    """The finding of a chart in words."""
    name = _("Feed %(name)s", name=one.feed) if one.feed else _("All feeds together")
    if one.figures.high_mw is None:
        return _("%(name)s: nothing was measured", name=name)
    return _("%(name)s: at most %(kw)s kW", name=name, kw=f"{one.figures.high_mw / 1e6:.2f}")


def _choose(held: Sequence[HeldRack]) -> HeldRack | None:
    """The one asked for, else the first that is measured for the customer alone."""
    wanted = read_int("rack")
    if wanted is not None:
        found = next((one for one in held if one.rack_id == wanted), None)
        if found is None:
            raise NotFoundError("No such cabinet.")
        return found
    return next((one for one in held if one.spans), next(iter(held), None))
