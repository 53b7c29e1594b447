"""Moving a device within a drawing: asked while it is dragged, done when the dialog is confirmed."""

from dataclasses import dataclass

from flask import Response, flash, jsonify, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.inventory.models import Cabinet, Device, Rack
from dcim.inventory.placement import move_device
from dcim.inventory.trying import try_move
from dcim.web.staff.answers import go_on
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinet_drawing import find_rack_at
from dcim.web.staff.names import printed_units


@dataclass(frozen=True, slots=True)
class Place:
    cabinet: Cabinet
    rack: Rack
    u_low: int
    face: str
    side: str


@staff.post("/devices/<int:device_id>/place/try")
def try_place(device_id: int) -> Response:
    """{fits, place, question or reason}: what would happen. Changes nothing."""
    session = db_session()
    device = find_device(device_id)
    name, standing = device.name, device.installation
    place = read_place()
    height = 0 if standing is None else standing.height
    where = name_place(place, height)
    question = _("Move %(device)s to %(place)s?", device=name, place=where)
    refusal = try_move(
        session, current_scope(), device, place.rack.id,
        u_low=place.u_low, face=place.face, side=place.side,
    )  # fmt: skip
    if refusal is None:
        return jsonify(fits=True, place=where, question=question)
    return jsonify(fits=False, place=where, reason=say_refusal(refusal))


@staff.post("/devices/<int:device_id>/place")
def place_device(device_id: int) -> BaseResponse:
    session = db_session()
    device = find_device(device_id)
    place = read_place()
    target = url_for("staff.cabinet", cabinet_id=place.cabinet.id)
    try:
        done = move_device(
            session, current_scope(), device, place.rack.id,
            u_low=place.u_low, face=place.face, side=place.side,
        )  # fmt: skip
    except JifangError as error:
        session.rollback()
        flash(say_refusal(error), "error")
        return go_on(target)
    where = name_place(place, done.height)
    flash(_("%(device)s now stands in %(rack)s.", device=device.name, rack=where), "success")
    return go_on(target)


def find_device(device_id: int) -> Device:
    found = db_session().get(Device, device_id)
    if found is None:
        raise NotFoundError("No such device.")
    return found


def read_place() -> Place:
    """From the drawing: `at` is the lowest half unit of the whole cabinet."""
    numbers = {}
    for name in ("cabinet_id", "at"):
        text = request.form.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InvalidError("Please choose a place in the drawing.", {name: ["number"]})
        numbers[name] = int(text)
    face, side = request.form.get("face", "full"), request.form.get("side", "full")
    if face not in ("front", "rear", "full") or side not in ("left", "right", "full"):
        raise InvalidError("Please choose a place in the drawing.", {"face": ["unknown"]})
    cabinet = db_session().get(Cabinet, numbers["cabinet_id"])
    if cabinet is None:
        raise NotFoundError("No such cabinet.")
    spot = find_rack_at(cabinet, numbers["at"])
    if spot is None:
        raise InvalidError("Between two doors nothing can stand.", {"at": ["divider"]})
    rack = next(one for one in cabinet.racks if one.id == spot[0])
    return Place(cabinet, rack, spot[1], face, side)


def name_place(place: Place, height: int) -> str:
    return f"{place.rack.code} {printed_units(place.rack, place.u_low, height)}"


def say_refusal(error: JifangError) -> str:
    return str(_(error.message) % error.places if error.places else _(error.message))
