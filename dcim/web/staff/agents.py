"""SNMP agents: who answers, who is silent since when, and bringing a device under polling."""

from typing import Any, cast

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import IntegerField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, ValidationError

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.paging import EVERYTHING
from dcim.snmp.agents.drop_counts import read_drops
from dcim.snmp.agents.models import SnmpCredential
from dcim.snmp.agents.queries import SORTS, STATES, count_states, list_agents, list_credentials
from dcim.snmp.agents.registration import UsmSecrets, register_agent, store_credential
from dcim.snmp.health.report import find_stalled, judge_agent
from dcim.snmp.health.words import CAUSES, DROPS
from dcim.snmp.wire.faults import name_explained
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.placing_forms import MISSING, strip
from dcim.web.staff.placing_parts import find_device, suggest_devices
from dcim.web.staff.polling import LOOKS, say_words

NEW = 0
AUTH = ("none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV = ("none", "DES", "AES-128", "AES-192", "AES-256")


def _say_protocol(name: str) -> SelectChoice:
    return SelectChoice(name, _l("none") if name == "none" else name)


class AgentForm(FlaskForm):  # type: ignore[misc]
    """Secrets are write-only: they are never sent back, not even after a mistake elsewhere."""

    device = StringField(
        _l("Device"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    address = StringField(
        _l("IP address"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )
    udp_port = IntegerField(
        _l("UDP port"),
        default=161,
        validators=[InputRequired(MISSING), NumberRange(1, 65535, _l("From 1 to 65535."))],
    )
    credential_id = SelectField(_l("Credential"), coerce=int)
    new_name = StringField(
        _l("Name of the new credential"), filters=[strip], validators=[Length(max=255)]
    )
    version = SelectField(_l("SNMP version"), choices=["2c", "1", "3"])
    community = PasswordField(_l("Community"), validators=[Length(max=255)])
    username = StringField(_l("User name"), filters=[strip], validators=[Length(max=64)])
    auth_protocol = SelectField(_l("Authentication"), choices=[_say_protocol(one) for one in AUTH])
    auth_password = PasswordField(_l("Authentication pass phrase"), validators=[Length(max=255)])
    priv_protocol = SelectField(_l("Encryption"), choices=[_say_protocol(one) for one in PRIV])
    priv_password = PasswordField(_l("Encryption pass phrase"), validators=[Length(max=255)])

    def validate_new_name(self, field: Any) -> None:
        if self.credential_id.data == NEW and not field.data:
            raise ValidationError(_("A new credential needs a name."))


@staff.get("/agents")
def agents() -> str:
    listing = read_listing(SORTS)
    state = read_text("state")
    wanted = read_text("q")
    session, now = db_session(), utc_now()
    settings = cast(Settings, current_app.config["JIFANG"])
    stalled_before = find_stalled(now, settings.poll_interval_s)
    found = list_agents(
        session,
        listing.paging,
        state=state if state in STATES else "",
        stalled_before=stalled_before,
        wanted=wanted,
        sort=listing.sort,
        descending=listing.descending,
    )
    return render_template(
        "staff/agents.html",
        found=found,
        rows=[
            (
                agent,
                judge_agent(agent, now, settings.poll_interval_s),
                say_words(CAUSES, name_explained(agent.last_error)) if agent.last_error else None,
            )
            for agent in found.items
        ],
        looks=LOOKS,
        listing=listing,
        state=state,
        wanted=wanted,
        tally=count_states(session, stalled_before),
        strays=[(each, say_words(DROPS, each.reason)) for each in read_drops(session, None, now)],
        now=now,
    )


@staff.route("/agents/new", methods=["GET", "POST"])
def add_agent() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    may_create = has_right(Right.MANAGE_CREDENTIALS)
    form = AgentForm()
    form.credential_id.choices = [
        *(
            SelectChoice(one.id, f"{one.name} · v{one.version}")
            for one in list_credentials(session, EVERYTHING).items
        ),
        *([SelectChoice(NEW, _("A new credential"))] if may_create else []),
    ]
    context: dict[str, Any] = {
        "may_create": may_create,
        "suggestions": suggest_devices(),
        "crumbs": [(_("SNMP agents"), url_for("staff.agents")), (_("Add an agent"), "")],
    }
    if request.method == "GET":
        form.device.data = read_text("device", 255)
        return show_form("staff/agent_new.html", form, **context)
    if not form.validate():
        return show_form("staff/agent_new.html", form, 422, **context)
    settings = cast(Settings, current_app.config["JIFANG"])
    try:
        device = find_device(form.device.data)
        credential = _choose_credential(form, settings)
        made = register_agent(
            session,
            scope,
            settings,
            device=device,
            address=form.address.data,
            credential=credential,
            udp_port=form.udp_port.data,
        )
    except JifangError as error:
        return show_form("staff/agent_new.html", form, refuse(form, error), **context)
    flash(
        _(
            "%(device)s is polled at %(address)s from the next minute on.",
            device=device.name,
            address=made.address,
        ),
        "success",
    )
    return go_on(url_for("staff.device", device_id=device.id))


def _choose_credential(form: AgentForm, settings: Settings) -> SnmpCredential:
    session = db_session()
    # Only what was offered gets past the form, so NEW means the right is there.
    if form.credential_id.data != NEW:
        return session.get_one(SnmpCredential, form.credential_id.data)
    is_usm = form.version.data == "3"
    return store_credential(
        session,
        current_scope(),
        settings.encryption,
        name=form.new_name.data,
        version=form.version.data,
        community=None if is_usm else form.community.data,
        username=form.username.data if is_usm else None,
        auth_protocol=form.auth_protocol.data if is_usm else "none",
        priv_protocol=form.priv_protocol.data if is_usm else "none",
        secrets=UsmSecrets(form.auth_password.data or "", form.priv_password.data or "")
        if is_usm
        else None,
    )
