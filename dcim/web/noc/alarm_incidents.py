"""An alarm's incident: the form with all that the alarm tells, and the one click."""

from flask import Response, flash, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from dcim.alarms.incident_opening import (
    About,
    Suggestion,
    open_incident,
    suggest_incident,
)
from dcim.alarms.queries import find_alarm
from dcim.errors import ConflictError, InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.sla.incident_subjects import find_subject_id
from dcim.sla.manual_incidents import ManualIncident
from dcim.web import alarm_words
from dcim.web.local_times import to_instant, to_local
from dcim.web.noc.blueprint import noc
from dcim.web.staff.answers import answer_form
from dcim.web.staff.incident_forms import RecordForm


class LinkForm(FlaskForm):  # type: ignore[misc]
    """Nothing to type: the incident is there."""


@noc.route("/alarms/<int:alarm_id>/incident", methods=["GET", "POST"])
def open_alarm_incident(alarm_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    alarm = find_alarm(session, scope, alarm_id)
    given: Suggestion | None = None
    try:
        given = suggest_incident(session, scope, alarm_id)
    except ConflictError:
        # Of what was typed nothing is lost: the form says it, where there was one to fill in.
        if "subject_kind" not in request.form:
            raise
    known_id = given.known_id if given else None
    form = LinkForm() if known_id else RecordForm()

    def fill() -> None:
        if given is None or known_id:
            return
        form.subject_kind.data, form.subject.data = given.subject_kind, given.subject
        form.kind.data = given.kind
        form.started_at.data = to_local(given.started_at)
        form.ended_at.data = to_local(given.ended_at)
        form.cause.data, form.cause_en.data = given.cause, given.cause_en
        name = pick_text(given.cause, given.cause_en)
        form.reason.data = _("Alarm %(number)s: %(name)s", number=alarm_id, name=name)

    def deed() -> str:
        about, wanted = (None, None) if known_id else _read(form)
        row = open_incident(session, scope, alarm_id, about, wanted)
        if row.id == known_id or not row.manual:
            flash(_("INC-%(number)s was there already and is linked.", number=row.id), "success")
        else:
            flash(_("INC-%(number)s is recorded.", number=row.id), "success")
        return url_for("noc.alarm", alarm_id=alarm_id)

    def _read(form: FlaskForm) -> tuple[About, ManualIncident]:
        started = to_instant(form.started_at.data)
        if started is None:
            raise InvalidError("Say when it began.", {"started_at": ["missing"]})
        kind = form.subject_kind.data
        about = About(kind, find_subject_id(session, kind, form.subject.data), form.kind.data)
        return about, ManualIncident(
            started, to_instant(form.ended_at.data), form.cause.data, form.cause_en.data,
            form.reason.data,
        )  # fmt: skip

    back, title = url_for("noc.alarm", alarm_id=alarm_id), _("Open an incident")
    return answer_form(
        "noc/open_incident.html",
        form,
        deed,
        fill=fill,
        title=title,
        sub=f"{pick_text(alarm.rule_name, alarm.rule_name_en)} · {alarm.label}",
        submit=_("Link INC-%(number)s", number=known_id) if known_id else _("Record an incident"),
        back=back,
        given=given,
        words=alarm_words,
        crumbs=[(_("Alarms"), url_for("noc.alarms")), (alarm.label, back), (title, "")],
    )
