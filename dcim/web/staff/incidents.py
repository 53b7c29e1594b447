"""What waits for people about incidents, the list, and one with its evidence and its history."""

from flask import render_template, url_for
from flask_babel import lazy_gettext as _l

from dcim.accounts.audit_log import AuditFilter, list_entries
from dcim.accounts.roles import Right
from dcim.alarms.queries import AlarmFilter, AlarmRow, list_alarms
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import EVERYTHING, Page, Paging
from dcim.sla.contests import ContestFilter, list_contests
from dcim.sla.evidence_samples import read_edges
from dcim.sla.incident_links import LinkFilter, list_links
from dcim.sla.overrules import OverruleFilter, list_overrules
from dcim.sla.queries import IncidentFilter, find_incident, list_incidents
from dcim.web.incident_words import (
    CAUSE_CLASSES,
    CONTEST_WORDS,
    LINK_WORDS,
    OVERRULE_WORDS,
    RULING_WORDS,
)
from dcim.web.noc.events import KINDS, LOOKS, hits_of, name_customers
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff

QUEUE = Paging(1, 50)
ALARMS = Paging(1, 100)
WORDS = {
    "kinds": KINDS,
    "looks": LOOKS,
    "rulings": RULING_WORDS,
    "classes": CAUSE_CLASSES,
    "contest_words": CONTEST_WORDS,
    "overrule_words": OVERRULE_WORDS,
    "link_words": LINK_WORDS,
}
READINGS = {"up": _l("Up"), "down": _l("Down"), "unknown": _l("Unknown")}
ORIGINS = {"manual": True, "measured": False}


@staff.get("/incidents")
def incidents() -> str:
    """What waits first, then the incidents, newest first."""
    session, scope = db_session(), current_scope()
    kind, origin = read_text("kind"), read_text("origin")
    listing = read_listing()
    wanted = IncidentFilter(
        kind=kind if kind in KINDS else None,
        manual=ORIGINS.get(origin),
        open_only=read_text("state") == "open",
        customer_id=read_int("customer"),
    )
    names = name_customers(session, scope)
    return render_template(
        "staff/incidents.html",
        contests=list_contests(session, scope, ContestFilter(state="open"), QUEUE),
        proposals=list_overrules(session, scope, OverruleFilter(state="open"), QUEUE),
        found=list_incidents(session, scope, wanted, listing.paging),
        hits=lambda incident: hits_of(incident, names),
        listing=listing,
        wanted=wanted,
        origin=origin if origin in ORIGINS else "",
        **WORDS,
    )


@staff.get("/incidents/<int:incident_id>")
def incident(incident_id: int) -> str:
    session, scope = db_session(), current_scope()
    one = find_incident(session, scope, incident_id)
    names = name_customers(session, scope)
    title = pick_text(one.what, one.what_en)
    return render_template(
        "staff/incident.html",
        one=one,
        title=title,
        hits=hits_of(one, names),
        resources=[entry["resource"] for entry in one.evidence if "resource" in entry],
        series=[entry for entry in one.evidence if "series" in entry],
        samples=read_edges(session, scope, one),
        readings=READINGS,
        contests=list_contests(
            session, scope, ContestFilter(incident_id=incident_id), EVERYTHING
        ).items,
        overrules=list_overrules(
            session, scope, OverruleFilter(incident_id=incident_id), EVERYTHING
        ).items,
        links=list_links(session, scope, LinkFilter(incident_id=incident_id), EVERYTHING).items,
        alarms=_read_alarms(incident_id),
        deeds=list_entries(
            session, scope, AuditFilter(subject=f"incident/{incident_id}"), Paging(1, 100)
        ).items,
        crumbs=[(_("Incidents"), url_for("staff.incidents")), (f"INC-{one.id}", "")],
        **WORDS,
    )


def _read_alarms(incident_id: int) -> Page[AlarmRow]:
    """Those it was opened for and their consequences; nothing for who may see no alarms."""
    if not has_right(Right.SEE_NETWORK):
        return Page([], 0, 1, ALARMS.size)
    wanted = AlarmFilter(incident_id=incident_id)
    return list_alarms(db_session(), current_scope(), wanted, ALARMS, now=utc_now(), sort="since")
