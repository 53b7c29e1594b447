"""Deeds about incidents: recording and correcting one, contesting, overruling by two, linking."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.sla.contests import contest_incident, find_contest, refuse_contest
from dcim.sla.incident_links import NewLink, find_link, find_window_id, link_incident, undo_link
from dcim.sla.incident_subjects import find_subject_id
from dcim.sla.manual_incidents import ManualIncident, record_incident
from dcim.sla.overrules import (
    NewOverrule,
    decide_overrule,
    find_overrule,
    propose_overrule,
    withdraw_overrule,
)
from dcim.sla.queries import IncidentRow, find_incident
from dcim.statements.recorded_incidents import edit_incident
from dcim.web.local_times import to_instant, to_local
from dcim.web.noc.events import name_customers
from dcim.web.staff.answers import answer_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.incident_forms import (
    CorrectionForm,
    DecisionForm,
    LinkForm,
    OverruleForm,
    ReasonForm,
    RecordForm,
)


def _answer(
    form: FlaskForm,
    title: str,
    submit: str,
    one: IncidentRow | None,
    deed: Callable[[], tuple[str, int]],
    *,
    sub: str = "",
    fill: Callable[[], None] | None = None,
) -> Response | BaseResponse:
    """The form, or what is wrong with it, or the deed and on to where it is seen; `deed` gives
    what is then said, and the incident's id."""
    back = (
        url_for("staff.incidents") if one is None else url_for("staff.incident", incident_id=one.id)
    )
    crumbs = [(_("Incidents"), url_for("staff.incidents"))]
    if one is not None:
        crumbs.append((f"INC-{one.id}", back))
        sub = sub or pick_text(one.what, one.what_en)
    context: dict[str, Any] = {
        "title": title, "sub": sub, "submit": submit, "back": back,
        "crumbs": [*crumbs, (title, "")],
    }  # fmt: skip

    def act() -> str:
        said, incident_id = deed()
        flash(said, "success")
        return url_for("staff.incident", incident_id=incident_id)

    return answer_form("staff/act.html", form, act, fill=fill, **context)


def _take(form: CorrectionForm) -> ManualIncident:
    started = to_instant(form.started_at.data)
    if started is None:
        raise InvalidError("Say when it began.", {"started_at": ["missing"]})
    return ManualIncident(
        started, to_instant(form.ended_at.data), form.cause.data, form.cause_en.data,
        form.reason.data,
    )  # fmt: skip


@staff.route("/incidents/new", methods=["GET", "POST"])
def record_manual_incident() -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), RecordForm()

    def deed() -> tuple[str, int]:
        kind = form.subject_kind.data
        subject = find_subject_id(session, kind, form.subject.data)
        row = record_incident(session, scope, kind, subject, form.kind.data, _take(form))
        return _("INC-%(number)s is recorded.", number=row.id), row.id

    sub = _("For what no meter saw; it counts like what was measured.")
    return _answer(form, _("Record an incident"), _("Record an incident"), None, deed, sub=sub)


@staff.route("/incidents/<int:incident_id>/edit", methods=["GET", "POST"])
def edit_manual_incident(incident_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), CorrectionForm()
    one = find_incident(session, scope, incident_id)

    def fill() -> None:
        form.started_at.data, form.ended_at.data = to_local(one.started_at), to_local(one.ended_at)
        form.cause.data, form.cause_en.data = one.cause, one.cause_en
        form.reason.data = one.reason

    def deed() -> tuple[str, int]:
        edit_incident(session, scope, incident_id, _take(form))
        return _("The incident is corrected."), one.id

    return _answer(form, _("Correct the incident"), _("Save"), one, deed, fill=fill)


