"""Install, move, remove, hold, allocate: forms over dcim.inventory.placement, refusals in names."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.inventory.allocating import allocate_space
from dcim.inventory.contents import list_live_holds
from dcim.inventory.holding import hold_space, release_hold
from dcim.inventory.models import Cabinet, Device, Hold, Rack
from dcim.inventory.placement import install_device, move_device, remove_device
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinet_drawing import find_rack_at
from dcim.web.staff.names import unit_text
from dcim.web.staff.placing_forms import (
    AllocateForm,
    HoldForm,
    InstallForm,
    MountForm,
    MoveForm,
    PlaceForm,
)

SUGGESTED = 200
HOLD_DAYS = 14


@staff.route("/cabinets/<int:cabinet_id>/install", methods=["GET", "POST"])
def install(cabinet_id: int) -> Response | BaseResponse:
    cabinet = _find_cabinet(cabinet_id)
    form = InstallForm()
    _prefill(form, cabinet)
    if request.method == "GET":
        form.device.data = read_text("device", 255)
        if (face := read_text("face", 8)) in ("front", "rear"):
            form.face.data = face

    def place() -> str:
        device = find_device(form.device.data)
        done = install_device(
            db_session(), current_scope(), device, form.rack_id.data,
            u_low=form.u_low, face=form.face.data, side=form.side.data, override=_override(form),
        )  # fmt: skip
        where = "" if done.u_low is None else unit_text(done.u_low, done.height)
        flash(_("%(device)s is installed: %(where)s.", device=device.name, where=where), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return _answer(
        "staff/install.html", form, place, cabinet=cabinet, suggestions=suggest_devices()
    )


@staff.route("/cabinets/<int:cabinet_id>/hold", methods=["GET", "POST"])
def hold(cabinet_id: int) -> Response | BaseResponse:
    cabinet = _find_cabinet(cabinet_id)
    form = HoldForm()
    _prefill(form, cabinet)
    zone = _zone()
    if request.method == "GET":
        form.units.data = form.units.data or 1
        form.until.data = utc_now().astimezone(zone).date() + dt.timedelta(days=HOLD_DAYS)

    def place() -> str:
        ends = dt.datetime.combine(form.until.data + dt.timedelta(days=1), dt.time(), zone)
        made = hold_space(
            db_session(), current_scope(), form.rack_id.data, prospect=form.prospect.data,
            u_low=form.u_low or 0, height=form.height, expires_at=ends, reason=form.reason.data,
        )  # fmt: skip
        where = unit_text(made.u_low, made.height)
        flash(_("%(where)s is held for %(name)s.", where=where, name=made.prospect), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return _answer("staff/hold.html", form, place, cabinet=cabinet)


@staff.route("/cabinets/<int:cabinet_id>/allocate", methods=["GET", "POST"])
def allocate(cabinet_id: int) -> Response | BaseResponse:
    cabinet = _find_cabinet(cabinet_id)
    form = AllocateForm()
    _prefill(form, cabinet)
    session, scope, now = db_session(), current_scope(), utc_now()
    racks = {rack.id: rack for rack in cabinet.racks}
    holds = {one.id: one for one in list_live_holds(session, scope, list(racks), now)}
    form.hold_id.choices = [
        SelectChoice(0, _("No hold")),
        *(
            SelectChoice(
                one.id,
                f"{racks[one.rack_id].code} {unit_text(one.u_low, one.height)} · {one.prospect}",
            )
            for one in holds.values()
        ),
    ]
    if request.method == "GET":
        form.starts_on.data = now.astimezone(_zone()).date()
        chosen = holds.get(read_int("hold") or 0)
        if chosen is not None:
            form.hold_id.data, form.rack_id.data = chosen.id, chosen.rack_id
            form.u.data, form.units.data = chosen.u_low / 2 + 1, chosen.height / 2
        elif form.u.data is None:
            form.u.data, form.units.data = 1, racks[form.rack_id.data].u_count

    def place() -> str:
        item = session.scalar(select(ContractItem).where(ContractItem.code == form.item.data))
        if item is None:
            raise InvalidError(
                "No contract item has the code %(code)s.",
                {"item": ["unknown"]},
                code=form.item.data,
            )
        sold = allocate_space(
            session, scope, item, form.rack_id.data, u_low=form.u_low or 0, height=form.height,
            starts_on=form.starts_on.data, ends_on=form.ends_on.data,
            from_hold=session.get(Hold, form.hold_id.data) if form.hold_id.data else None,
        )  # fmt: skip
        where = unit_text(sold.u_low, sold.height)
        flash(_("%(where)s is allocated to %(code)s.", where=where, code=item.code), "success")
        return url_for("staff.cabinet", cabinet_id=cabinet_id)

    return _answer("staff/allocate.html", form, place, cabinet=cabinet, items=suggest_items(now))


@staff.post("/holds/<int:hold_id>/release")
def release(hold_id: int) -> BaseResponse:
    session = db_session()
    found = session.get(Hold, hold_id)
    if found is None:
        raise NotFoundError("This hold is gone already.")
    cabinet_id = found.rack.cabinet_id
    prospect, where = found.prospect, unit_text(found.u_low, found.height)
    release_hold(session, current_scope(), found)
    flash(_("%(where)s is no longer held for %(name)s.", where=where, name=prospect), "success")
    return go_on(url_for("staff.cabinet", cabinet_id=cabinet_id))


@staff.route("/devices/<int:device_id>/move", methods=["GET", "POST"])
def move(device_id: int) -> Response | BaseResponse:
    device = _get_device(device_id)
    form = MoveForm()
    standing = device.installation
    if request.method == "GET" and standing is not None:
        form.rack.data, form.face.data, form.side.data = (
            standing.rack.code, standing.face, standing.side,
        )  # fmt: skip
        form.u.data = None if standing.u_low is None else standing.u_low / 2 + 1

    def place() -> str:
        rack = _find_rack(form.rack.data)
        move_device(
            db_session(), current_scope(), device, rack.id,
            u_low=form.u_low, face=form.face.data, side=form.side.data, override=_override(form),
        )  # fmt: skip
        flash(
            _("%(device)s now stands in %(rack)s.", device=device.name, rack=rack.code), "success"
        )
        return url_for("staff.cabinet", cabinet_id=rack.cabinet_id)

    racks = db_session().scalars(select(Rack.code).distinct().order_by(Rack.code)).all()
    return _answer("staff/move.html", form, place, device=device, racks=racks)


@staff.post("/devices/<int:device_id>/remove")
def remove(device_id: int) -> BaseResponse:
    device = _get_device(device_id)
    remove_device(db_session(), current_scope(), device)
    flash(_("%(device)s is taken out of its rack.", device=device.name), "success")
    return go_on(url_for("staff.device", device_id=device_id))


def _answer(
    template: str, form: PlaceForm, place: Callable[[], str], **context: Any
) -> Response | BaseResponse:
    """One way for all: 422 for what can't be, 409 for what another has, else on to the result."""
    context["may_override"] = has_right(Right.OVERRIDE_SPACE)
    if request.method == "GET":
        return show_form(template, form, **context)
    if not form.validate():
        return show_form(template, form, 422, **context)
    try:
        url = place()
    except (ConflictError, InvalidError, ForbiddenError, NotFoundError) as error:
        return show_form(template, form, refuse(form, error), **context)
    return go_on(url)


