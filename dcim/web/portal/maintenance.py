"""Planned work that concerns the customer: the list, one with its notices, approving it."""

import datetime as dt

from flask import Response, flash, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import Length

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.errors import InvalidError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.operations.consents import ASKED_STATES, decide_consent, note_reading
from dcim.operations.queries import find_maintenance, list_maintenance
from dcim.web import maintenance_words as words
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.placing_forms import strip


class ConsentForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(filters=[strip], validators=[Length(max=4000)])


@portal.get("/maintenance")
def maintenance_windows() -> str:
    """Latest first: what the customer was told of and what touches its things."""
    listing = read_listing()
    return render_template(
        "portal/maintenance_windows.html",
        found=list_maintenance(db_session(), current_scope(), listing.paging),
        listing=listing,
        words=words,
        now=utc_now(),
    )


@portal.get("/maintenance/<int:maintenance_id>")
def maintenance(maintenance_id: int) -> str:
    """Opening it is its receipt."""
    session, scope = db_session(), current_scope()
    find_maintenance(session, scope, maintenance_id)
    note_reading(session, scope, maintenance_id)
    return _show(maintenance_id)


@portal.post("/maintenance/<int:maintenance_id>/decision")
def decide_maintenance(maintenance_id: int) -> Response | BaseResponse:
    """`decision` is approved or objected."""
    session, scope = db_session(), current_scope()
    reason = ConsentForm().reason.data or ""
    try:
        decide_consent(
            session, scope, maintenance_id, request.form.get("decision", ""), reason[:4000],
            seen=_read_seen(),
        )  # fmt: skip
    except JifangError as error:
        if error.status == 404:
            raise
        session.rollback()
        return Response(_show(maintenance_id, say(error), reason), status=error.status)
    flash(_("Your decision is on record."), "success")
    return go_on(url_for("portal.maintenance", maintenance_id=maintenance_id))


def _read_seen() -> tuple[dt.datetime, dt.datetime]:
    """The times that the page showed, of which the customer decides."""
    try:
        start, end = (
            dt.datetime.fromisoformat(request.form.get(name, ""))
            for name in ("starts_at", "ends_at")
        )
    except ValueError as error:
        raise InvalidError("Open the page again and decide there.") from error
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidError("Open the page again and decide there.")
    return start, end


def _show(maintenance_id: int, problem: str = "", reason: str = "") -> str:
    row = find_maintenance(db_session(), current_scope(), maintenance_id)
    now = utc_now()
    asked = row.state in ASKED_STATES and row.starts_at > now
    return render_template(
        "portal/maintenance.html",
        row=row,
        consent=row.consents[0] if row.consents else None,
        asked=asked,
        seen=[row.starts_at.isoformat(), row.ends_at.isoformat()],
        may_decide=asked and has_right(Right.OWN_APPROVALS),
        problem=problem,
        reason=reason,
        words=words,
        now=now,
        crumbs=[(_("Maintenance"), url_for("portal.maintenance_windows")), (row.code, "")],
    )
