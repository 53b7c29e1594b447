"""Devices: the page of one, entering a new one."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from dcim.accounts.audit_log import AuditFilter, list_entries
from dcim.columns import utc_now
from dcim.customers.queries import list_customers
from dcim.errors import ConflictError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.devices.facts import find_device_facts, list_supplies
from dcim.inventory.devices.transitions import list_transitions
from dcim.inventory.queries import (
    find_device,
    list_device_types,
)
from dcim.network.equipping import enter_device
from dcim.network.queries import PortFilter, list_ports
from dcim.paging import EVERYTHING, Paging
from dcim.power.chain import Surroundings
from dcim.power.cords import list_cords, list_pdus
from dcim.sla.feeds import load_supply
from dcim.snmp.agents.queries import list_agents
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.device_life import name_asks, offered_steps
from dcim.web.staff.names import AIRFLOW_NAMES, CATEGORY_NAMES, ROLES
from dcim.web.staff.placing_forms import MISSING, strip


class DeviceForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    device_type_id = SelectField(_l("Type"), coerce=int, validators=[InputRequired(MISSING)])
    role = StringField(
        _l("Role"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )
    customer_id = SelectField(_l("Belongs to"), coerce=int, default=0)
    serial = StringField(_l("Serial number"), filters=[strip], validators=[Length(max=64)])
    asset_tag = StringField(_l("Asset tag"), filters=[strip], validators=[Length(max=64)])


@staff.get("/devices/<int:device_id>")
def device(device_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_device(session, scope, device_id)
    cords = list_cords(session, device_id=device_id)
    pdus = Surroundings(node_ids=[cord.pdu_id for cord in cords])
    supply = load_supply(session, now, around=pdus) if cords else None
    agents = list_agents(session, device_id=device_id).items
    return render_template(
        "staff/device.html",
        device=found,
        ports=list_ports(session, scope, PortFilter(device_id=device_id), Paging(1, 200)),
        cords=[(cord, supply.nodes[cord.pdu_id]) for cord in cords] if supply else [],
        pdus=list_pdus(session, found.rack_id) if found.rack_id else [],
        agent=agents[0] if agents else None,
        facts=find_device_facts(session, scope, device_id),
        supplies=list_supplies(session, device_id),
        life=list_transitions(session, scope, device_id).items,
        steps=[(step, _(step.verb)) for step in offered_steps(found.state)],
        category_names=CATEGORY_NAMES,
        airflow_names=AIRFLOW_NAMES,
        ask_names=name_asks(),
        history=list_entries(session, scope, AuditFilter(subject=f"device/{device_id}")),
        now=now,
        crumbs=[(_("Devices"), url_for("staff.list_device")), (found.name, "")],
    )


@staff.route("/devices/new", methods=["GET", "POST"])
def add_device() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = DeviceForm()
    types = list_device_types(session, EVERYTHING).items
    form.device_type_id.choices = [
        SelectChoice(one.id, f"{one.manufacturer} {one.model} · {one.height / 2:g}U")
        for one in types
    ]
    form.customer_id.choices = [
        SelectChoice(0, _("The operator")),
        *(
            SelectChoice(one.id, f"{one.code} · {one.name}")
            for one in list_customers(session, scope, EVERYTHING).items
        ),
    ]
    context: dict[str, Any] = {
        "roles": list(ROLES.items()),
        "crumbs": [(_("Devices"), url_for("staff.list_device")), (_("New device"), "")],
    }
    if request.method == "GET":
        return show_form("staff/device_new.html", form, **context)
    if not form.validate():
        return show_form("staff/device_new.html", form, 422, **context)
    try:
        with session.begin_nested():
            made = enter_device(
                session,
                scope,
                name=form.name.data,
                role=form.role.data,
                device_type_id=form.device_type_id.data,
                customer_id=form.customer_id.data or None,
                serial=form.serial.data or None,
                asset_tag=form.asset_tag.data or None,
            )
    except IntegrityError as error:
        return show_form(
            "staff/device_new.html", form, refuse(form, _name_taken(error, form)), **context
        )
    except JifangError as error:
        return show_form("staff/device_new.html", form, refuse(form, error), **context)
    flash(_("%(device)s is entered. It stands nowhere yet.", device=made.name), "success")
    return go_on(url_for("staff.device", device_id=made.id))


def _name_taken(error: IntegrityError, form: DeviceForm) -> ConflictError:
    """Which of the marks is another device's."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
    for field in ("serial", "asset_tag", "name"):
        if name == f"uq_device_{field}":
            return ConflictError("%(value)s marks another device.", value=form[field].data)
    raise error
