"""The wall: what is wrong, since when, who is hit. Read from the other end of the room."""

from collections.abc import Sequence
from dataclasses import replace

from flask import make_response, render_template
from werkzeug.wrappers import Response

from dcim.alarms.queries import AlarmFilter, AlarmRow, list_alarms
from dcim.alarms.rounds import read_round
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.operations.queries import STANDING_STATES, list_maintenance
from dcim.paging import EVERYTHING, Paging
from dcim.sla.port_board import current_ports
from dcim.sla.port_traces import read_traces
from dcim.sla.queries import IncidentFilter, IncidentRow, list_incidents
from dcim.statements.risk_queries import RiskFilter, list_risks, sum_risks
from dcim.web import alarm_words, maintenance_words
from dcim.web.noc.alarms import has_stalled
from dcim.web.noc.blueprint import noc
from dcim.web.noc.events import KINDS, LOOKS, SOON, count_hits, hits_of, name_customers
from dcim.web.noc.plant import judge_sensor, read_plant
from dcim.web.noc.ports import is_busy, tally_board
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int

# What interrupts a customer comes first, then what takes away the spare, then what isn't known.
GRAVITY = ("power", "network", "power_feed", "temperature", "telemetry")
SHOWN_ALARMS, SHOWN_PORTS, SHOWN_RISKS = 6, 8, 6
RUNNING = RiskFilter(is_closed=False)


@noc.get("/wall")
def wall() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    incidents = list_incidents(session, scope, IncidentFilter(open_only=True), EVERYTHING).items
    incidents.sort(key=weigh)
    causes = AlarmFilter(show="causes", site_id=read_int("site"))
    alarms = list_alarms(session, scope, causes, Paging(1, SHOWN_ALARMS), now=now)
    loud = list_alarms(session, scope, replace(causes, loud=True), Paging(1, 1), now=now).items
    is_stalled = has_stalled(read_round(session), now)
    board = current_ports(session, scope, now, read_int("site"))
    ports = board.ports
    found = read_plant(session, scope, now)
    works = list_maintenance(
        session, scope, Paging(1, 5), since=now, until=now + SOON, states=STANDING_STATES,
        soonest_first=True,
    )  # fmt: skip
    bad = [port for port in ports if port.state != "up" and port.customer_id is not None]
    bad.sort(key=lambda port: (port.state != "down", port.device_name, port.id))
    full = sorted(
        (port for port in ports if is_busy(port)), key=lambda one: one.share or 0, reverse=True
    )
    uplinks = [port for port in ports if port.role == "uplink"][:SHOWN_PORTS]
    risks = list_risks(session, scope, RUNNING, Paging(1, SHOWN_RISKS))
    names = name_customers(session, scope)
    totals = sum_risks(session, scope, RUNNING)
    tag = tag_of(
        scope, incidents, alarms, loud, is_stalled, board.version, found, works, risks,
        now.replace(second=0, microsecond=0),
    )  # fmt: skip

    def render(quoted: str) -> str:
        return render_template(
            "noc/wall_part.html" if wants_part() else "noc/wall.html",
            incidents=incidents,
            hit=count_hits(incidents),
            hits=lambda incident: hits_of(incident, names),
            band=choose_band(incidents, alarms.items, loud, tally_board(board).down, is_stalled),
            loudest=next(iter(loud or alarms.items), None),
            alarms=alarms,
            severities=alarm_words.SEVERITIES,
            looks_of_alarms=alarm_words.LOOKS,
            bad=bad,
            full=full,
            shown=SHOWN_PORTS,
            uplinks=uplinks,
            traces=read_traces(session, uplinks, now),
            tally=tally_board(board),
            site=next((one for one in board.sites if one.id == board.site_id), None)
            if board.site_id
            else None,
            plant=found,
            judge_sensor=judge_sensor,
            works=works.items,
            words_of_works=maintenance_words.STATES,
            looks_of_works=maintenance_words.LOOKS,
            risks=[row for row in risks.items if row.at_risk or row.open_since],
            totals=totals,
            newest=board.newest,
            kinds=KINDS,
            looks=LOOKS,
            tag=quoted,
            stale_after=STALE_S,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def choose_band(
    incidents: Sequence[IncidentRow],
    alarms: Sequence[AlarmRow],
    loud: Sequence[AlarmRow],
    ports_down: int,
    is_stalled: bool,
) -> str:
    """What is told first of all: what interrupts somebody before what is grave, that before what
    isn't, that before what is being worked on or was put off (`alarms` that aren't `loud`). All
    begin with the worst."""
    grave = bool(loud) and loud[0].severity != "warning"
    interrupts = bool(incidents) and not weigh(incidents[0])[0]
    for what, is_so in (
        ("incident", interrupts),
        ("alarm", grave),
        ("ports", ports_down > 0),
        ("incident", bool(incidents)),
        ("alarm", bool(alarms)),
        ("stalled", is_stalled),
    ):
        if is_so:
            return what
    return "well"


def weigh(incident: IncidentRow) -> tuple[bool, int, float]:
    """Gravest first; of the same gravity the one that lasts longest."""
    harmless = not any(impact.severity == "down" for impact in incident.impacts)
    place = GRAVITY.index(incident.kind) if incident.kind in GRAVITY else len(GRAVITY)
    return harmless, place, incident.started_at.timestamp()
