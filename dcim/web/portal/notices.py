"""Which notices a person gets by mail, in which language and zone: their own, and as their
administrator those of their people and contacts."""

from typing import Any

from flask import Response, flash, render_template, request, session, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from dcim.accounts.models import User
from dcim.accounts.roles import Right
from dcim.customers.calendar import today_in
from dcim.customers.models import Customer
from dcim.customers.queries import list_contacts
from dcim.db import find_sender
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.notices.choosing import (
    choose_notices,
    find_own_person,
    list_people,
    read_choices,
    set_reading,
)
from dcim.notices.kinds import KINDS
from dcim.notices.log import list_mails
from dcim.notices.telling import queue_own_test
from dcim.sla.announcing import list_contractual
from dcim.web.delivery_words import EVENT_WORDS, FAULT_WORDS, STATE_WORDS
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import own_id
from dcim.web.staff.answers import go_on, refuse
from dcim.web.staff.placing_forms import strip

MEANINGS = {
    "statement.issued": _l("The month's statement is issued; the PDF comes with it."),
    "statement.corrected": _l("A statement is replaced by another revision, with the reason."),
    "incident.interruption": _l("It began, changed or is over: your service was interrupted."),
    "incident.redundancy": _l("One of two feeds was lost, began or is over; your service goes on."),
    "incident.information": _l("Temperature out of range, or readings missing."),
    "maintenance.announced": _l("Work that concerns you, with its times; again when they change."),
    "maintenance.cancelled": _l("Work that was announced is given up, with the reason."),
    "maintenance.done": _l("Work that was announced is finished."),
    "ticket.own": _l("A ticket that you opened is answered, or its state changes."),
    "ticket.any": _l("The same of tickets that somebody else opened for you or with you."),
    "claim.decided": _l("A claim of credits is accepted or refused, with the reason."),
    "budget.low": _l("Three quarters of what a promise allows in the month is used, or all of it."),
}
GROUPS = (
    (_l("Statements and credits"), ("statement.issued", "statement.corrected", "claim.decided")),
    (
        _l("Incidents"),
        ("incident.interruption", "incident.redundancy", "incident.information", "budget.low"),
    ),
    (_l("Maintenance"), ("maintenance.announced", "maintenance.cancelled", "maintenance.done")),
    (_l("Tickets"), ("ticket.own", "ticket.any")),
)
# Offered first; any other IANA name may be typed.
ZONES = (
    "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Tokyo", "Asia/Singapore",
    "Asia/Kolkata", "Asia/Dubai", "Europe/Berlin", "Europe/London", "America/New_York",
    "America/Los_Angeles", "Australia/Sydney", "UTC",
)  # fmt: skip


class NoticesForm(FlaskForm):  # type: ignore[misc]
    wanted = SelectMultipleField(
        _l("Notifications by mail"),
        choices=[SelectChoice(name, EVENT_WORDS[name]) for name in KINDS],
    )
    language = SelectField(
        _l("Language"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")]
    )
    timezone = StringField(_l("Time zone"), filters=[strip], validators=[Length(max=64)])


@portal.route("/notices", methods=["GET", "POST"])
def notices() -> Response | BaseResponse | str:
    return _answer(current_user.id, url_for("portal.notices"))


@portal.route("/people/<int:user_id>/notices", methods=["GET", "POST"])
def person_notices(user_id: int) -> Response | BaseResponse | str:
    """Another's, by their administrator; nobody is told by it who hasn't the right."""
    return _answer(user_id, url_for("portal.person_notices", user_id=user_id))


@portal.post("/notices/test")
def test_notice() -> Response | BaseResponse:
    try:
        queue_own_test(db_session(), current_scope(), current_user)
    except JifangError as error:
        problem = say(error)
        db_session().rollback()
        return Response(
            _show(current_user, _open_form(current_user), problem=problem), error.status
        )
    flash(_("A test mail is on its way to %(address)s.", address=current_user.email), "success")
    return go_on(url_for("portal.notices"))


def _answer(user_id: int, address: str) -> Response | BaseResponse | str:
    store, scope = db_session(), current_scope()
    user = find_own_person(store, scope, user_id)
    if request.method == "GET":
        return _show(user, _open_form(user))
    form = NoticesForm()
    if not form.validate():
        return Response(_show(user, form), 422)
    try:
        choose_notices(store, scope, user_id, form.wanted.data or [])
        set_reading(store, scope, user_id, form.language.data, form.timezone.data or "")
    except JifangError as error:
        status = refuse(form, error)
        return Response(_show(find_own_person(store, scope, user_id), form), status)
    if user_id == current_user.id:
        session.pop("language", None)  # what was chosen lasts longer than one session
    flash(_("Saved. It counts from the next notice on."), "success")
    return go_on(address)


def _open_form(user: User) -> NoticesForm:
    wanted = [row.kind for row in read_choices(db_session(), user) if row.wanted]
    return NoticesForm(formdata=None, wanted=wanted, language=user.language, timezone=user.timezone)


def _show(user: User, form: NoticesForm, *, problem: str = "") -> str:
    store, scope = db_session(), current_scope()
    is_own = user.id == current_user.id
    allowed = {row.kind: row for row in read_choices(store, user)}
    customer = store.get_one(Customer, own_id(scope))
    others: dict[str, Any] = {}
    if is_own and has_right(Right.OWN_PEOPLE):
        found = list_contacts(store, scope, customer.id)
        others = {
            "people": list_people(store, scope),
            "contacts": [one for one in found if not one.over and one.email],
            "contractual": list_contractual(store, scope, customer.id, today_in(customer.timezone)),
        }
    context: dict[str, Any] = {
        "crumbs": [(_("Home"), url_for("portal.home")), (_("Notifications"), "")]
        if is_own
        else [(_("People"), url_for("portal.people")), (user.name, "")]
    }
    return render_template(
        "portal/notices.html",
        person=user,
        is_own=is_own,
        form=form,
        problem=problem,
        groups=[(title, [kind for kind in kinds if kind in allowed]) for title, kinds in GROUPS],
        allowed=allowed,
        words=EVENT_WORDS,
        meanings=MEANINGS,
        zones=ZONES,
        customer_zone=customer.timezone,
        is_set_up=find_sender(store) is not None,
        mails=list_mails(store, scope, user) if is_own else [],
        state_words=STATE_WORDS,
        fault_words=FAULT_WORDS,
        **others,
        **context,
    )
