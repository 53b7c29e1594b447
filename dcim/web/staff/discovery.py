"""What devices say that the inventory doesn't: looked at, accepted or dismissed."""

from collections.abc import Mapping
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as BaseResponse

from dcim.columns import utc_now
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import format_bits
from dcim.i18n import gettext as _
from dcim.jobs import defer_check
from dcim.kinds import KINDS
from dcim.network.kinds import MEDIA_WORDS
from dcim.snmp.agents.queries import find_agent, list_agents
from dcim.snmp.discovery.findings import (
    DECISIONS,
    SUBJECTS,
    FindingFilter,
    FindingRow,
    accept_findings,
    dismiss_findings,
    list_findings,
)
from dcim.web.network_names import NEIGHBOUR_DOUBTS
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff

FINDING_KIND_NAMES = {
    "new": _l("New"),
    "changed": _l("Changed"),
    "renamed": _l("Renamed"),
    "gone": _l("Gone"),
}
SUBJECT_NAMES = {
    "identity": _l("Identity"),
    "port": _l("Port"),
    "outlet": _l("Outlet"),
    "sensor": _l("Sensor"),
    "meter": _l("Meter"),
    "link": _l("Link"),
    "neighbour": _l("Unknown neighbour"),
}
DECISION_NAMES = {"open": _l("Undecided"), "accepted": _l("Accepted"), "dismissed": _l("Dismissed")}
# MIB objects are called what they are called; the rest is ours.
DETAIL_NAMES = {
    "sys_name": "sysName",
    "sys_descr": "sysDescr",
    "sys_object_id": "sysObjectID",
    "profile": _l("Profile"),
    "descr": _l("Description"),
    "alias": _l("Alias on the device"),
    "speed_bps": _l("Speed"),
    "place": _l("Place"),
    "node": _l("Power node"),
    "chassis": _l("Chassis ID"),
    "remote_port": _l("Its port"),
    "remote_descr": _l("Its port's description"),
    "addresses": _l("Addresses"),
    "cabled": _l("Cabled as"),
}


@staff.get("/discovery")
def discovery() -> str:
    listing = read_listing()
    subject, decision = read_text("subject"), read_text("decision") or "open"
    wanted = FindingFilter(
        device_id=read_int("device"),
        subject=subject if subject in SUBJECTS else None,
        decision=decision if decision in DECISIONS else "open",
    )
    found = list_findings(db_session(), wanted, listing.paging)
    of_device = list_agents(db_session(), device_id=wanted.device_id) if wanted.device_id else None
    return render_template(
        "staff/discovery.html",
        found=found,
        agent=next(iter(of_device.items), None) if of_device else None,
        rows=[(row, name_finding(row), describe_finding(row)) for row in found.items],
        listing=listing,
        wanted=wanted,
        subjects=SUBJECT_NAMES,
        kinds=FINDING_KIND_NAMES,
        decisions=DECISION_NAMES,
        doubts=NEIGHBOUR_DOUBTS,
        media=MEDIA_WORDS,
        now=utc_now(),
        query=request.query_string.decode("ascii", "replace"),
    )


@staff.post("/discovery")
def decide_findings() -> BaseResponse:
    """Accept or dismiss those that are ticked: all of them, or none and why."""
    session, scope = db_session(), current_scope()
    ids = [
        int(one) for one in request.form.getlist("id")
        if one.isascii() and one.isdigit() and len(one) < 19
    ]  # fmt: skip
    try:
        if request.form.get("deed") == "accept":
            media = request.form.get("media", "smf")
            count = accept_findings(session, scope, ids, media=media, kinds=KINDS)
            words = _("%(count)s findings are accepted: the inventory says so now.", count=count)
        else:
            count = dismiss_findings(session, scope, ids)
            words = _("%(count)s findings are dismissed.", count=count)
    except JifangError as error:
        session.rollback()
        flash(say(error), "error")
    else:
        flash(words, "success")
    return go_on(_way_back())


@staff.post("/agents/<int:agent_id>/check")
def check_agent(agent_id: int) -> BaseResponse:
    session = db_session()
    agent = find_agent(session, agent_id)
    if defer_check(session, agent.id):
        flash(
            _(
                "%(device)s is being compared with the inventory; look here in a minute.",
                device=agent.device_name,
            ),
            "success",
        )
    else:
        flash(_("%(device)s waits to be checked already.", device=agent.device_name), "success")
    return go_on(url_for("staff.discovery", device=agent.device_id))


def _way_back() -> str:
    query = request.form.get("query", "")[:500]
    base = url_for("staff.discovery")
    return f"{base}?{query}" if query and query.isprintable() else base


def name_finding(row: FindingRow) -> str:
    """What it is about: the port, both ends of the link, the neighbour."""
    details: Mapping[str, Any] = row.details
    if row.subject == "link":
        return " – ".join(details.get("ends", ()))
    if row.subject == "neighbour":
        return " · ".join(
            filter(None, (details["port"], details["sys_name"] or details["chassis"]))
        )
    if row.kind == "renamed":
        return " → ".join(details["name"])
    if row.subject == "identity":
        return row.device_name
    return str(details.get("name") or details.get("place") or row.key)


def describe_finding(row: FindingRow) -> list[tuple[str, str, str]]:
    """(label, before, after); `before` is empty where there's only one thing to say."""
    told = []
    for name, label in DETAIL_NAMES.items():
        value = row.details.get(name)
        if value is None:
            continue
        if isinstance(value, list) and name not in ("addresses", "cabled"):
            before, after = (_say(name, one) for one in value)
        else:
            before, after = "", _say(name, value)
        if before or after:
            told.append((str(label), before, after or "—"))
    return told


def _say(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name == "speed_bps" and isinstance(value, int):
        return format_bits(value) if value else ""
    return str(value)