@staff.route("/incidents/<int:incident_id>/contest", methods=["GET", "POST"])
def contest(incident_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()
    one = find_incident(session, scope, incident_id)

    def deed() -> tuple[str, int]:
        contest_incident(session, scope, incident_id, form.reason.data)
        return _("The incident is contested; it stays as it is until someone decides."), one.id

    return _answer(form, _("Contest the incident"), _("Contest"), one, deed)


@staff.route("/incident-contests/<int:incident_contest_id>/refuse", methods=["GET", "POST"])
def refuse_incident_contest(incident_contest_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()
    row = find_contest(session, scope, incident_contest_id)
    one = find_incident(session, scope, row.incident_id)

    def deed() -> tuple[str, int]:
        refuse_contest(session, scope, incident_contest_id, form.reason.data)
        return _("The contest is refused."), one.id

    sub = f"{row.made_by}: {row.reason}"
    return _answer(form, _("Refuse the contest"), _("Refuse"), one, deed, sub=sub)


@staff.route("/incidents/<int:incident_id>/overrule", methods=["GET", "POST"])
def overrule(incident_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), OverruleForm()
    one = find_incident(session, scope, incident_id)
    names = name_customers(session, scope)
    hit = dict.fromkeys(impact.customer_id for impact in one.impacts)
    form.customer_id.choices = [
        SelectChoice(0, _("All whom it hit")),
        *(SelectChoice(customer, names.get(customer, "")) for customer in hit),
    ]

    def fill() -> None:
        form.customer_id.data = 0
        form.starts_at.data, form.ends_at.data = to_local(one.started_at), to_local(one.ended_at)

    def deed() -> tuple[str, int]:
        ruling = form.ruling.data
        # The form shows the fields of every ruling; each takes its own.
        timed, caused = ruling == "times", ruling == "cause"
        propose_overrule(
            session,
            scope,
            NewOverrule(
                incident_id,
                ruling,
                form.reason.data,
                form.customer_id.data or None,
                to_instant(form.starts_at.data) if timed else None,
                to_instant(form.ends_at.data) if timed else None,
                form.cause_class.data if caused else "",
                form.cause.data if caused else "",
                form.cause_en.data if caused else "",
            ),
        )
        return _("It is proposed. Someone else decides."), one.id

    return _answer(form, _("Propose to overrule"), _("Propose"), one, deed, fill=fill)


@staff.route("/incident-overrules/<int:incident_overrule_id>/decide", methods=["GET", "POST"])
def decide_proposal(incident_overrule_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), DecisionForm()
    row = find_overrule(session, scope, incident_overrule_id)
    one = find_incident(session, scope, row.incident_id)

    def deed() -> tuple[str, int]:
        decide_overrule(session, scope, incident_overrule_id, form.state.data, form.reason.data)
        return _("The proposal is decided."), one.id

    sub = f"{row.proposed_by}: {row.reason}"
    return _answer(form, _("Decide the proposal"), _("Decide"), one, deed, sub=sub)


@staff.route("/incident-overrules/<int:incident_overrule_id>/withdraw", methods=["GET", "POST"])
def withdraw_proposal(incident_overrule_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()
    row = find_overrule(session, scope, incident_overrule_id)
    one = find_incident(session, scope, row.incident_id)

    def deed() -> tuple[str, int]:
        withdraw_overrule(session, scope, incident_overrule_id, form.reason.data)
        return _("The proposal is withdrawn."), one.id

    return _answer(form, _("Withdraw the proposal"), _("Withdraw"), one, deed)


@staff.route("/incidents/<int:incident_id>/link", methods=["GET", "POST"])
def link(incident_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), LinkForm()
    one = find_incident(session, scope, incident_id)

    def deed() -> tuple[str, int]:
        kind = form.kind.data
        link_incident(
            session,
            scope,
            NewLink(
                incident_id,
                kind,
                form.reason.data,
                other_id=form.other_id.data if kind in ("consequence", "merge") else None,
                maintenance_id=find_window_id(session, form.maintenance.data)
                if kind == "during_maintenance"
                else None,
                split_at=to_instant(form.split_at.data) if kind == "split" else None,
            ),
        )
        return _("It is linked."), one.id

    return _answer(form, _("Link the incident"), _("Link the incident"), one, deed)


@staff.route("/incident-links/<int:incident_link_id>/undo", methods=["GET", "POST"])
def undo_incident_link(incident_link_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()
    one = find_incident(session, scope, find_link(session, scope, incident_link_id).incident_id)

    def deed() -> tuple[str, int]:
        undo_link(session, scope, incident_link_id, form.reason.data)
        return _("The link is undone."), one.id

    return _answer(form, _("Undo the link"), _("Undo"), one, deed)
