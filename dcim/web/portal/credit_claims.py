"""Claiming credits of an issued month."""

from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length

from dcim.columns import utc_now
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.statements.claimable import ClaimableRow, list_claimable
from dcim.statements.credit_claims import NewClaim, make_claim
from dcim.statements.queries import find_statement
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.placing_forms import MISSING, strip


class CreditClaimForm(FlaskForm):  # type: ignore[misc]
    results = SelectMultipleField(_l("Claimed for"), validators=[DataRequired(MISSING)])
    text = StringField(_l("Note"), filters=[strip], validators=[Length(max=4000)])


@portal.route("/statements/<int:statement_id>/claim", methods=["GET", "POST"])
def claim_credit(statement_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    statement = find_statement(session, scope, statement_id)
    rows = list_claimable(session, scope, statement_id, utc_now())
    form, back = CreditClaimForm(), url_for("portal.statements")
    form.results.choices = [(row.result, _say(row, statement.currency)) for row in rows]
    context: dict[str, Any] = {
        "statement": statement,
        "rows": rows,
        "crumbs": [(_("Statements"), back), (_("Claim credits"), "")],
    }
    template = "portal/claim_credit.html"
    if request.method == "GET":
        form.results.data = [row.result for row in rows]
        return show_form(template, form, **context)
    if not form.validate():
        return show_form(template, form, 422, **context)
    try:
        make_claim(
            session,
            scope,
            NewClaim(
                statement.contract_id, statement.period, tuple(form.results.data), form.text.data
            ),
        )
    except JifangError as error:
        return show_form(template, form, refuse(form, error), **context)
    flash(_("Your claim has arrived."), "success")
    return go_on(back)


def _say(row: ClaimableRow, currency: str) -> str:
    title = pick_text(row.title["zh"], row.title["en"])
    subject = pick_text(row.subject["zh"], row.subject["en"])
    return f"{title} · {subject} · {row.amount} {currency}"
