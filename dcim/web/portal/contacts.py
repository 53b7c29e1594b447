"""Own contacts: who may ask us for what; entered, changed and ended by one's own administrator."""

import datetime as dt
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, DateField, StringField
from wtforms.validators import DataRequired, Length, Optional

from dcim.customers.calendar import today_in
from dcim.customers.kinds import CONTACT
from dcim.customers.queries import list_contacts
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.records.listing import find_record
from dcim.records.writing import change_record, create_record
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.placing_forms import MISSING, strip

# What a customer writes itself; the document is looked at by our people at the door.
FIELDS = (
    "name", "title", "email", "phone", "mobile", "may_order", "may_enter", "may_ticket",
    "may_see_bills", "gets_statements", "valid_until",
)  # fmt: skip


class ContactForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    title = StringField(_l("Job title"), filters=[strip], validators=[Length(max=255)])
    email = StringField(_l("Mail"), filters=[strip], validators=[Length(max=255)])
    phone = StringField(_l("Telephone"), filters=[strip], validators=[Length(max=64)])
    mobile = StringField(_l("Mobile"), filters=[strip], validators=[Length(max=64)])
    may_order = BooleanField(_l("May order"))
    may_enter = BooleanField(_l("May enter"))
    may_ticket = BooleanField(_l("May open tickets"))
    may_see_bills = BooleanField(_l("May see bills"))
    gets_statements = BooleanField(_l("Gets statements"), default=True)
    valid_until = DateField(_l("Rights until"), validators=[Optional()])

    def read(self) -> dict[str, Any]:
        return {name: self._fields[name].data for name in FIELDS}


@portal.get("/contacts")
def contacts() -> str:
    session, scope = db_session(), current_scope()
    return render_template(
        "portal/contacts.html", contacts=list_contacts(session, scope, scope.customer_id or 0)
    )


@portal.route("/contacts/new", methods=["GET", "POST"])
def add_contact() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = ContactForm()

    def deed() -> str:
        given = {"customer_id": scope.customer_id, **form.read()}
        made = create_record(session, scope, CONTACT, given)
        flash(_("%(name)s is entered.", name=made["name"]), "success")
        return url_for("portal.contacts")

    return answer_form("portal/contact_form.html", form, deed, contact=None, crumbs=_crumbs())


@portal.route("/contacts/<int:contact_id>", methods=["GET", "POST"])
def edit_contact(contact_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    found = find_record(session, scope, CONTACT, contact_id)
    known = dict(found.values)
    form = ContactForm(data=None if request.method == "POST" else known)

    def deed() -> str:
        changed = change_record(session, scope, CONTACT, contact_id, form.read())
        flash(_("%(name)s is changed.", name=changed["name"]), "success")
        return url_for("portal.contacts")

    return answer_form("portal/contact_form.html", form, deed, contact=found, crumbs=_crumbs())


@portal.post("/contacts/<int:contact_id>/end")
def end_contact(contact_id: int) -> BaseResponse:
    """Take all rights from a contact at once; the record of who it was stays."""
    session, scope = db_session(), current_scope()
    # `valid_until` is the last day: over, by the day it is everywhere already.
    last = today_in("UTC") - dt.timedelta(days=1)
    known = find_record(session, scope, CONTACT, contact_id)
    if known["valid_until"] is None or known["valid_until"] > last:
        change_record(session, scope, CONTACT, contact_id, {"valid_until": last})
    flash(_("%(name)s has no rights any more.", name=known["name"]), "success")
    return go_on(url_for("portal.contacts"))


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Contacts"), url_for("portal.contacts")), (_("Contact"), "")]
