"""Moving a device within a drawing: asked while it is dragged, done when confirmed."""

from dataclasses import dataclass

from flask import Response, flash, jsonify, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.drawing.trying import plan_moves, try_moves
from dcim.inventory.models import Cabinet, Device, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.placement import Move, Place
from dcim.operations.relocation import Loosened, relocate
from dcim.web.staff.answers import go_on
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinet_drawing import find_rack_at


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a drawing, with the rack it is in."""

    cabinet: Cabinet
    rack: Rack
    place: Place


@staff.post("/devices/<int:device_id>/place/try")
def try_place(device_id: int) -> Response:
    """{fits, place, question or reason}: what would happen. Changes nothing."""
    session, scope = db_session(), current_scope()
    device = find_device(device_id)
    spot = read_spot()
    moves = plan_moves(session, scope, device, spot.place)
    where, question = name_spot(spot, device), ask(moves, spot)
    swaps = moves[1].device.name if len(moves) > 1 else ""
    refusal = try_moves(session, scope, moves)
    if refusal is None:
        return jsonify(fits=True, place=where, question=question, swaps=swaps)
    return jsonify(fits=False, place=where, reason=say_refusal(refusal))


@staff.post("/devices/<int:device_id>/place")
def place_device(device_id: int) -> BaseResponse:
    session, scope = db_session(), current_scope()
    device = find_device(device_id)
    spot = read_spot()
    target = url_for("staff.cabinet", cabinet_id=spot.cabinet.id)
    moves = plan_moves(session, scope, device, spot.place)
    name, where = device.name, name_spot(spot, device)
    other = moves[1].device.name if len(moves) > 1 else ""
    if other != request.form.get("swaps", ""):
        # What the dialog asked about is no longer what would be done.
        flash(_("Something changed there in the meantime; please look again."), "error")
        return go_on(target)
    try:
        loosened = relocate(session, scope, moves)
    except JifangError as error:
        session.rollback()
        flash(say_refusal(error), "error")
        return go_on(target)
    if other:
        flash(_("%(one)s and %(other)s have changed places.", one=name, other=other), "success")
    else:
        flash(_("%(device)s now stands in %(rack)s.", device=name, rack=where), "success")
    tell_loosened(loosened)
    return go_on(target)


def tell_loosened(loosened: Loosened) -> None:
    """What else a move did, and what is left to do by somebody else."""
    if loosened.outlets:
        flash(_("Unplugged, free now: %(outlets)s.", outlets=", ".join(loosened.outlets)), "info")
    if loosened.ports:
        flash(
            _("Cross-connected still, to be parted by their orders: %(ports)s.",
              ports=", ".join(loosened.ports)),
            "warning",
        )  # fmt: skip


def ask(moves: list[Move], spot: Spot) -> str:
    device = moves[0].device
    if len(moves) > 1:
        return str(
            _("Let %(one)s and %(other)s change places?",
              one=device.name, other=moves[1].device.name)
        )  # fmt: skip
    return str(
        _("Move %(device)s to %(place)s?", device=device.name, place=name_spot(spot, device))
    )


def find_device(device_id: int) -> Device:
    found = db_session().get(Device, device_id)
    if found is None:
        raise NotFoundError("No such device.")
    return found


def read_spot() -> Spot:
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
    found = find_rack_at(cabinet, numbers["at"])
    if found is None:
        raise InvalidError("Between two doors nothing can stand.", {"at": ["divider"]})
    rack = next(one for one in cabinet.racks if one.id == found[0])
    return Spot(cabinet, rack, Place(rack.id, found[1], face, side))


def name_spot(spot: Spot, device: Device) -> str:
    height = 1 if device.installation is None else device.installation.height
    return f"{spot.rack.code} {name_units(spot.rack, spot.place.u_low or 0, max(height, 1))}"


def say_refusal(error: JifangError) -> str:
    return str(_(error.message) % error.places if error.places else _(error.message))
