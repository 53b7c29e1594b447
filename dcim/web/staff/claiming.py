"""Who has what of a cabinet: sell areas, end sales, extend holds, bar units, swap two devices."""

import datetime as dt

from flask import Response, flash, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.columns import utc_now
from dcim.errors import ConflictError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.models import BarredSpace, Cabinet, Device, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.allocating import end_allocation, find_allocation
from dcim.inventory.space.areas import allocate_area, area_of, end_area, find_claim
from dcim.inventory.space.barring import bar_space, find_barred_space, unbar_space
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.space.contents import list_claims, list_live_holds
from dcim.inventory.space.holding import extend_hold, find_hold
from dcim.inventory.space.occupancy import begin_day
from dcim.inventory.space.placement import Move, Place
from dcim.inventory.space.structure import split_cabinet
from dcim.operations.relocation import relocate
from dcim.web.local_times import local_zone
from dcim.web.staff.answers import go_on
from dcim.web.staff.blueprint import staff
from dcim.web.staff.claiming_forms import (
    AreaForm,
    BarForm,
    EndForm,
    ExtendForm,
    SplitForm,
    SwapForm,
)
from dcim.web.staff.moving import tell_loosened
from dcim.web.staff.placing_parts import (
    answer_placing,
    find_cabinet,
    find_device,
    find_item,
    get_device,
    prefill,
    read_override,
    suggest_items,
)


