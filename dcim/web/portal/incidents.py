"""Own incidents: what each meant, contesting one, and what was decided about it."""

from typing import Any

from flask import Response, flash, render_template, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.paging import EVERYTHING
from dcim.sla.contests import ContestFilter, contest_incident, list_contests
from dcim.sla.overrules import OverruleFilter, list_overrules
from dcim.sla.queries import find_incident, list_incidents
from dcim.web.incident_words import CAUSE_CLASSES, CONTEST_WORDS, RULING_WORDS
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import INCIDENT_WORDS, LOOKS
from dcim.web.staff.answers import answer_form
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.placing_forms import MISSING, strip

WORDS = {
    "words": INCIDENT_WORDS,
    "looks": LOOKS,
    "rulings": RULING_WORDS,
    "classes": CAUSE_CLASSES,
    "contest_words": CONTEST_WORDS,
}


class ContestForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(
        _l("What is wrong with the incident"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=4000)],
    )


@portal.get("/incidents")
def incidents() -> str:
    session, scope = db_session(), current_scope()
    listing = read_listing()
    open_ones = list_contests(session, scope, ContestFilter(state="open"), EVERYTHING)
    return render_template(
        "portal/incidents.html",
        found=list_incidents(session, scope, paging=listing.paging),
        contested={one.incident_id for one in open_ones.items},
        listing=listing,
        **WORDS,
    )


@portal.get("/incidents/<int:incident_id>")
def incident(incident_id: int) -> str:
    session, scope = db_session(), current_scope()
    one = find_incident(session, scope, incident_id)
    return render_template(
        "portal/incident.html",
        one=one,
        contests=list_contests(
            session, scope, ContestFilter(incident_id=incident_id), EVERYTHING
        ).items,
        overrules=list_overrules(
            session, scope, OverruleFilter(incident_id=incident_id), EVERYTHING
        ).items,
        crumbs=[(_("Incidents"), url_for("portal.incidents")), (f"INC-{one.id}", "")],
        **WORDS,
    )


@portal.route("/incidents/<int:incident_id>/contest", methods=["GET", "POST"])
def contest(incident_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ContestForm()
    one = find_incident(session, scope, incident_id)
    back = url_for("portal.incident", incident_id=incident_id)
    context: dict[str, Any] = {
        "one": one,
        "back": back,
        "crumbs": [
            (_("Incidents"), url_for("portal.incidents")),
            (f"INC-{one.id}", back),
            (_("Contest the incident"), ""),
        ],
        **WORDS,
    }

    def deed() -> str:
        contest_incident(session, scope, incident_id, form.reason.data)
        flash(_("Your contest has arrived."), "success")
        return back

    return answer_form("portal/contest.html", form, deed, **context)
