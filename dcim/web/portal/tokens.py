"""One's own API tokens: made, shown once, revoked."""

import datetime as dt
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from dcim.accounts.queries import find_own_token, list_tokens
from dcim.accounts.tokens import create_token, revoke_token
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on, show_form
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.placing_forms import MISSING, strip


class TokenForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("What it is for"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    days = IntegerField(
        _l("Days it lives"),
        default=90,
        validators=[InputRequired(MISSING), NumberRange(1, 365, _l("From 1 to 365."))],
    )
    purpose = SelectField(
        _l("What it may"),
        choices=[
            SelectChoice("all", _l("what you may, for your company alone")),
            SelectChoice(
                "readings", _l("fetch the current readings of ports and power, nothing else")
            ),
        ],
    )


@portal.get("/tokens")
def tokens() -> str:
    return _show()


@portal.route("/tokens/new", methods=["GET", "POST"])
def add_token() -> Response | str:
    """Answered with the list and the token, shown this once."""
    form = TokenForm()
    context: dict[str, Any] = {
        "crumbs": [(_("API tokens"), url_for("portal.tokens")), (_("New token"), "")]
    }
    if request.method == "GET":
        return show_form("portal/token_new.html", form, **context)
    if not form.validate():
        return show_form("portal/token_new.html", form, 422, **context)
    life = dt.timedelta(days=form.days.data)
    made = create_token(
        db_session(), current_scope(), current_user, form.name.data, life, form.purpose.data
    )
    return _show(made.plaintext)


@portal.post("/tokens/<int:token_id>/revoke")
def revoke_own_token(token_id: int) -> BaseResponse:
    session = db_session()
    token = find_own_token(session, current_user.id, token_id)
    revoke_token(session, current_scope(), token.id)
    flash(_("The token is revoked; it opens nothing any more."), "success")
    return go_on(url_for("portal.tokens"))


def _show(plaintext: str = "") -> str:
    listing = read_listing()
    return render_template(
        "portal/tokens.html",
        found=list_tokens(db_session(), current_user.id, listing.paging),
        listing=listing,
        plaintext=plaintext,
        now=utc_now(),
    )
