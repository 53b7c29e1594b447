"""Own people: who may sign in for the customer; invited, changed and disabled by one's own
administrator."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from dcim.accounts.own_people import (
    change_role,
    invite_person,
    list_own_people,
    renew_password,
    set_active,
)
from dcim.accounts.people import NewPerson
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import choose_language
from dcim.i18n import gettext as _
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.placing_forms import MISSING, strip

ROLE_WORDS = {
    "customer_viewer": _l("Viewer"),
    "customer_administrator": _l("Administrator"),
}


class PersonForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("Full name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    email = StringField(
        _l("Mail"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    role = RadioField(
        _l("Portal role"),
        choices=[SelectChoice(name, label) for name, label in ROLE_WORDS.items()],
        default="customer_viewer",
    )
    language = SelectField(
        _l("Language"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")]
    )


@portal.get("/people")
def people() -> str:
    return _show()


@portal.route("/people/new", methods=["GET", "POST"])
def invite() -> Response | str:
    """Answered with the list and the one-time password, shown this once."""
    form = PersonForm(language=choose_language()) if request.method == "GET" else PersonForm()
    context: dict[str, Any] = {
        "crumbs": [(_("People"), url_for("portal.people")), (_("New person"), "")]
    }
    if request.method == "GET":
        return show_form("portal/person_new.html", form, **context)
    if not form.validate():
        return show_form("portal/person_new.html", form, 422, **context)
    try:
        made = invite_person(
            db_session(), current_scope(), name=form.name.data, email=form.email.data,
            role=form.role.data, language=form.language.data,
        )  # fmt: skip
    except JifangError as error:
        return show_form("portal/person_new.html", form, refuse(form, error), **context)
    return _show(made=made)


@portal.post("/people/<int:user_id>/role")
def change_person(user_id: int) -> Response | BaseResponse:
    def deed() -> None:
        change_role(db_session(), current_scope(), user_id, request.form.get("role", ""))
        flash(_("The role is changed; it counts at once."), "success")

    return _answer(deed)


@portal.post("/people/<int:user_id>/disable")
def disable_person(user_id: int) -> Response | BaseResponse:
    def deed() -> None:
        set_active(db_session(), current_scope(), user_id, active=False)
        flash(_("This person can't sign in any more; tokens and sessions ended."), "success")

    return _answer(deed)


@portal.post("/people/<int:user_id>/enable")
def enable_person(user_id: int) -> Response | BaseResponse:
    def deed() -> None:
        set_active(db_session(), current_scope(), user_id, active=True)
        flash(_("This person may sign in again."), "success")

    return _answer(deed)


@portal.route("/people/<int:user_id>/password", methods=["GET", "POST"])
def renew_person_password(user_id: int) -> Response | BaseResponse | str:
    """Answered with the list and the one-time password, shown this once. Opened again, as by a
    change of language, it renews nothing."""
    if request.method != "POST":
        return go_on(url_for("portal.people"))
    try:
        made = renew_password(db_session(), current_scope(), user_id)
    except JifangError as error:
        return _refuse(error)
    return _show(made=made)


def _answer(deed: Callable[[], None]) -> Response | BaseResponse:
    try:
        deed()
    except JifangError as error:
        return _refuse(error)
    return go_on(url_for("portal.people"))


def _refuse(error: JifangError) -> Response:
    """The list again, with what stood in the way."""
    if error.status == 404:
        raise error
    problem = say(error)
    db_session().rollback()
    return make_response(_show(problem=problem), error.status)


def _show(*, made: NewPerson | None = None, problem: str = "") -> str:
    return render_template(
        "portal/people.html",
        people=list_own_people(db_session(), current_scope()),
        role_words=ROLE_WORDS,
        own_id=current_user.id,
        made=made,
        problem=problem,
    )
