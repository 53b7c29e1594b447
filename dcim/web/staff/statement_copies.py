"""Marked copies of a statement: who has one, making one for somebody, and the file."""

from typing import cast

from flask import Response, current_app, flash, make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from dcim.config import Settings
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.statements.marked_copies import LONGEST, list_copies, make_copy, read_copy
from dcim.statements.queries import find_statement
from dcim.web.staff.answers import go_on, refuse
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.blueprint import staff
from dcim.web.staff.placing_forms import MISSING, strip


class CopyForm(FlaskForm):  # type: ignore[misc]
    recipient = StringField(
        _l("Made for"),
        description=_l("Stands across every page, for example the auditor who gets the copy."),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=LONGEST)],
    )


@staff.get("/statements/<int:statement_id>/copies")
def statement_copies(statement_id: int) -> Response:
    return _show(statement_id, CopyForm())


@staff.post("/statements/<int:statement_id>/copies")
def make_statement_copy(statement_id: int) -> Response | BaseResponse:
    """Draw, sign and register one more; it takes some seconds."""
    session, scope, form = db_session(), current_scope(), CopyForm()
    find_statement(session, scope, statement_id)
    if not form.validate():
        return _show(statement_id, form, 422)
    settings = cast(Settings, current_app.config["JIFANG"])
    try:
        copy = make_copy(session, scope, settings, statement_id, form.recipient.data)
    except JifangError as error:
        return _show(statement_id, form, refuse(form, error))
    flash(_("The copy for %(recipient)s is made.", recipient=copy.recipient), "success")
    return go_on(url_for("staff.statement_copies", statement_id=statement_id))


@staff.get("/statements/copies/<int:marked_copy_id>.pdf")
def statement_copy_pdf(marked_copy_id: int) -> Response:
    """The copy as it was registered, byte for byte. The download is audited."""
    settings = cast(Settings, current_app.config["JIFANG"])
    name, content = read_copy(db_session(), current_scope(), settings, marked_copy_id)
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _show(statement_id: int, form: CopyForm, status: int = 200) -> Response:
    session, scope, listing = db_session(), current_scope(), read_listing()
    fragment = request.method == "POST" and bool(request.headers.get("HX-Request"))
    page = render_template(
        "staff/copy_form.html" if fragment else "staff/statement_copies.html",
        one=find_statement(session, scope, statement_id),
        found=list_copies(session, scope, statement_id, listing.paging),
        listing=listing,
        form=form,
        crumbs=[(_("Statements"), url_for("staff.statements")), (_("Marked copies"), "")],
    )
    return make_response(page, status)
