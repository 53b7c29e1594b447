"""An address and a credential: who is there, and what the inventory doesn't know of it."""

from typing import Any, cast

from flask import Response, current_app, flash, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from dcim.config import Settings
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.jobs import defer_check
from dcim.paging import EVERYTHING
from dcim.snmp.agents.models import SnmpCredential
from dcim.snmp.agents.queries import list_credentials
from dcim.snmp.discovery.introducing import introduce_agent as introduce
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import ROLES
from dcim.web.staff.placing_forms import MISSING, strip
from dcim.web.staff.placing_parts import find_device, suggest_devices

WAYS = {
    "given": _l("%(device)s answers and is polled from the next minute on."),
    "serial": _l("%(device)s, known by its serial number, is polled from the next minute on."),
    "name": _l("%(device)s, known by its sysName, is polled from the next minute on."),
    "new": _l("%(device)s is new in the inventory and is polled from the next minute on."),
}


class IntroductionForm(FlaskForm):  # type: ignore[misc]
    address = StringField(
        _l("IP address"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )
    udp_port = IntegerField(
        _l("UDP port"),
        default=161,
        validators=[InputRequired(MISSING), NumberRange(1, 65535, _l("From 1 to 65535."))],
    )
    credential = SelectField(_l("Credential"), coerce=int)
    device = StringField(_l("Device"), filters=[strip], validators=[Length(max=255)])
    role = StringField(
        _l("Role"),
        default="switch",
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=64)],
    )


@staff.route("/discovery/new", methods=["GET", "POST"])
def introduce_agent() -> Response | BaseResponse:
    """Ask who is at an address; when it answers it is polled, and compared by a worker."""
    session = db_session()
    form = IntroductionForm()
    known = list_credentials(session, EVERYTHING).items
    form.credential.choices = [
        SelectChoice(one.id, f"{one.name} · v{one.version}") for one in known
    ]
    context: dict[str, Any] = {
        "suggestions": suggest_devices(),
        "roles": list(ROLES.items()),
        "crumbs": [(_("Discovery"), url_for("staff.discovery")), (_("Ask an address"), "")],
    }
    template = "staff/introduction.html"
    if request.method == "GET":
        return show_form(template, form, **context)
    if not form.validate():
        return show_form(template, form, 422, **context)
    try:
        found = introduce(
            session,
            current_scope(),
            cast(Settings, current_app.config["JIFANG"]),
            address=form.address.data,
            udp_port=form.udp_port.data,
            credential=session.get_one(SnmpCredential, form.credential.data),
            device=find_device(form.device.data) if form.device.data else None,
            role=form.role.data,
        )
        defer_check(session, found.agent.id)
    except JifangError as error:
        return show_form(template, form, refuse(form, error), **context)
    words = str(WAYS[found.way]) % {"device": found.device.name}
    soon = _("What the inventory doesn't know of it stands here in a minute.")
    flash(f"{words} {soon}", "success")
    return go_on(url_for("staff.discovery", device=found.device.id))
