"""A row of cabinets side by side: the first few at once, the others as they scroll into view."""

from dataclasses import dataclass

from flask import render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import contains_eager, selectinload

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.drawing.elevation import lay_out
from dcim.inventory.drawing.elevation_parts import Elevation
from dcim.inventory.models import Cabinet, Room, Row
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinet_drawing import draw_cabinet
from dcim.web.staff.cabinet_reading import CabinetReading, read_several
from dcim.web.staff.cabinets import unmark_dividers
from dcim.web.staff.overlays import choose_layer, make_legend, name_layers

DRAWN_AT_ONCE = 6
FACES = ("front", "rear")


@dataclass(frozen=True, slots=True)
class Drawn:
    cabinet: Cabinet
    view: CabinetReading
    elevation: Elevation


@staff.get("/rows/<int:row_id>")
def row(row_id: int) -> str:
    session, scope = db_session(), current_scope()
    found = session.scalar(
        select(Row)
        .join(Row.room)
        .join(Room.site)
        .options(
            contains_eager(Row.room).contains_eager(Room.site),
            selectinload(Row.cabinets).selectinload(Cabinet.racks),
        )
        .where(Row.id == row_id)
    )
    if found is None or not scope.is_staff:
        raise NotFoundError("No such row.")
    layer, face = choose_layer(request.args.get("layer")), choose_face()
    drawn = draw_several(scope, found.cabinets[:DRAWN_AT_ONCE], layer)
    rows = session.execute(
        select(Row.id, Row.code).where(Row.room_id == found.room_id).order_by(Row.position, Row.id)
    ).all()
    place = [one for one, _code in rows].index(row_id)
    room, own = found.room, url_for("staff.row", row_id=row_id)
    return render_template(
        "staff/row.html",
        row=found,
        drawn=drawn,
        later=found.cabinets[DRAWN_AT_ONCE:],
        before=rows[place - 1] if place else None,
        after=rows[place + 1] if place + 1 < len(rows) else None,
        layer=layer,
        face=face,
        layers=name_layers(f"{own}?face={face}", layer),
        faces=[
            (_("Front"), f"{own}?layer={layer}&face=front", face == "front"),
            (_("Rear"), f"{own}?layer={layer}&face=rear", face == "rear"),
        ],
        keys=make_legend(layer, [one.elevation for one in drawn]),
        crumbs=[
            (_("Overview"), url_for("staff.home")),
            (room.site.code, url_for("staff.home")),
            (pick_text(room.name, room.name_en), url_for("staff.room", room_id=room.id)),
            (_("Row %(code)s", code=found.code), ""),
        ],
    )


@staff.get("/cabinets/<int:cabinet_id>/face")
def cabinet_face(cabinet_id: int) -> str:
    """One cabinet of the row view alone, for htmx."""
    layer = choose_layer(request.args.get("layer"))
    drawn = draw_several(current_scope(), load_cabinets([cabinet_id]), layer)
    if not drawn:
        raise NotFoundError("No such cabinet.")
    return render_template("staff/row_cabinet.html", one=drawn[0], layer=layer, face=choose_face())


def draw_several(scope: Scope, cabinets: list[Cabinet], layer: str) -> list[Drawn]:
    """A fixed number of statements, however many cabinets."""
    readings = read_several(db_session(), scope, cabinets, utc_now())
    return [
        Drawn(view.cabinet, view, unmark_dividers(lay_out(*draw_cabinet(view, layer))))
        for view in readings
    ]


def load_cabinets(ids: list[int]) -> list[Cabinet]:
    """With all that drawing them needs, in the order they stand; absent ones are left out."""
    return list(
        db_session()
        .scalars(
            select(Cabinet)
            .join(Cabinet.row)
            .join(Row.room)
            .join(Room.site)
            .options(
                contains_eager(Cabinet.row).contains_eager(Row.room).contains_eager(Room.site),
                selectinload(Cabinet.racks),
            )
            .where(Cabinet.id.in_(ids))
            .order_by(Room.site_id, Room.code, Row.position, Cabinet.position)
        )
        .all()
    )


def choose_face() -> str:
    face = request.args.get("face", "front")
    return face if face in FACES else "front"
