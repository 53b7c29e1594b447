"""Install, move, remove, hold, allocate: forms over inventory.space, refusals in names."""

import datetime as dt

from flask import Response, flash, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.models import Hold, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.contents import list_live_holds
from dcim.inventory.space.holding import hold_space, release_hold
from dcim.inventory.space.placement import Move, Place, install_device
from dcim.operations.relocation import relocate, take_out
from dcim.web.local_times import local_zone
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.moving import tell_loosened
from dcim.web.staff.placing_forms import (
    AllocateForm,
    HoldForm,
    InstallForm,
    MoveForm,
)
from dcim.web.staff.placing_parts import (
    answer_placing,
    find_cabinet,
    find_device,
    find_item,
    find_rack,
    get_device,
    prefill,
    read_override,
    suggest_devices,
    suggest_items,
)

HOLD_DAYS = 14


@staff.route("/cabinets/<int:cabinet_id>/install", methods=["GET", "POST"])
def install(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form = InstallForm()
    prefill(form, cabinet)
    if request.method == "GET":
        form.device.data = read_text("device", 255)
        if (face := read_text("face", 8)) in ("front", "rear"):
            form.face.data = face

    def place() -> str:
        device = find_device(form.device.data)
        rack = next(one for one in cabinet.racks if one.id == form.rack_id.data)
        done = install_device(
            db_session(), current_scope(), device, rack.id,
            u_low=form.find_low(rack, device.device_type.height),
            face=form.face.data or None, side=form.side.data or None, rail=form.rail_side,
            rail_position=form.rail_place, override=read_override(form),
        )  # fmt: skip
        where = "" if done.u_low is None else name_units(rack, done.u_low, done.height)
        flash(_("%(device)s is installed: %(where)s.", device=device.name, where=where), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return answer_placing(
        "staff/install.html", form, place, cabinet=cabinet, suggestions=suggest_devices()
    )


@staff.route("/cabinets/<int:cabinet_id>/hold", methods=["GET", "POST"])
def hold(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form = HoldForm()
    prefill(form, cabinet)
    zone = local_zone()
    if request.method == "GET":
        form.units.data = form.units.data or 1
        form.until.data = utc_now().astimezone(zone).date() + dt.timedelta(days=HOLD_DAYS)

    def place() -> str:
        ends = dt.datetime.combine(form.until.data + dt.timedelta(days=1), dt.time(), zone)
        begins = form.begins.data and dt.datetime.combine(form.begins.data, dt.time(), zone)
        made = hold_space(
            db_session(), current_scope(), form.rack_id.data, prospect=form.prospect.data,
            u_low=form.low_in(cabinet.racks), height=form.height, starts_at=begins or None,
            expires_at=ends, reason=form.reason.data,
        )  # fmt: skip
        where = name_units(made.rack, made.u_low, made.height)
        flash(_("%(where)s is held for %(name)s.", where=where, name=made.prospect), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return answer_placing("staff/hold.html", form, place, cabinet=cabinet)


@staff.route("/cabinets/<int:cabinet_id>/allocate", methods=["GET", "POST"])
def allocate(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form = AllocateForm()
    prefill(form, cabinet)
    session, scope, now = db_session(), current_scope(), utc_now()
    racks = {rack.id: rack for rack in cabinet.racks}
    holds = {one.id: one for one in list_live_holds(session, scope, list(racks), now)}
    form.hold_id.choices = [
        SelectChoice(0, _("No hold")),
        *(
            SelectChoice(
                one.id,
                f"{racks[one.rack_id].code}"
                f" {name_units(racks[one.rack_id], one.u_low, one.height)} · {one.prospect}",
            )
            for one in holds.values()
        ),
    ]
    if request.method == "GET":
        form.starts_on.data = now.astimezone(local_zone()).date()
        chosen = holds.get(read_int("hold") or 0)
        if chosen is not None:
            form.hold_id.data, form.rack_id.data = chosen.id, chosen.rack_id
            form.put_place(racks[chosen.rack_id], chosen.u_low, chosen.height)
            form.units.data = chosen.height / 2
        elif form.u.data is None:
            form.u.data, form.units.data = 1, racks[form.rack_id.data].u_count

    def place() -> str:
        item = find_item(form.item.data)
        sold = allocate_space(
            session, scope, item, form.rack_id.data, u_low=form.low_in(cabinet.racks),
            height=form.height, starts_on=form.starts_on.data, ends_on=form.ends_on.data,
            from_hold=session.get(Hold, form.hold_id.data) if form.hold_id.data else None,
        )  # fmt: skip
        where = name_units(sold.rack, sold.u_low, sold.height)
        flash(_("%(where)s is allocated to %(code)s.", where=where, code=item.code), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return answer_placing(
        "staff/allocate.html", form, place, cabinet=cabinet, items=suggest_items(now)
    )


@staff.post("/holds/<int:hold_id>/release")
def release(hold_id: int) -> BaseResponse:
    session = db_session()
    found = session.get(Hold, hold_id)
    if found is None:
        raise NotFoundError("This hold is gone already.")
    cabinet_id = found.rack.cabinet_id
    prospect, where = found.prospect, name_units(found.rack, found.u_low, found.height)
    release_hold(session, current_scope(), found)
    flash(_("%(where)s is no longer held for %(name)s.", where=where, name=prospect), "success")
    return go_on(url_for("staff.cabinet", cabinet_id=cabinet_id))


@staff.route("/devices/<int:device_id>/move", methods=["GET", "POST"])
def move(device_id: int) -> Response | BaseResponse:
    device = get_device(device_id)
    form = MoveForm()
    standing = device.installation
    if request.method == "GET" and standing is not None:
        form.rack.data, form.face.data, form.side.data = (
            standing.rack.code, standing.face, standing.side,
        )  # fmt: skip
        form.put_place(standing.rack, standing.u_low, standing.height)
        if standing.rail is not None:
            form.rail.data = f"{standing.rail}-{standing.rail_position}"

    def place() -> str:
        rack = find_rack(form.rack.data)
        spot = Place(
            rack.id, form.find_low(rack, device.device_type.height), form.face.data or None,
            form.side.data or None, form.rail_side, form.rail_place,
        )  # fmt: skip
        loosened = relocate(
            db_session(), current_scope(), [Move(device, spot)], override=read_override(form)
        )
        flash(
            _("%(device)s now stands in %(rack)s.", device=device.name, rack=rack.code), "success"
        )
        tell_loosened(loosened)
        return url_for("staff.cabinet", cabinet_id=rack.cabinet_id)

    racks = db_session().scalars(select(Rack.code).distinct().order_by(Rack.code)).all()
    return answer_placing("staff/move.html", form, place, device=device, racks=racks)


@staff.post("/devices/<int:device_id>/remove")
def remove(device_id: int) -> BaseResponse:
    device = get_device(device_id)
    loosened = take_out(db_session(), current_scope(), device)
    flash(_("%(device)s is taken out of its rack.", device=device.name), "success")
    tell_loosened(loosened)
    return go_on(url_for("staff.device", device_id=device_id))
