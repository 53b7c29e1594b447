"""Claims of credits: what waits for a decision, and deciding one."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.statements.claim_models import CLAIM_STATES
from dcim.statements.credit_claims import ClaimFilter, decide_claim, find_claim, list_claims
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.placing_forms import MISSING, strip


class DecisionForm(FlaskForm):  # type: ignore[misc]
    state = SelectField(
        _l("Decision"),
        choices=[SelectChoice("accepted", _l("Accept")), SelectChoice("refused", _l("Refuse"))],
    )
    reason = StringField(
        _l("Reason"),
        description=_l("The customer reads it."),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=4000)],
    )


@staff.get("/credit-claims")
def credit_claims() -> str:
    """Newest first; open ones alone unless asked for others."""
    state = read_text("state") or "open"
    listing = read_listing()
    wanted = ClaimFilter(
        customer_id=read_int("customer"), state=state if state in CLAIM_STATES else None
    )
    return render_template(
        "staff/credit_claims.html",
        found=list_claims(db_session(), current_scope(), wanted, listing.paging),
        listing=listing,
        state=state,
    )


@staff.route("/credit-claims/<int:credit_claim_id>/decide", methods=["GET", "POST"])
def decide_credit_claim(credit_claim_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    claim = find_claim(session, scope, credit_claim_id)
    form, back = DecisionForm(), url_for("staff.credit_claims")
    context: dict[str, Any] = {
        "title": _("Decide a claim"),
        "sub": f"{claim.contract_number} · {claim.period}",
        "submit": _("Decide"),
        "back": back,
        "crumbs": [(_("Claims of credits"), back), (_("Decide a claim"), "")],
    }
    if request.method == "GET":
        return show_form("staff/act.html", form, **context)
    if not form.validate():
        return show_form("staff/act.html", form, 422, **context)
    try:
        decide_claim(session, scope, credit_claim_id, form.state.data, form.reason.data)
    except JifangError as error:
        return show_form("staff/act.html", form, refuse(form, error), **context)
    flash(_("The claim is decided."), "success")
    return go_on(back)
