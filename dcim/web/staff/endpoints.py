"""Endpoints: where the operator is told of events, by webhooks, robots and syslog."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput

from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.outbox.endpoint_queries import find_endpoint, is_signed_for, list_endpoints
from dcim.outbox.endpoints import (
    EndpointValues,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    switch_endpoint,
)
from dcim.outbox.events import SUBSCRIBED
from dcim.outbox.models import KINDS, ROBOTS
from dcim.outbox.robots.wording import KEYWORD
from dcim.outbox.telling import queue_test
from dcim.web.delivery_words import CHANNEL_WORDS, EVENT_WORDS, FAULT_WORDS, STATE_WORDS
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.blueprint import staff
from dcim.web.staff.deliveries import settings
from dcim.web.staff.placing_forms import MISSING, strip

ALLOWED = {
    "webhook": "webhook_allowed",
    **dict.fromkeys(ROBOTS, "robot_allowed"),
    "syslog": "syslog_allowed",
}


class EndpointForm(FlaskForm):  # type: ignore[misc]
    """A webhook's; robots and syslog have others of these fields."""

    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    url = StringField(
        "URL",
        description=_l("By https to a host in DCIM_WEBHOOK_ALLOWED, or into a network there."),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=2000)],
        render_kw={"spellcheck": "false"},
    )
    secret = PasswordField(
        _l("Secret"),
        description=_l("Signs what is sent; 16 characters or more. Empty keeps the one there is."),
        validators=[Length(max=255)],
        render_kw={"autocomplete": "new-password"},
    )
    language = SelectField(
        _l("Language"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")]
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
            url=self.url.data or None,
            events=self.events.data or (),
            secret=(self.secret.data or None) if self.secret else None,
            enabled=self.enabled.data,
            language=self.language.data if self.language else "zh",
        )


class RobotForm(EndpointForm):
    """The URL is a secret: it goes in, and is never shown."""

    url = PasswordField(
        "URL",
        description=_l(
            "The whole Webhook URL that the robot was given. It is sealed and never shown again."
            " Empty keeps the one there is; a new one is another robot, with its own secret."
        ),
        filters=[strip],
        validators=[Length(max=2000)],
        render_kw={"autocomplete": "off"},
    )
    secret = PasswordField(
        _l("Signing secret"),
        description=_l(
            "Where the robot's safety setting is a signature. For one with keywords, enter %(word)s"
            " there: it is in every message.",
            word=KEYWORD,
        ),
        validators=[Length(max=255)],
        render_kw={"autocomplete": "new-password"},
    )


class SyslogForm(EndpointForm):
    url = StringField(
        "URL",
        description=_l(
            "Like tls://siem.example.com:6514, tcp://10.1.2.3:601 or udp://10.1.2.3:514. To a host"
            " in DCIM_SYSLOG_ALLOWED by TLS alone, or into a network there. UDP doesn't tell"
            " whether anything arrives."
        ),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=2000)],
        render_kw={"spellcheck": "false"},
    )


def make_form(kind: str, obj: object = None) -> EndpointForm:
    """The fields of one kind."""
    if kind == "webhook":
        form = EndpointForm(obj=obj)
        del form.language
    elif kind == "syslog":
        form = SyslogForm(obj=obj)
        del form.secret
    else:
        form = RobotForm(obj=obj)
        if kind == "wecom":
            del form.secret
    return form


@staff.get("/endpoints")
def endpoints() -> str:
    listing = read_listing()
    found = list_endpoints(db_session(), listing.paging)
    there = {one.kind for one in found.items}
    return render_template(
        "staff/endpoints.html",
        found=found,
        listing=listing,
        kinds=CHANNEL_WORDS,
        addable=KINDS,
        events=EVENT_WORDS,
        states=STATE_WORDS,
        faults=FAULT_WORDS,
        closed=[
            f"DCIM_{name.upper()}"
            for name in dict.fromkeys(ALLOWED[kind] for kind in KINDS if kind in there)
            if not getattr(settings(), name)
        ],
        crumbs=[(_("Delivery"), url_for("staff.deliveries")), (_("Endpoints"), "")],
    )


@staff.route("/endpoints/new", methods=["GET", "POST"])
def add_endpoint() -> Response | BaseResponse:
    kind = request.args.get("kind", "webhook")
    if kind not in KINDS:
        raise NotFound
    form = make_form(kind)

    def fill() -> None:
        form.enabled.data, form.events.data = True, list(SUBSCRIBED)

    def deed() -> str:
        create_endpoint(db_session(), current_scope(), settings(), form.values(), kind)
        flash(_("The endpoint is saved."), "success")
        return url_for("staff.endpoints")

    title = _("Add: %(kind)s", kind=CHANNEL_WORDS[kind])
    return answer_form(
        "staff/endpoint_edit.html", form, deed, fill=fill, **_words(title, kind),
        action=url_for("staff.add_endpoint", kind=kind),
    )  # fmt: skip


@staff.route("/endpoints/<int:endpoint_id>/edit", methods=["GET", "POST"])
def edit_endpoint(endpoint_id: int) -> Response | BaseResponse:
    found = find_endpoint(db_session(), endpoint_id)
    form = make_form(found.kind, found if request.method == "GET" else None)

    def deed() -> str:
        change_endpoint(db_session(), current_scope(), settings(), endpoint_id, form.values())
        flash(_("The endpoint is saved."), "success")
        return url_for("staff.endpoints")

    return answer_form(
        "staff/endpoint_edit.html", form, deed, **_words(found.name, found.kind), found=found,
        action=url_for("staff.edit_endpoint", endpoint_id=endpoint_id),
        is_signed=is_signed_for(db_session(), endpoint_id),
    )  # fmt: skip


@staff.post("/endpoints/<int:endpoint_id>/test")
def test_endpoint(endpoint_id: int) -> BaseResponse:
    queue_test(db_session(), current_scope(), endpoint_id)
    flash(_("The test is queued; below it shows what becomes of it."), "success")
    return go_on(url_for("staff.deliveries", event="test"))


@staff.post("/endpoints/<int:endpoint_id>/switch")
def turn_endpoint(endpoint_id: int) -> BaseResponse:
    """On with `on`, off without."""
    on = bool(request.form.get("on"))
    name = switch_endpoint(db_session(), current_scope(), endpoint_id, enabled=on)
    told = _("%(name)s is switched on.", name=name) if on else _("%(name)s is off.", name=name)
    flash(told, "success")
    return go_on(url_for("staff.endpoints"))


@staff.post("/endpoints/<int:endpoint_id>/delete")
def remove_endpoint(endpoint_id: int) -> BaseResponse:
    name = delete_endpoint(db_session(), current_scope(), endpoint_id)
    flash(_("%(name)s is deleted.", name=name), "success")
    return go_on(url_for("staff.endpoints"))


def _words(title: str, kind: str) -> dict[str, Any]:
    back = url_for("staff.endpoints")
    return {
        "title": title,
        "kind": kind,
        "kind_words": CHANNEL_WORDS[kind],
        "allowed": [str(one) for one in getattr(settings(), ALLOWED[kind])],
        "setting": f"DCIM_{ALLOWED[kind].upper()}",
        "back": back,
        "crumbs": [
            (_("Delivery"), url_for("staff.deliveries")),
            (_("Endpoints"), back),
            (title, ""),
        ],
    }
