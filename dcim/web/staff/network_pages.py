"""A port's line and its cables; the address space, what is given of it, who had an address."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.inventory.models import Device
from dcim.network.address_models import AddressAssignment
from dcim.network.address_queries import PrefixView, list_prefixes, view_prefix
from dcim.network.addresses import (
    Holder,
    assign_address,
    assign_next_free,
    lookup_address,
    suggest_free,
    write_net,
)
from dcim.network.addresses import release_address as end_assignment
from dcim.network.addressing import parse_net
from dcim.network.assignment import assign_port, release_port
from dcim.network.cables import (
    CableNotes,
    Trace,
    connect_ports,
    disconnect_cable,
    find_port_by_words,
    trace_port,
)
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.network.tracing import Plug
from dcim.web.local_times import read_local, to_instant
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cross_connects import (
    find_customer_by_code,
    find_item,
    suggest_customers,
)
from dcim.web.staff.network_forms import AssignForm, CableForm, MemberForm


@staff.route("/network/ports/<int:port_id>", methods=["GET", "POST"])
def port_trace(port_id: int) -> Response | BaseResponse:
    """The line through a port; below it the form that lays a cable."""
    session, scope = db_session(), current_scope()
    trace = trace_port(session, scope, port_id)
    own = next(hop for hop in trace.hops if hop.port.id == port_id)
    form = CableForm()
    free = free_faces(trace, port_id)
    form.face.choices = [
        SelectChoice(face, _("Front") if face == "front" else _("Rear"))
        for face in free or ["front"]
    ]

    def deed() -> str:
        if not has_right(Right.CHANGE_NETWORK):
            raise ForbiddenError("You may not change the network.")
        other = find_port_by_words(session, form.other.data, "other")
        connect_ports(
            session,
            scope,
            Plug(port_id, form.face.data),
            Plug(other.id, form.other_face.data),
            CableNotes(
                media=form.media.data,
                code=form.code.data or None,
                colour=form.colour.data or "",
                length_m=form.length_m.data,
            ),
        )
        return url_for("staff.port_trace", port_id=port_id)

    return answer_form(
        "staff/port_trace.html",
        form,
        deed,
        trace=trace,
        own=own.port,
        free=free,
        may_change=has_right(Right.CHANGE_NETWORK),
        crumbs=[
            (_("Devices"), url_for("staff.list_device")),
            (own.port.device_name, url_for("staff.device", device_id=own.port.device_id)),
            (own.port.name, ""),
        ],
    )


def free_faces(trace: Trace, port_id: int) -> list[str]:
    """The faces of this port that no cable is plugged into."""
    for place, hop in enumerate(trace.hops):
        if hop.port.id != port_id:
            continue
        last = len(trace.hops) - 1
        taken = {
            hop.left if place or trace.is_loop else None,
            hop.right if place < last or trace.is_loop else None,
        }
        return [face for face in (hop.left, hop.right) if face is not None and face not in taken]
    return []


@staff.post("/network/cables/<int:cable_id>/disconnect")
def disconnect(cable_id: int) -> BaseResponse:
    disconnect_cable(db_session(), current_scope(), cable_id)
    flash(_("The cable is out; both its plugs are free."), "success")
    port_id = read_int("port")
    if port_id is None:
        return go_on(url_for("staff.list_device"))
    return go_on(url_for("staff.port_trace", port_id=port_id))


@staff.get("/network/prefixes")
def prefixes() -> str:
    return render_template("staff/prefixes.html", rows=list_prefixes(db_session()))


@staff.route("/network/prefixes/<int:prefix_id>", methods=["GET", "POST"])
def prefix(prefix_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    view = view_prefix(session, scope, prefix_id)
    form = AssignForm()
    if request.method == "GET":
        form.network.data = read_text("network", 64)

    def deed() -> str:
        if not has_right(Right.CHANGE_NETWORK):
            raise ForbiddenError("You may not change the network.")
        holder = Holder(
            customer_id=find_customer_by_code(form.customer.data).id
            if form.customer.data
            else None,
            contract_item_id=find_item(form.item.data),
            device_id=find_device_id(form.device.data),
            hostname=form.hostname.data or "",
        )
        starts, ends = to_instant(form.starts_at.data), to_instant(form.ends_at.data)
        made = (
            assign_address(
                session, scope, form.network.data, holder, starts_at=starts, ends_at=ends
            )
            if form.network.data
            else assign_next_free(
                session, scope, prefix_id, holder, length=form.length.data, starts_at=starts,
                ends_at=ends,
            )
        )  # fmt: skip
        flash(
            _("%(network)s is given away.", network=write_net(parse_net(made.network))), "success"
        )
        return url_for("staff.prefix", prefix_id=prefix_id)

    return answer_form("staff/prefix.html", form, deed, **describe_prefix(view))


def describe_prefix(view: PrefixView) -> dict[str, Any]:
    may_give = view.prefix.role != "container"
    return {
        "view": view,
        "prefix": view.prefix,
        "free": suggest_free(db_session(), current_scope(), view.prefix.id) if may_give else "",
        "may_give": may_give,
        "may_change": has_right(Right.CHANGE_NETWORK),
        "customers": suggest_customers(),
        "crumbs": [
            (_("Address space"), url_for("staff.prefixes")),
            *((row.network, url_for("staff.prefix", prefix_id=row.id)) for row in view.around),
            (view.prefix.network, ""),
        ],
    }


@staff.post("/network/addresses/<int:assignment_id>/release")
def release_address(assignment_id: int) -> BaseResponse:
    session = db_session()
    found = session.get(AddressAssignment, assignment_id)
    network = None if found is None else write_net(parse_net(found.network))
    end_assignment(session, current_scope(), assignment_id)
    flash(_("%(network)s is free again.", network=network or ""), "success")
    prefix_id = read_int("prefix")
    if prefix_id is None:
        return go_on(url_for("staff.prefixes"))
    return go_on(url_for("staff.prefix", prefix_id=prefix_id))


@staff.get("/addresses/lookup")
def address_lookup() -> tuple[str, int]:
    """Who had this address at this time. Each question is kept in the audit log."""
    address, at_text, reason = (
        read_text("address", 64), read_text("at", 40), read_text("reason", 255),
    )  # fmt: skip
    problem, rows, at = "", [], None
    if address:
        try:
            at = to_instant(read_local(at_text)) if at_text else None
            rows = lookup_address(db_session(), current_scope(), address, at, reason=reason)
        except InvalidError as error:
            problem = _(error.message) % error.places if error.places else _(error.message)
        except ValueError:
            problem = _("Write a time as 2026-11-25T08:00.")
    page = render_template(
        "staff/address_lookup.html",
        address=address,
        at=at,
        at_text=at_text,
        reason=reason,
        rows=rows,
        problem=problem,
        now=utc_now(),
    )
    return page, 422 if problem else 200


@staff.route("/network/services/<int:service_id>", methods=["GET", "POST"])
def bandwidth_service(service_id: int) -> Response | BaseResponse:
    """A bandwidth service with the ports that carry and carried it."""
    session = db_session()
    service = session.get(BandwidthService, service_id)
    if service is None:
        raise NotFoundError("No such service.")
    members = session.scalars(
        select(ServiceMembership)
        .where(ServiceMembership.service_id == service_id)
        .order_by(ServiceMembership.starts_at.desc(), ServiceMembership.id.desc())
    ).all()
    form = MemberForm()

    def deed() -> str:
        if not has_right(Right.CHANGE_NETWORK):
            raise ForbiddenError("You may not change the network.")
        port = find_port_by_words(session, form.port.data)
        assign_port(
            session,
            current_scope(),
            service_code=service.code,
            device_name=port.device.name,
            port_name=port.name,
            starts_at=to_instant(form.starts_at.data),
        )
        return url_for("staff.bandwidth_service", service_id=service_id)

    return answer_form(
        "staff/bandwidth_service.html",
        form,
        deed,
        service=service,
        customer=session.get_one(Customer, service.customer_id),
        members=members,
        may_change=has_right(Right.CHANGE_NETWORK),
    )


@staff.post("/network/memberships/<int:membership_id>/release")
def release_membership(membership_id: int) -> BaseResponse:
    ended = release_port(db_session(), current_scope(), membership_id)
    return go_on(url_for("staff.bandwidth_service", service_id=ended.service_id))


def find_device_id(name: str | None) -> int | None:
    if not name:
        return None
    found = db_session().scalar(select(Device.id).where(Device.name == name))
    if found is None:
        raise InvalidError("No device is marked %(mark)s.", {"device": ["unknown"]}, mark=name)
    return found
