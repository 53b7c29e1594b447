"""A room: its floor plan in layers, who is near a limit, what isn't measured, what has no place."""

from urllib.parse import urlencode

from flask import flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.drawing.floor_reading import place_cabinet, place_rows, read_floor
from dcim.inventory.models import Cabinet, Row
from dcim.inventory.queries import find_room
from dcim.inventory.space.summaries import summarize_racks
from dcim.sla.feeds import load_supply
from dcim.sla.rooms import read_cabinet_climate
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.floor_layers import (
    LAYERS,
    UNITS,
    choose_floor_layer,
    make_keys,
    mark_all,
)
from dcim.web.staff.overview import Fill, Tile, crumbs_of, find_newest, make_tiles

RISKS = 8
# Layers whose number is judged against a limit.
JUDGED = ("measured", "allocated", "weight", "temperature")


@staff.get("/rooms/<int:room_id>")
def room(room_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_room(session, scope, room_id)
    racks = summarize_racks(session, scope, now, room_id=room_id)
    supply = load_supply(session, now, site_id=found.site_id)
    tiles = {tile.id: tile for tile in make_tiles(racks, supply)}
    floor = read_floor(session, scope, room_id)
    layer = choose_floor_layer(request.args.get("layer"))
    climate = read_cabinet_climate(session, scope, now, room_id) if layer == "temperature" else {}
    marks = mark_all(layer, floor.cabinets, tiles, climate)
    whole = Fill()
    for rack in racks:
        whole.add(rack, supply)
    judged = layer if layer in JUDGED else "measured"
    judging = marks if judged == layer else mark_all(judged, floor.cabinets, tiles, climate)
    risks = sorted(
        (
            (one, mark)
            for one in floor.cabinets
            if (mark := judging[one.id]).kind in ("warning", "down")
        ),
        key=lambda pair: pair[1].share or 0,
        reverse=True,
    )
    rows: dict[str, list[Tile]] = {}
    for one in floor.cabinets:
        if one.id in tiles:
            rows.setdefault(one.row_code, []).append(tiles[one.id])
    own = url_for("staff.room", room_id=room_id)
    arranging = bool(request.args.get("arrange")) and has_right(Right.CHANGE_SPACE)
    return render_template(
        "staff/room.html",
        room=found,
        floor=floor,
        plan=floor.draw(),
        marks=marks,
        by_id={one.id: one for one in floor.cabinets},
        layer=layer,
        layer_name=LAYERS[layer],
        layer_unit=UNITS[layer],
        layers=[(str(text), f"{own}?layer={name}", name == layer) for name, text in LAYERS.items()],
        keys=make_keys(layer, list(marks.values())),
        arranging=arranging,
        row_ids={one.row_code: one.row_id for one in floor.cabinets},
        rows=rows,
        whole=whole,
        judged=LAYERS[judged],
        risks=risks[:RISKS],
        risk_count=len(risks),
        blind=[tile for tile in tiles.values() if tile.is_powered and tile.watts is None],
        newest=find_newest(supply),
        typed={name: read_text(name, 20) for name in ("cabinet", "x", "y", "facing")},
        crumbs=[*crumbs_of(found)[:-1], (pick_text(found.name, found.name_en), "")],
    )


@staff.post("/cabinets/<int:cabinet_id>/floor")
def move_cabinet(cabinet_id: int) -> BaseResponse:
    """Onto other tiles, or turned; empty x and y take it off the plan."""
    session = db_session()
    cabinet = session.get(Cabinet, cabinet_id)
    if cabinet is None:
        raise NotFoundError("No such cabinet.")
    room_id = session.get_one(Row, cabinet.row_id).room_id
    _move(cabinet)
    return go_on(url_for("staff.room", room_id=room_id, arrange=1))


@staff.post("/rooms/<int:room_id>/floor")
def place_in_room(room_id: int) -> BaseResponse:
    """A cabinet of this room onto tiles, chosen in a form; what is refused stands there again."""
    session = db_session()
    number = request.form.get("cabinet", "")
    known = number.isascii() and number.isdigit() and len(number) < 19
    cabinet = session.get(Cabinet, int(number)) if known else None
    if cabinet is None or session.get_one(Row, cabinet.row_id).room_id != room_id:
        raise NotFoundError("No such cabinet.")
    if _move(cabinet):
        return go_on(url_for("staff.room", room_id=room_id))
    typed = {name: request.form.get(name, "")[:20] for name in ("cabinet", "x", "y", "facing")}
    return go_on(f"{url_for('staff.room', room_id=room_id)}?{urlencode(typed)}")


def _move(cabinet: Cabinet) -> bool:
    """Whether it stands now where the form says; if not, the reader is told why."""
    session, cabinet_id, code = db_session(), cabinet.id, cabinet.code
    try:
        facing = request.form.get("facing", "S")
        if facing not in ("N", "E", "S", "W"):
            raise InvalidError("Choose where its front looks.", {"facing": ["unknown"]})
        x, y = read_tile("x"), read_tile("y")
        place_cabinet(session, current_scope(), cabinet_id, grid_x=x, grid_y=y, facing=facing)
        if x is None:
            flash(_("%(cabinet)s is off the floor plan.", cabinet=code), "success")
        else:
            flash(_("%(cabinet)s stands on tile %(x)s, %(y)s.", cabinet=code, x=x, y=y), "success")
    except JifangError as error:
        session.rollback()
        flash(_(error.message) % error.places if error.places else _(error.message), "error")
        return False
    return True


@staff.post("/rooms/<int:room_id>/arrange")
def arrange_room(room_id: int) -> BaseResponse:
    """Every row in its line, front to front: a plan to begin with."""
    try:
        count = place_rows(db_session(), current_scope(), room_id)
        flash(_("%(count)s cabinets are placed row by row.", count=count), "success")
    except JifangError as error:
        if isinstance(error, NotFoundError):
            raise
        db_session().rollback()
        flash(_(error.message) % error.places if error.places else _(error.message), "error")
    return go_on(url_for("staff.room", room_id=room_id))


def read_tile(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise InvalidError("Give the tile as a whole number.", {name: ["number"]})
    return int(text)