def _override(form: MountForm) -> str:
    """The reason, from those who may give one; others' is refused, not ignored."""
    reason = form.override.data or ""
    if reason and not has_right(Right.OVERRIDE_SPACE):
        raise ForbiddenError("You may not build into what is sold or held.")
    return reason


def _prefill(form: PlaceForm, cabinet: Cabinet) -> None:
    """From the drawing: `at` is a half unit of the whole cabinet; or `rack` and `u`."""
    form.offer_racks(cabinet.racks)
    if request.method != "GET":
        return
    at = read_int("at")
    spot = None if at is None else find_rack_at(cabinet, at)
    if spot is not None:
        form.rack_id.data, form.u.data = spot[0], spot[1] // 2 + 1
    elif (u := read_int("u")) is not None:
        form.u.data = u
        rack_id = read_int("rack")
        if rack_id in {rack.id for rack in cabinet.racks}:
            form.rack_id.data = rack_id


def _find_cabinet(cabinet_id: int) -> Cabinet:
    found = db_session().get(Cabinet, cabinet_id)
    if found is None:
        raise NotFoundError("No such cabinet.")
    return found


def _get_device(device_id: int) -> Device:
    found = db_session().get(Device, device_id)
    if found is None:
        raise NotFoundError("No such device.")
    return found


def find_device(mark: str) -> Device:
    """By name, serial or asset tag. Raises InvalidError for none, and for one mark of several."""
    found = (
        db_session()
        .scalars(
            select(Device)
            .where((Device.name == mark) | (Device.serial == mark) | (Device.asset_tag == mark))
            .limit(2)
        )
        .all()
    )
    if len(found) != 1:
        words = "%(mark)s marks several devices." if found else "No device is marked %(mark)s."
        raise InvalidError(words, {"device": ["unknown"]}, mark=mark)
    return found[0]


def _find_rack(code: str) -> Rack:
    found = db_session().scalars(select(Rack).where(Rack.code == code).limit(2)).all()
    if len(found) != 1:
        words = (
            "Several racks are called %(code)s; open its cabinet and install there."
            if found
            else "No rack is called %(code)s."
        )
        raise InvalidError(words, {"rack": ["unknown"]}, code=code)
    return found[0]


def suggest_devices() -> list[tuple[str, str]]:
    """(name, what helps to recognise it) of devices that stand nowhere, newest first."""
    rows = db_session().execute(
        select(Device.name, Device.serial, Customer.name)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .where(~Device.installation.has())
        .order_by(Device.id.desc())
        .limit(SUGGESTED)
    )
    return [(name, " · ".join(p for p in (serial, owner) if p)) for name, serial, owner in rows]


def suggest_items(now: dt.datetime) -> list[tuple[str, str]]:
    """(code, label and customer) of items that space can be sold by."""
    rows = db_session().execute(
        select(ContractItem.code, ContractItem.label, Customer.name)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(Customer, Customer.id == Contract.customer_id)
        .where(
            ContractItem.kind.in_(("cabinet", "rack", "space", "server")),
            (ContractItem.ends_on.is_(None)) | (ContractItem.ends_on > now.date()),
        )
        .order_by(ContractItem.id.desc())
        .limit(SUGGESTED)
    )
    return [(code, f"{label} · {owner}") for code, label, owner in rows]


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["BABEL_DEFAULT_TIMEZONE"])