@staff.get("/cabinets/<int:cabinet_id>/claims")
def claims(cabinet_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    cabinet = find_cabinet(cabinet_id)
    racks = {rack.id: rack for rack in cabinet.racks}
    barred = session.scalars(
        select(BarredSpace)
        .where(BarredSpace.rack_id.in_(racks))
        .order_by(BarredSpace.rack_id, BarredSpace.u_low)
    ).all()
    return render_template(
        "staff/claims.html",
        cabinet=cabinet,
        racks=racks,
        claims=list_claims(session, scope, rack_ids=list(racks)),
        sales=[(one, area_of(session, one).path) for one in _find_sales(session, cabinet)],
        holds=list_live_holds(session, scope, list(racks), now),
        barred=barred,
        now=now,
    )


@staff.route("/allocations/<int:allocation_id>/end", methods=["GET", "POST"])
def end_sale(allocation_id: int) -> Response | BaseResponse:
    session = db_session()
    found = find_allocation(session, allocation_id)
    rack = session.get_one(Rack, found.rack_id)
    form = EndForm()
    if request.method == "GET":
        form.ends_on.data = found.ends_on

    def place() -> str:
        ended = end_allocation(session, current_scope(), found, form.ends_on.data)
        _tell_end(form.ends_on.data, [device.name for device in ended.standing])
        return url_for("staff.claims", cabinet_id=rack.cabinet_id)

    where = f"{rack.code} {name_units(found.rack, found.u_low, found.height)}"
    return answer_placing(
        "staff/end_sale.html", form, place, where=where, cabinet_id=rack.cabinet_id,
        action=url_for("staff.end_sale", allocation_id=allocation_id),
    )  # fmt: skip


@staff.route("/area-claims/<int:area_claim_id>/end", methods=["GET", "POST"])
def end_area_sale(area_claim_id: int) -> Response | BaseResponse:
    session = db_session()
    found = find_claim(session, area_claim_id)
    area = area_of(session, found)
    cabinet_id = session.scalars(
        select(Rack.cabinet_id).where(Rack.id.in_([one.rack_id for one in found.allocations]))
    ).first()
    form = EndForm()
    if request.method == "GET":
        form.ends_on.data = found.ends_on
    back = (
        url_for("staff.claims", cabinet_id=cabinet_id)
        if cabinet_id
        else url_for("staff.room", room_id=area.room_id)
    )

    def place() -> str:
        ended = end_area(session, current_scope(), found, form.ends_on.data)
        _tell_end(form.ends_on.data, [device.name for device in ended.standing])
        return back

    return answer_placing(
        "staff/end_sale.html", form, place, where=area.path, cabinet_id=cabinet_id,
        action=url_for("staff.end_area_sale", area_claim_id=area_claim_id),
    )  # fmt: skip


@staff.route("/holds/<int:hold_id>/extend", methods=["GET", "POST"])
def extend(hold_id: int) -> Response | BaseResponse:
    session = db_session()
    found = find_hold(session, hold_id)
    cabinet_id = found.rack.cabinet_id
    form, zone = ExtendForm(), local_zone()

    def place() -> str:
        ends = begin_day(form.until.data + dt.timedelta(days=1), zone)
        made = extend_hold(session, current_scope(), found, ends, reason=form.reason.data)
        flash(_("The hold for %(name)s lasts longer now.", name=made.prospect), "success")
        return url_for("staff.claims", cabinet_id=cabinet_id)

    return answer_placing("staff/extend.html", form, place, hold=found, cabinet_id=cabinet_id)


@staff.route("/cabinets/<int:cabinet_id>/sell", methods=["GET", "POST"])
def sell_area(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form, now = AreaForm(), utc_now()
    form.area.choices = _areas_of(cabinet)
    if request.method == "GET":
        form.starts_on.data = now.astimezone(local_zone()).date()

    def place() -> str:
        session = db_session()
        extent, _dash, area_id = form.area.data.partition("-")
        item = find_item(form.item.data)
        claim = allocate_area(
            session, current_scope(), item, extent, int(area_id),
            starts_on=form.starts_on.data, ends_on=form.ends_on.data,
        )  # fmt: skip
        path = area_of(session, claim).path
        flash(_("%(where)s is allocated to %(code)s.", where=path, code=item.code), "success")
        return url_for("staff.claims", cabinet_id=cabinet_id)

    return answer_placing(
        "staff/sell_area.html", form, place, cabinet=cabinet, items=suggest_items(now)
    )


@staff.route("/cabinets/<int:cabinet_id>/split", methods=["GET", "POST"])
def split(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form = SplitForm()
    if request.method == "GET":
        form.layout.data = cabinet.layout

    def place() -> str:
        racks = split_cabinet(db_session(), current_scope(), cabinet, form.layout.data)
        names = ", ".join(f"{rack.code} ({rack.u_count}U)" for rack in racks)
        flash(
            _("%(code)s has these racks now: %(names)s.", code=cabinet.code, names=names), "success"
        )
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return answer_placing("staff/split.html", form, place, cabinet=cabinet)


@staff.route("/cabinets/<int:cabinet_id>/bar", methods=["GET", "POST"])
def bar(cabinet_id: int) -> Response | BaseResponse:
    cabinet = find_cabinet(cabinet_id)
    form = BarForm()
    prefill(form, cabinet)

    def place() -> str:
        made = bar_space(
            db_session(), current_scope(), form.rack_id.data, u_low=form.low_in(cabinet.racks),
            height=form.height, face=form.face.data, kind=form.kind.data, reason=form.reason.data,
        )  # fmt: skip
        where = name_units(made.rack, made.u_low, made.height)
        flash(_("%(where)s is out of use.", where=where), "success")
        return url_for("staff.claims", cabinet_id=cabinet_id)

    return answer_placing("staff/bar.html", form, place, cabinet=cabinet)


@staff.post("/barred-spaces/<int:barred_space_id>/unbar")
def unbar(barred_space_id: int) -> BaseResponse:
    session = db_session()
    found = find_barred_space(session, barred_space_id)
    cabinet_id = session.get_one(Rack, found.rack_id).cabinet_id
    where = name_units(found.rack, found.u_low, found.height)
    unbar_space(session, current_scope(), found)
    flash(_("%(where)s can be used again.", where=where), "success")
    return go_on(url_for("staff.claims", cabinet_id=cabinet_id))


@staff.route("/devices/<int:device_id>/swap", methods=["GET", "POST"])
def swap(device_id: int) -> Response | BaseResponse:
    device, form = get_device(device_id), SwapForm()

    def place() -> str:
        other = find_device(form.other.data)
        moves = [Move(device, _place_of(other)), Move(other, _place_of(device))]
        loosened = relocate(db_session(), current_scope(), moves, override=read_override(form))
        flash(
            _("%(device)s and %(other)s have changed places.", device=device.name,
              other=other.name),
            "success",
        )  # fmt: skip
        tell_loosened(loosened)
        return url_for("staff.device", device_id=device_id)

    return answer_placing("staff/swap.html", form, place, device=device)


def _place_of(device: Device) -> Place:
    at = device.installation
    if at is None:
        raise ConflictError("%(device)s is not installed.", device=device.name)
    # Which face and side it takes there is its type's to say, but for halves, which have a side.
    side = at.side if at.side != "full" else None
    return Place(at.rack_id, at.u_low, None, side, at.rail, at.rail_position)


def _find_sales(session: Session, cabinet: Cabinet) -> list[AreaClaim]:
    """Of what the cabinet stands in, of itself and of its racks; not what is over."""
    around = (
        (AreaClaim.room_id == cabinet.row.room_id)
        | (AreaClaim.cabinet_id == cabinet.id)
        | AreaClaim.rack_id.in_([rack.id for rack in cabinet.racks])
    )
    if cabinet.cage_id is not None:
        around |= AreaClaim.cage_id == cabinet.cage_id
    return list(
        session.scalars(
            select(AreaClaim)
            .where(around, AreaClaim.turn != "over")
            .order_by(AreaClaim.starts_on, AreaClaim.id)
        )
    )


def _areas_of(cabinet: Cabinet) -> list[SelectChoice]:
    choices = [
        *(SelectChoice(f"rack-{rack.id}", _("Rack %(code)s", code=rack.code))
          for rack in cabinet.racks),
        SelectChoice(f"cabinet-{cabinet.id}", _("Cabinet %(code)s", code=cabinet.code)),
    ]  # fmt: skip
    if cabinet.cage is not None:
        choices.append(
            SelectChoice(f"cage-{cabinet.cage_id}", _("Cage %(code)s", code=cabinet.cage.code))
        )
    room = cabinet.row.room
    choices.append(SelectChoice(f"room-{room.id}", _("Room %(code)s", code=room.code)))
    return choices


def _tell_end(day: dt.date | None, standing: list[str]) -> None:
    if day is None:
        flash(_("It has no end any more."), "success")
        return
    flash(_("It is free again from %(day)s on.", day=day.isoformat()), "success")
    if standing:
        flash(_("To be taken out by then: %(devices)s.", devices=", ".join(standing)), "warning")
