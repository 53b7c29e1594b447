"""One node of the power chain: what feeds it, what hangs on it, its panel's card, its outlets."""

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from dcim.columns import utc_now
from dcim.errors import JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device
from dcim.inventory.space.summaries import RackSummary, summarize_racks
from dcim.power.cords import OutletRow, list_outlets
from dcim.power.models import Outlet, PowerNode
from dcim.power.plugging import connect_supply, disconnect_outlet
from dcim.power.rules import find_warnings
from dcim.power.tree import Node
from dcim.sla.budgets import Budget, judge_budgets
from dcim.sla.feeds import NodeNow, load_supply
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import NODE_KINDS
from dcim.web.staff.overview import find_newest
from dcim.web.staff.placing_forms import MISSING, strip
from dcim.web.staff.placing_parts import find_device


@dataclass(frozen=True, slots=True)
class CardLine:
    """A line of a panel's card: a breaker, on which phases it loads the panel, whom it feeds."""

    now: NodeNow
    phase: str
    budget: Budget | None
    rack: RackSummary | None

    def on(self, phase: str) -> bool:
        return self.phase == phase or phase[1] in self.phase[1:] or self.now.node.phases == 3


class PlugForm(FlaskForm):  # type: ignore[misc]
    """Both ways: an outlet for a device, or a device for an outlet."""

    device = StringField(
        _l("Device"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    outlet_id = SelectField(_l("Outlet"), coerce=int)
    supply = StringField(_l("Supply"), filters=[strip], validators=[Length(max=255)])
    moving = BooleanField(_l("Pull it out of where it hangs now"))


@staff.get("/power-nodes/<int:node_id>")
def power_node(node_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    site_id = session.scalar(select(PowerNode.site_id).where(PowerNode.id == node_id))
    if site_id is None:
        raise NotFoundError("No such power node.")
    supply = load_supply(session, now, site_id=site_id)
    racks = {one.id: one for one in summarize_racks(session, scope, now)}
    budgets = judge_budgets(supply, [one for one in racks.values() if one.site_id == site_id])
    own = supply.nodes[node_id]
    tree = supply.tree
    children = [supply.nodes[child.id] for child in tree.children(node_id)]
    lines = [
        CardLine(child, child.node.phase, budgets.by_node.get(child.node.id),
                 racks.get(child.node.rack_id or 0))
        for child in sorted(children, key=lambda one: (one.node.position, one.node.code))
    ]  # fmt: skip
    parents = [tree.nodes[each] for each in own.node.parents if each in tree.nodes]
    return render_template(
        "staff/power_node.html",
        now=own,
        node=own.node,
        path=[supply.nodes[each.id] for each in tree.path(node_id)][1:],
        second=tree.nodes.get(own.node.second_parent_id or 0),
        lines=lines,
        budget=budgets.by_node.get(node_id),
        budgets=budgets.by_node,
        rack=racks.get(own.node.rack_id or 0),
        racks=[racks[each] for each in sorted(tree.racks_on(node_id)) if each in racks],
        warnings=find_warnings(own.node, parents),
        outlets=_outlets(own.node),
        newest=find_newest(supply),
        kinds=NODE_KINDS,
        crumbs=[
            (_("Power"), url_for("staff.power", site=site_id)),
            *(
                (one.code, url_for("staff.power_node", node_id=one.id))
                for one in reversed(tree.path(node_id)[1:])
            ),
            (own.node.code, ""),
        ],
    )


@staff.route("/power-nodes/<int:node_id>/plug", methods=["GET", "POST"])
def plug(node_id: int) -> Response | BaseResponse:
    """Plug a device into an outlet of this PDU."""
    session = db_session()
    node = session.get(PowerNode, node_id)
    if node is None:
        raise NotFoundError("No such power node.")
    form = PlugForm()
    free = session.execute(
        select(Outlet.id, Outlet.number, Outlet.connector, Device.name)
        .outerjoin(Device, Device.id == Outlet.device_id)
        .where(Outlet.pdu_id == node_id)
        .order_by(Outlet.number)
    )
    form.outlet_id.choices = [
        SelectChoice(outlet_id, f"{number} · {connector}" + (f" · {name}" if name else ""))
        for outlet_id, number, connector, name in free
    ]
    context: dict[str, Any] = {"node": node, "crumbs": _crumbs(node, _("Plug in"))}
    if request.method == "GET":
        form.device.data = request.args.get("device", "")[:255].replace("\0", "")
        form.outlet_id.data = read_int("outlet")
        return show_form("staff/plug.html", form, **context)
    if not form.validate():
        return show_form("staff/plug.html", form, 422, **context)
    try:
        device = find_device(form.device.data)
        done = connect_supply(
            session, current_scope(), form.outlet_id.data, device_id=device.id,
            supply_id=_find_supply(device, form.supply.data), moving=form.moving.data,
        )  # fmt: skip
    except JifangError as error:
        return show_form("staff/plug.html", form, refuse(form, error), **context)
    flash(
        _("%(device)s hangs on outlet %(number)s of %(pdu)s.", device=device.name,
          number=done.number, pdu=node.code),
        "success",
    )  # fmt: skip
    return go_on(url_for("staff.power_node", node_id=node_id))


@staff.post("/outlets/<int:outlet_id>/unplug")
def unplug(outlet_id: int) -> BaseResponse:
    done = disconnect_outlet(db_session(), current_scope(), outlet_id)
    flash(_("Outlet %(number)s of %(pdu)s is free.", number=done.number, pdu=done.pdu.code),
          "success")  # fmt: skip
    return go_on(url_for("staff.power_node", node_id=done.pdu_id))


def _outlets(node: Node) -> list[OutletRow]:
    return list_outlets(db_session(), node.id) if node.kind in {"pdu", "bank"} else []


def _find_supply(device: Device, name: str) -> int | None:
    """By name; raises NotFoundError."""
    if not name:
        return None
    found = db_session().scalar(
        select(DeviceSupply.id).where(
            DeviceSupply.device_id == device.id, DeviceSupply.name == name
        )
    )
    if found is None:
        raise NotFoundError("%(device)s has no supply %(name)s.", device=device.name, name=name)
    return found


def _crumbs(node: PowerNode, last: str) -> list[tuple[str, str]]:
    return [
        (_("Power"), url_for("staff.power", site=node.site_id)),
        (node.code, url_for("staff.power_node", node_id=node.id)),
        (last, ""),
    ]
