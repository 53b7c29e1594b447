"""Webhooks: where the operator's own systems are told of events."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, PasswordField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput

from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.outbox.endpoints import (
    EndpointValues,
    change_endpoint,
    create_endpoint,
    find_endpoint,
    list_endpoints,
)
from dcim.outbox.models import SUBSCRIBED
from dcim.outbox.queueing import queue_test_webhook
from dcim.web.delivery_words import EVENT_WORDS
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.blueprint import staff
from dcim.web.staff.deliveries import settings
from dcim.web.staff.placing_forms import MISSING, strip


class EndpointForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    url = StringField(
        "URL",
        description=_l("By https to a host in DCIM_WEBHOOK_ALLOWED, or into a network there."),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=2000)],
    )
    secret = PasswordField(
        _l("Secret"),
        description=_l("Signs what is sent; 16 characters or more. Empty keeps the one there is."),
        validators=[Length(max=255)],
        render_kw={"autocomplete": "new-password"},
    )
    events = SelectMultipleField(
        _l("Told of"),
        choices=[SelectChoice(name, EVENT_WORDS[name]) for name in SUBSCRIBED],
        option_widget=CheckboxInput(),
    )
    enabled = BooleanField(_l("Switched on"))

    def values(self) -> EndpointValues:
        return EndpointValues(
            name=self.name.data,
            url=self.url.data,
            events=self.events.data or (),
            secret=self.secret.data or None,
            enabled=self.enabled.data,
        )


@staff.get("/webhooks")
def webhooks() -> str:
    listing = read_listing()
    return render_template(
        "staff/webhooks.html",
        found=list_endpoints(db_session(), listing.paging),
        listing=listing,
        events=EVENT_WORDS,
        allowed=[str(one) for one in settings().webhook_allowed],
        crumbs=[(_("Delivery"), url_for("staff.deliveries")), (_("Webhooks"), "")],
    )


@staff.route("/webhooks/new", methods=["GET", "POST"])
def add_webhook() -> Response | BaseResponse:
    form = EndpointForm()

    def fill() -> None:
        form.enabled.data, form.events.data = True, list(SUBSCRIBED)

    def deed() -> str:
        create_endpoint(db_session(), current_scope(), settings(), form.values())
        flash(_("The endpoint is saved."), "success")
        return url_for("staff.webhooks")

    return answer_form(
        "staff/webhook_edit.html", form, deed, fill=fill, **_words(_("Add an endpoint"))
    )


@staff.route("/webhooks/<int:endpoint_id>/edit", methods=["GET", "POST"])
def edit_webhook(endpoint_id: int) -> Response | BaseResponse:
    found = find_endpoint(db_session(), endpoint_id)
    form = EndpointForm(obj=found if request.method == "GET" else None)

    def deed() -> str:
        change_endpoint(db_session(), current_scope(), settings(), endpoint_id, form.values())
        flash(_("The endpoint is saved."), "success")
        return url_for("staff.webhooks")

    return answer_form("staff/webhook_edit.html", form, deed, **_words(found.name))


@staff.post("/webhooks/<int:endpoint_id>/test")
def test_webhook(endpoint_id: int) -> BaseResponse:
    queue_test_webhook(db_session(), current_scope(), endpoint_id)
    flash(_("The test is queued; below it shows what becomes of it."), "success")
    return go_on(url_for("staff.deliveries", event="test"))


def _words(title: str) -> dict[str, Any]:
    back = url_for("staff.webhooks")
    return {
        "title": title,
        "back": back,
        "crumbs": [
            (_("Delivery"), url_for("staff.deliveries")),
            (_("Webhooks"), back),
            (title, ""),
        ],
    }
