"""All sites at a glance, the worst first: the NOC's first page, and on a wall."""

import datetime as dt
from zoneinfo import ZoneInfo

from flask import current_app, make_response, render_template, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.alarms.queries import AlarmFilter, list_alarms
from dcim.alarms.site_hits import find_site_hits
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.inventory.queries import SiteRow, list_sites
from dcim.operations.queries import STANDING_STATES, MaintenanceRow, list_maintenance
from dcim.paging import EVERYTHING
from dcim.sla.queries import IncidentFilter, list_incidents
from dcim.sla.whereabouts import locate_incidents, locate_works
from dcim.snmp.agents.queries import count_states_by_site
from dcim.snmp.health.report import find_stalled
from dcim.statements.risk_queries import RiskFilter, sum_risks, sum_risks_by_site
from dcim.web import alarm_words, maintenance_words
from dcim.web.noc.blueprint import noc
from dcim.web.noc.events import KINDS, LOOKS
from dcim.web.noc.site_board import STATES, Board, SiteNow, count_customers
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_text

WORDS = {
    "down": _l("Something is down"),
    "unknown": _l("Nothing is heard of it"),
    "warning": _l("Needs a look"),
    "unpolled": _l("Nothing is polled here"),
    "ok": _l("Nothing is wrong"),
}
STATE_LOOKS = {state: "unknown" if state == "unpolled" else state for state in STATES}
HOWS = {**alarm_words.HOWS, "concerned": _l("Concerned")}
HOW_LOOKS = {**alarm_words.HOW_LOOKS, "concerned": "warning"}


@noc.get("/overview")
def overview() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    settings = current_app.config["JIFANG"]
    sites = list_sites(session, scope, EVERYTHING).items
    alarms = list_alarms(session, scope, AlarmFilter(show="causes"), EVERYTHING, now=now).items
    incidents = list_incidents(session, scope, IncidentFilter(open_only=True), EVERYTHING).items
    works = _read_works(session, scope, sites, now)
    risks = sum_risks_by_site(session, scope, now)
    totals = sum_risks(session, scope, RiskFilter(is_closed=False))
    agents = count_states_by_site(session, find_stalled(now, settings.poll_interval_s))
    tag = tag_of(
        scope, sites, alarms, incidents, works, risks, totals, agents,
        now.replace(second=0, microsecond=0),
    )  # fmt: skip

    def render(quoted: str) -> str:
        board = Board(sites, now)
        board.add_alarms(alarms)
        board.add_incidents(incidents, locate_incidents(session, incidents))
        board.add_hits(find_site_hits(session, scope, now))
        board.add_works(works, locate_works(session, works))
        board.add_risks(risks)
        board.add_agents(agents, STALE_S)
        found = board.sites()
        newest = max((one.newest for one in agents.values() if one.newest), default=None)
        return render_template(
            "noc/overview_part.html" if wants_part() else "noc/overview.html",
            sites=found,
            hit=count_customers(found),
            totals=totals,
            newest=newest,
            is_stale=_is_stale(found, newest, now),
            stale_after=STALE_S,
            kinds=KINDS,
            looks=LOOKS,
            state_looks=STATE_LOOKS,
            words=WORDS,
            hows=HOWS,
            how_looks=HOW_LOOKS,
            severities=alarm_words.SEVERITIES,
            words_of_works=maintenance_words.STATES,
            looks_of_works=maintenance_words.LOOKS,
            wall=read_text("wall") == "1",
            wall_url=url_for("noc.overview", wall=1),
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def _read_works(
    session: Session, scope: Scope, sites: list[SiteRow], now: dt.datetime
) -> list[MaintenanceRow]:
    """What runs now or comes before the day ends, where it ends last."""
    zones = {site.timezone for site in sites}
    days = [now.astimezone(ZoneInfo(name)).date() + dt.timedelta(days=1) for name in zones]
    ends = [
        dt.datetime.combine(day, dt.time(), ZoneInfo(name)).astimezone(dt.UTC)
        for day, name in zip(days, zones, strict=True)
    ]
    return list_maintenance(
        session, scope, EVERYTHING, since=now, until=max(ends, default=now),
        states=STANDING_STATES, soonest_first=True,
    ).items  # fmt: skip


def _is_stale(sites: list[SiteNow], newest: dt.datetime | None, now: dt.datetime) -> bool:
    """Of the whole house: nothing is heard where something should be."""
    asked = any(site.agents is not None and site.agents.asked for site in sites)
    return asked and (newest is None or (now - newest).total_seconds() > STALE_S)
